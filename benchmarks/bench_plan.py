"""What a plan costs, beside what others do with a model's parameters.

$ python benchmarks/bench_plan.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from peers import peer
from timing import Row, compared, show
from torch import nn

import scepter_opt
from scepter_opt.parameters.planning import make_plan

PART = "plan"
NO_DECAY = {"WHERE": {"KINDS": ["bias", "norm"]}, "SET": {"WEIGHT_DECAY": 0.0}}


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


def one_group_each(model: nn.Module) -> list[dict[str, Any]]:
    """What mmengine and others do: a group per parameter."""
    return [
        {"params": [parameter], "weight_decay": 0.0 if name.endswith("bias") else 0.01}
        for name, parameter in model.named_parameters()
    ]


def plans(rounds: int) -> Iterator[Row]:
    """Plans of many parameters with twenty rules, and with the one rule that the peers have."""
    config = scepter_opt.check({"NAME": "AdamW", "PARAM_GROUPS": twenty_rules()})
    single = scepter_opt.check({"NAME": "AdamW", "PARAM_GROUPS": {"no_decay": NO_DECAY}})
    for count in (1_000, 10_000, 100_000):
        model = many_parameters(count)
        tasks: dict[str, Callable[[], Any]] = {
            "scepter_opt, 20 rules": partial(make_plan, config, model),
            "scepter_opt, 1 rule": partial(make_plan, single, model),
            "one group per parameter": partial(one_group_each, model),
        }
        if package := peer("timm", "timm.optim"):
            tasks["timm weight decay groups"] = partial(package.optim.param_groups_weight_decay, model)
        for row in compared(PART, f"{count:,} parameters", tasks, "one group per parameter", rounds):
            yield {**row, "value": 1e6 * row["value"] / count, "unit": "µs per parameter"}


class Blocks(nn.Module):
    """A stem and twelve blocks, with the method by which timm's models tell them apart."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Leaf()
        self.blocks = nn.ModuleList(nn.ModuleList((Leaf(), Leaf())) for _ in range(12))

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        return {"stem": r"^stem", "blocks": [(r"^blocks\.(\d+)", None)]}


def layer_decay(rounds: int) -> Iterator[Row]:
    """Layer-wise decay over twelve blocks, with no weight decay of biases and norms."""
    model = Blocks()
    rules = {"no_decay": NO_DECAY, "layers": {"WHERE": {"NAMES": "*"}, "SET": {"LAYER_DECAY": 0.75}}}
    config = scepter_opt.check({"NAME": "AdamW", "PARAM_GROUPS": rules})
    count = len(list(model.parameters()))
    tasks: dict[str, Callable[[], Any]] = {
        "scepter_opt": partial(make_plan, config, model),
        "one group per parameter": partial(one_group_each, model),
    }
    if package := peer("timm", "timm.optim"):
        tasks["timm layer decay groups"] = partial(package.optim.param_groups_layer_decay, model)
    for row in compared(PART, f"layer decay, {count} parameters", tasks, "one group per parameter", rounds):
        yield {**row, "value": 1e6 * row["value"] / count, "unit": "µs per parameter"}


class Layer(nn.Module):
    """A layer of a transformer of 70 billion parameters."""

    def __init__(self) -> None:
        super().__init__()
        for name, rows in (("q", 8192), ("k", 1024), ("v", 1024), ("o", 8192), ("gate", 28672), ("up", 28672)):
            setattr(self, name, nn.Linear(8192, rows, bias=False))
        self.down = nn.Linear(28672, 8192, bias=False)
        self.norm1, self.norm2 = nn.RMSNorm(8192), nn.RMSNorm(8192)


def meta(rounds: int) -> Iterator[Row]:
    """A model too large for this machine."""
    with torch.device("meta"):
        layers = nn.ModuleList(Layer() for _ in range(80))
        model = nn.ModuleDict(
            {"embed": nn.Embedding(128256, 8192), "layers": layers, "norm": nn.RMSNorm(8192),
             "head": nn.Linear(8192, 128256, bias=False)}
        )  # fmt: skip
    rules = {"no_decay": NO_DECAY, "layers": {"WHERE": {"NAMES": "*"}, "SET": {"LAYER_DECAY": 0.9}}}
    node = {"NAME": "AdamW", "PARAM_GROUPS": rules}
    values = sum(parameter.numel() for parameter in model.parameters())
    tasks = {"scepter_opt": lambda: scepter_opt.plan(node, model).short()}
    yield from compared(PART, f"{values / 1e9:.0f} billion values, meta", tasks, "scepter_opt", rounds)


def rows(rounds: int = 7) -> Iterator[Row]:
    """Plans of made-up models; ratios are to making one group per parameter by hand."""
    yield from plans(rounds)
    yield from layer_decay(10 * rounds)
    yield from meta(rounds)


if __name__ == "__main__":
    show(rows())
