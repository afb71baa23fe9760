"""What few groups gain: a fused AdamW step with the plan's groups, the same merged by hand, and one per parameter.

$ python benchmarks/bench_groups.py
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from timing import Row, compared, show
from torch import nn

import scepter_opt

RULES = {
    "no_decay": {"WHERE": {"KINDS": ["bias", "norm"]}, "SET": {"WEIGHT_DECAY": 0.0}},
    "layers": {"WHERE": {"NAMES": "*"}, "SET": {"LAYER_DECAY": 0.75}},
}


class ViTBlock(nn.Module):
    """A block of a vision transformer, without its forward."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)


class ViT(nn.Module):
    """The parameters of a small vision transformer of 12 blocks."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.patch_embed = nn.Conv2d(3, width, 4)
        self.blocks = nn.Sequential(*(ViTBlock(width) for _ in range(12)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)


def rows(rounds: int = 100) -> Iterator[Row]:
    """Steps of the three; ratios are to the plan's groups."""
    model = ViT()
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 1e-3)
    ours = scepter_opt.build_optimizer(model, {"NAME": "AdamW", "PARAM_GROUPS": RULES})
    by_hand: dict[Any, list[Any]] = {}
    for group in ours.param_groups:
        by_hand.setdefault((group["lr"], group["weight_decay"]), []).extend(group["params"])
    merged = [{"params": params, "lr": lr, "weight_decay": decay} for (lr, decay), params in by_hand.items()]
    single = [{**group, "params": [parameter]} for group in merged for parameter in group["params"]]
    optimizers = {
        "the plan's": ours,
        "merged by hand": torch.optim.AdamW(map(dict, merged), fused=True),  # torch fills in the dicts it is given
        "one per parameter": torch.optim.AdamW(single, fused=True),
        "merged, torch's default": torch.optim.AdamW(map(dict, merged)),
    }
    tasks = {f"{name} ({len(made.param_groups)} groups)": made.step for name, made in optimizers.items()}
    yield from compared("grouped step", "AdamW, small ViT", tasks, next(iter(tasks)), rounds)


if __name__ == "__main__":
    show(rows())
