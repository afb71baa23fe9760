"""What a plan costs, and what its groups gain.

    python benchmarks/bench_plan.py

Times are medians. Memory is what the plan holds beside the model and the names.
"""

from __future__ import annotations

import argparse
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

import scepter_opt
from scepter_opt.parameters.planning import make_plan


class Leaf(nn.Module):
    """Four parameters, as a block of a model has them."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(4, 4))
        self.bias = nn.Parameter(torch.empty(4))
        self.norm = nn.LayerNorm(4)


def many_parameters(count: int) -> nn.Module:
    return nn.ModuleDict({"encoder": nn.ModuleList(Leaf() for _ in range(count // 4))})


def twenty_rules() -> dict[str, Any]:
    """Rules of one selector each, of all kinds of selectors."""
    wheres: list[dict[str, Any]] = [
        {"NAMES": "encoder.1*"}, {"NAMES": "*.bias"}, {"NAMES": "*norm*"}, {"NAMES": "encoder"}, {"NAMES": "*.2?.*"},
        {"NAMES": "re:norm"}, {"NAMES": r"re:\.\d*5\."}, {"NAMES": "encoder.0.*"}, {"NAMES": "*weight"},
        {"NAMES": "encoder.[0-4]*"}, {"NAMES": "*.norm.weight"}, {"NAMES": "encoder.*.norm.*"}, {"KINDS": "bias"},
        {"KINDS": ["norm", "vector"]}, {"KINDS": "matrix"}, {"MODULES": "LayerNorm"}, {"MODULES": "Leaf"},
        {"NDIM": 1}, {"NDIM": [2, 3]}, {"NAMES": "*.9*"},
    ]  # fmt: skip
    keys = ("LR_MULT", "WEIGHT_DECAY", "WEIGHT_DECAY_MULT", "EPS")
    return {f"rule{i}": {"WHERE": where, "SET": {keys[i % 4]: 0.5}, "OPTIONAL": True} for i, where in enumerate(wheres)}


def median(call: Callable[[], Any], repeats: int) -> float:
    """Seconds of a call on the processor, which others on the machine do not lengthen."""
    call()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return statistics.median(times)


def bench_plan() -> None:
    config = scepter_opt.check({"NAME": "AdamW", "PARAM_GROUPS": twenty_rules()})
    for count in (1_000, 10_000, 100_000):
        model = many_parameters(count)
        seconds = median(lambda: make_plan(config, model), 5)  # noqa: B023  # called at once
        print(f"plan: {count:7,} parameters, 20 rules: {seconds / count * 1e6:5.1f} us per parameter")
    names = sum(len(name) + 49 for name, _ in model.named_parameters())  # a str is its length and 49 bytes
    tracemalloc.start()
    plan = make_plan(config, model)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    print(f"plan: {len(plan):7,} parameters: {(held - names) / len(plan):.0f} bytes per parameter beside the names")


class Layer(nn.Module):
    """A layer of a transformer of 70 billion parameters."""

    def __init__(self) -> None:
        super().__init__()
        for name, rows in (("q", 8192), ("k", 1024), ("v", 1024), ("o", 8192), ("gate", 28672), ("up", 28672)):
            setattr(self, name, nn.Linear(8192, rows, bias=False))
        self.down = nn.Linear(28672, 8192, bias=False)
        self.norm1, self.norm2 = nn.RMSNorm(8192), nn.RMSNorm(8192)


def bench_meta() -> None:
    with torch.device("meta"):
        layers = nn.ModuleList(Layer() for _ in range(80))
        model = nn.ModuleDict(
            {"embed": nn.Embedding(128256, 8192), "layers": layers, "norm": nn.RMSNorm(8192),
             "head": nn.Linear(8192, 128256, bias=False)}
        )  # fmt: skip
    rules = {
        "no_decay": {"WHERE": {"KINDS": ["bias", "norm"]}, "SET": {"WEIGHT_DECAY": 0.0}},
        "layers": {"WHERE": {"NAMES": "*"}, "SET": {"LAYER_DECAY": 0.9}},
    }
    node = {"NAME": "AdamW", "PARAM_GROUPS": rules}
    values = sum(parameter.numel() for parameter in model.parameters())
    seconds = median(lambda: scepter_opt.plan(node, model).short(), 5)
    print(f"plan: transformer of {values / 1e9:.0f} billion values on the meta device: {seconds * 1e3:.0f} ms")


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


def bench_groups(rounds: int) -> None:
    """A fused AdamW step with the plan's groups, the same merged by hand, and one group per parameter."""
    model = ViT()
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 1e-3)
    rules = {
        "no_decay": {"WHERE": {"KINDS": ["bias", "norm"]}, "SET": {"WEIGHT_DECAY": 0.0}},
        "layers": {"WHERE": {"NAMES": "*"}, "SET": {"LAYER_DECAY": 0.75}},
    }
    node = {"NAME": "AdamW", "IMPLEMENTATION": "fused", "PARAM_GROUPS": rules}
    ours = scepter_opt.build_optimizer(model, node)
    by_hand: dict[Any, list[Any]] = {}
    for group in ours.param_groups:
        by_hand.setdefault((group["lr"], group["weight_decay"]), []).extend(group["params"])
    merged = torch.optim.AdamW(
        [{"params": params, "lr": lr, "weight_decay": decay} for (lr, decay), params in by_hand.items()], fused=True
    )
    single = torch.optim.AdamW(
        [
            {"params": [parameter], "lr": group["lr"], "weight_decay": group["weight_decay"]}
            for group in ours.param_groups
            for parameter in group["params"]
        ],
        fused=True,
    )
    optimizers = {"the plan's groups": ours, "merged by hand": merged, "one group per parameter": single}
    times: dict[str, list[float]] = {name: [] for name in optimizers}
    for _ in range(rounds):  # in turn, so that a busy moment falls on all
        for name, optimizer in optimizers.items():
            start = time.perf_counter()
            optimizer.step()
            times[name].append(time.perf_counter() - start)
    base = statistics.median(times["the plan's groups"])
    for name, optimizer in optimizers.items():
        seconds = statistics.median(times[name])
        count = len(optimizer.param_groups)
        print(f"fused AdamW step, {name:24} ({count:3} groups): {seconds * 1e3:5.2f} ms, {seconds / base:4.2f} times")


def main() -> None:
    parser = argparse.ArgumentParser(description="What a plan costs, and what its groups gain.")
    parser.add_argument("--rounds", type=int, default=300, help="optimizer steps to take the median of")
    given = parser.parse_args()
    torch.set_num_threads(1)
    bench_plan()
    bench_meta()
    bench_groups(given.rounds)


if __name__ == "__main__":
    main()
