"""What people change between a save and a load, each with what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from tests.checkpoint.runs import ADAMW, RULES, SCHEDULE, Net, Side, Tied

SGD: dict[str, Any] = {
    "NAME": "SGD", "IMPLEMENTATION": "for_loop", "LEARNING_RATE": 0.01, "MOMENTUM": 0.9, "PARAM_GROUPS": RULES,
}  # fmt: skip
HYBRID: dict[str, Any] = {
    "NAME": "Hybrid",
    "OPTIMIZERS": {
        "one": {key: value for key, value in ADAMW.items() if key != "PARAM_GROUPS"},
        "two": {"NAME": "AdamW", "IMPLEMENTATION": "for_loop", "LEARNING_RATE": 0.01, "WEIGHT_DECAY": 0.1},
    },
    "DEFAULT": "one",
    "PARAM_GROUPS": {**RULES, "two": {"WHERE": {"NAMES": "body"}, "SET": {"OPTIMIZER": "two"}}},
}
MUON: dict[str, Any] = {
    **HYBRID,
    "OPTIMIZERS": {"one": HYBRID["OPTIMIZERS"]["one"], "two": {"NAME": "Muon", "LEARNING_RATE": 0.01}},
    "PARAM_GROUPS": {
        **RULES,
        "two": {"WHERE": {"NAMES": "body", "KINDS": "matrix"}, "SET": {"OPTIMIZER": "two"}},
    },
}


@dataclass(frozen=True)
class Edit:
    """What was changed, and what must come of it."""

    name: str
    """The edit in words."""
    kind: str
    """`same`: loads, and goes on as if nothing had changed; `setting`: refused until somebody decides; `refused`."""
    after: Side
    before: Side = field(default_factory=Side)
    words: str = ""
    """What a refusal says."""
    rename: Mapping[str, str] | None = None
    """What makes it load."""
    plain: str = ""
    """`refused` where torch's own load_state_dict, which has no mapping, refuses what a load takes."""
    scale: int = 1
    """By what the steps of the checkpoint are divided."""
    mixed: tuple[str, ...] = ()
    """Parameters for which the configuration holds in any case: their group's came from groups that differ."""
    close: bool = False
    """Whether only rounding differs: another implementation, another kind of rate."""
    cast: torch.dtype | None = None
    """The dtype that values and state are cast to."""
    cold: tuple[str, ...] = ()
    """Parameters without state before."""


def changed(node: Mapping[str, Any], **keys: Any) -> dict[str, Any]:
    return {**node, **keys}


def rules(**added: Any) -> dict[str, Any]:
    return changed(ADAMW, PARAM_GROUPS={**RULES, **added})


NAMING = {"WHERE": {"NAMES": "body"}}
DOUBLE = {"WHERE": {"NAMES": "body"}, "SET": {"LR_MULT": 2}}
WARMUP = SCHEDULE["PHASES"]["warmup"]
COSINE = {"NAME": "CosineAnnealingLR"}
LAST = {"BETAS": [0.8, 0.99]}


def wrapped(how: Callable[[nn.Module], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: how(Net())


def double(model: nn.Module) -> nn.Module:
    return model.double()


def channels_last(model: nn.Module) -> nn.Module:
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]  # torch's stub knows no keyword alone


def compiled(model: nn.Module) -> nn.Module:
    return torch.compile(model, backend="eager")  # type: ignore[return-value]  # a module, as it was


def distributed(model: nn.Module) -> nn.Module:
    return nn.parallel.DistributedDataParallel(model)


EDITS = [
    Edit("nothing", "same", Side()),
    Edit("a rule added that only names", "same", Side(optimizer=rules(body=NAMING))),
    Edit("a rule removed that only named", "same", Side(), Side(optimizer=rules(body=NAMING))),
    Edit("rules reordered", "same", Side(optimizer=changed(ADAMW, PARAM_GROUPS=dict(reversed(RULES.items()))))),
    Edit(
        "rules renamed",
        "same",
        Side(optimizer=changed(ADAMW, PARAM_GROUPS={f"my_{name}": rule for name, rule in RULES.items()})),
    ),
    Edit("parameters reordered", "same", Side(lambda: Net("head norm body conv"))),
    Edit(
        "parameters renamed, with a mapping",
        "same",
        Side(lambda: Net(names={"body": "trunk"})),
        rename={"body": "trunk"},
        plain="refused",
    ),
    Edit("a parameter unfrozen", "same", Side(), Side(lambda: Net(frozen="norm")), cold=("norm.weight", "norm.bias")),
    Edit("a parameter frozen", "same", Side(lambda: Net(frozen="norm"))),
    Edit("a tied parameter under its other name", "same", Side(lambda: Tied("out embed")), Side(Tied)),
    Edit("wrapped in DDP", "same", Side(wrapped(distributed))),
    Edit("wrapped in torch.compile", "same", Side(wrapped(compiled))),
    Edit("another dtype", "same", Side(wrapped(double)), cast=torch.float64),
    Edit("another memory format", "same", Side(wrapped(channels_last))),
    Edit("IMPLEMENTATION", "same", Side(optimizer=changed(ADAMW, IMPLEMENTATION="auto")), close=True),
    Edit("TENSOR_LR", "same", Side(optimizer=changed(ADAMW, TENSOR_LR=True)), close=True),
    Edit("one optimizer to a Hybrid of its class", "same", Side(optimizer=HYBRID)),
    Edit("a Hybrid of one class to one optimizer", "same", Side(), Side(optimizer=HYBRID)),
    Edit("a rule added that multiplies", "setting", Side(optimizer=rules(body=DOUBLE))),
    Edit(
        "a rule removed that multiplied",
        "setting",
        Side(optimizer=changed(ADAMW, PARAM_GROUPS={"no_decay": RULES["no_decay"]})),
        mixed=(
            "conv.weight",
            "body.weight",
            "head.weight",
            "conv.bias",
            "body.bias",
            "norm.weight",
            "norm.bias",
            "head.bias",
        ),
    ),
    Edit("LEARNING_RATE", "setting", Side(optimizer=changed(ADAMW, LEARNING_RATE=0.02))),
    Edit("WEIGHT_DECAY", "setting", Side(optimizer=changed(ADAMW, WEIGHT_DECAY=0.2))),
    Edit("BETAS", "setting", Side(optimizer=changed(ADAMW, **LAST))),
    Edit("AMSGRAD", "setting", Side(optimizer=changed(ADAMW, AMSGRAD=True))),
    Edit("MOMENTUM", "setting", Side(optimizer=changed(SGD, MOMENTUM=0.5)), Side(optimizer=SGD)),
    Edit("a longer run", "setting", Side(total=40)),
    Edit(
        "a longer warm-up",
        "setting",
        Side(scheduler=changed(SCHEDULE, PHASES={**SCHEDULE["PHASES"], "warmup": {**WARMUP, "LENGTH": "50%"}})),
    ),
    Edit(
        "another phase",
        "setting",
        Side(scheduler=changed(SCHEDULE, PHASES={"warmup": WARMUP, "cooldown": {"CURVE": "linear", "TO": 0.0}})),
    ),
    Edit(
        "another curve",
        "setting",
        Side(scheduler=changed(SCHEDULE, PHASES={"warmup": WARMUP, "decay": {"CURVE": "linear", "TO": 0.1}})),
    ),
    Edit("phases to a scheduler of torch's", "setting", Side(scheduler=COSINE)),
    Edit("a scheduler of torch's to phases", "setting", Side(), Side(scheduler=COSINE)),
    Edit("T_MAX", "setting", Side(scheduler=changed(COSINE, T_MAX=13)), Side(scheduler=COSINE)),
    Edit("the batch size doubled", "setting", Side(total=10, epoch=2), Side(total=20, epoch=4), scale=2),
    Edit("more steps per epoch, and other epochs", "setting", Side(total=30, epoch=3)),
    Edit("a parameter added", "refused", Side(lambda: Net("conv body norm head extra")), words="extra.weight"),
    Edit("a parameter removed", "refused", Side(lambda: Net("conv body norm")), words="head.weight"),
    Edit("a parameter reshaped", "refused", Side(lambda: Net(width=5)), words=r"shape \(5, 4\)"),
    Edit("a parameter renamed", "refused", Side(lambda: Net(names={"body": "bodies"})), words="the nearest is body"),
    Edit("AdamW to SGD", "refused", Side(optimizer=SGD), words="is AdamW's, which SGD cannot go on with"),
    Edit("AdamW to a Hybrid with Muon", "refused", Side(optimizer=MUON), words="1 parameter is AdamW's, which Muon"),
    Edit("a Hybrid with Muon to AdamW", "refused", Side(), Side(optimizer=MUON), words="is Muon's, which AdamW"),
]
