"""What people change between a save and a load, each with what must come of it, computed by hand.

A run is a model whose gradients are drawn by name and step, so that nothing but the optimizer decides where its
parameters go. The hand that the package is held against is torch's optimizer over one group for each parameter, with
rates written into it at every step.
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

import scepter_opt

STOP, END = 8, 14
"""The step after which is saved, and the last one."""
TOTAL, EPOCH = 20, 5
Values = dict[str, torch.Tensor]


class Net(nn.Module):
    """Parameters of one to four dimensions, in some order, of some names and shapes."""

    def __init__(
        self,
        order: str = "conv body norm head",
        width: int = 3,
        frozen: str = "",
        names: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        made: dict[str, Callable[[], nn.Module]] = {
            "conv": lambda: nn.Conv2d(2, 2, 2),
            "body": lambda: nn.Linear(4, width),
            "norm": lambda: nn.LayerNorm(width),
            "head": lambda: nn.Linear(3, 2),
            "extra": lambda: nn.Linear(2, 2),
        }
        parts = {name: made[name]() for name in ("conv", "body", "norm", "head", "extra")}
        for name in order.split():
            setattr(self, (names or {}).get(name, name), parts[name])
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(not (frozen and name.startswith(frozen)))


class Tied(nn.Module):
    """Two modules of one weight, which has its name from the one that comes first."""

    def __init__(self, order: str = "embed out") -> None:
        super().__init__()
        torch.manual_seed(0)
        weight = nn.Parameter(torch.randn(3, 2))
        for name in order.split():
            setattr(self, name, nn.Linear(2, 3, bias=False))
            getattr(self, name).weight = weight


RULES: dict[str, Any] = {
    "no_decay": {"WHERE": {"KINDS": ["bias", "norm"]}, "SET": {"WEIGHT_DECAY": 0.0}, "OPTIONAL": True},
    "head": {"WHERE": {"NAMES": "head"}, "SET": {"LR_MULT": 10}, "OPTIONAL": True},
}
ADAMW: dict[str, Any] = {
    "NAME": "AdamW", "IMPLEMENTATION": "for_loop", "LEARNING_RATE": 0.01, "WEIGHT_DECAY": 0.1, "PARAM_GROUPS": RULES,
}  # fmt: skip
SGD: dict[str, Any] = {
    "NAME": "SGD", "IMPLEMENTATION": "for_loop", "LEARNING_RATE": 0.01, "MOMENTUM": 0.9, "PARAM_GROUPS": RULES,
}  # fmt: skip
SCHEDULE: dict[str, Any] = {
    "NAME": "PhasesLR",
    "PHASES": {
        "warmup": {"CURVE": "linear", "FROM": 0.1, "TO": 1.0, "LENGTH": "20%"},
        "decay": {"CURVE": "cosine", "TO": 0.1},
    },
}
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
class Side:
    """A run's configuration."""

    model: Callable[[], nn.Module] = Net
    optimizer: Mapping[str, Any] = field(default_factory=lambda: ADAMW)
    scheduler: Mapping[str, Any] = field(default_factory=lambda: SCHEDULE)
    total: int = TOTAL
    epoch: int | None = EPOCH


@dataclass(frozen=True)
class Edit:
    """What was changed, and what must come of it."""

    name: str
    """The edit in words."""
    kind: str
    """`same`: loads, and goes on as if nothing had changed; `setting`: refused until somebody decides; `refused`."""
    after: Side
    before: Side = Side()
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


@dataclass
class Run:
    """Everything of a run."""

    model: nn.Module
    optimizer: Any
    scheduler: Any
    side: Side

    @classmethod
    def of(cls, side: Side) -> Run:
        model = side.model()
        optimizer = scepter_opt.build_optimizer(model, side.optimizer)
        scheduler = scepter_opt.build_lr_scheduler(optimizer, side.scheduler, side.total, side.epoch)
        return cls(model, optimizer, scheduler, side)

    def train(self, first: int, last: int, names: Mapping[str, str] | None = None) -> Run:
        for step in range(first, last):
            give_gradients(parameters(self.model), step, names)
            self.optimizer.step()
            self.scheduler.step()
        return self


def parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """A model's parameters by the names that they have without wrappers."""
    inner = getattr(model, "_orig_mod", getattr(model, "module", model))
    return dict(inner.named_parameters())


def give_gradients(tensors: Mapping[str, Any], step: int, names: Mapping[str, str] | None = None) -> None:
    """Gradients that follow from a parameter's name, its shape and the step, whatever else a run does.

    Args:
        tensors: Parameters by name.
        step: The step, counted as the run before the edit counts.
        names: Names that have changed, with those that gradients were drawn by before.
    """
    for name, tensor in tensors.items():
        before = next(
            (old + name.removeprefix(new) for new, old in (names or {}).items() if name.startswith(new)), name
        )
        generator = torch.Generator().manual_seed(zlib.crc32(f"{before} {step}".encode()))
        drawn = torch.randn(tensor.shape, generator=generator).to(tensor.dtype)
        tensor.grad = torch.empty_like(tensor).copy_(drawn) if tensor.requires_grad else None


def snapshot(run: Run) -> tuple[Values, dict[str, Any]]:
    """Values and states by name."""
    tensors = parameters(run.model)
    values = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    return values, {name: copy.deepcopy(dict(run.optimizer.state.get(tensor, {}))) for name, tensor in tensors.items()}


def by_hand(
    start: tuple[Values, dict[str, Any]],
    side_of: Mapping[str, tuple[Side, Side]],
    first: int,
    last: int,
    names: Mapping[str, str] | None = None,
    frozen: tuple[str, ...] = (),
) -> Values:
    """Train from a snapshot with torch alone.

    Args:
        start: Values and states by name.
        side_of: By name whose optimizer settings hold, and whose schedule.
        first: The position in the schedule to begin at.
        last: The position at the end.
        names: As for `give_gradients`.
        frozen: Names that do not train.
    """
    values, states = start
    tensors = {name: nn.Parameter(value.clone(), requires_grad=name not in frozen) for name, value in values.items()}
    optimizers = {}
    for name, tensor in tensors.items():
        settings = said(side_of[name][0].optimizer, name, tensor)
        cls = {"AdamW": torch.optim.AdamW, "SGD": torch.optim.SGD}[settings.pop("cls")]
        optimizers[name] = cls([tensor], foreach=False, **settings)
        if states[name]:
            optimizers[name].state[tensor] = copy.deepcopy(states[name])
    for step in range(first, last):
        give_gradients(tensors, step + (STOP - first), names)
        for name, optimizer in optimizers.items():
            base = said(side_of[name][0].optimizer, name, tensors[name])["lr"]
            optimizer.param_groups[0]["lr"] = rate(side_of[name][1], base, step)
            optimizer.step()
    return {name: tensor.detach() for name, tensor in tensors.items()}


def said(node: Mapping[str, Any], name: str, tensor: torch.Tensor) -> dict[str, Any]:
    """What a node says of a parameter, read here by hand: torch's keywords."""
    rules = node.get("PARAM_GROUPS", {})
    if node["NAME"] == "Hybrid":
        sent = any(name.startswith("body") for rule in rules if rule == "two")
        node = node["OPTIMIZERS"]["two" if sent else "one"]
    settings: dict[str, Any] = {"cls": node["NAME"], "lr": node["LEARNING_RATE"]}
    if node["NAME"] == "AdamW":
        settings |= {"weight_decay": node["WEIGHT_DECAY"], "betas": tuple(node.get("BETAS", (0.9, 0.999)))}
        settings |= {"amsgrad": node.get("AMSGRAD", False)}
        plain_kind = tensor.ndim <= 1
        if plain_kind and any("no_decay" in rule for rule in rules):
            settings["weight_decay"] = 0.0
    else:
        settings |= {"momentum": node.get("MOMENTUM", 0.0)}
    for rule in rules.values():
        where, times = rule["WHERE"].get("NAMES", ""), rule.get("SET", {}).get("LR_MULT")
        if times and where and name.startswith(where):
            settings["lr"] *= times
    return settings


def rate(side: Side, base: float, step: int) -> float:
    """The rate at a position of a side's schedule: of phases by the plain function, of torch's by torch."""
    if side.scheduler["NAME"] == "PhasesLR":
        return base * scepter_opt.schedule(side.scheduler, side.total, side.epoch)(step)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=base)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, side.scheduler.get("T_MAX") or side.total)
    for _ in range(step):
        optimizer.step()
        scheduler.step()
    return float(optimizer.param_groups[0]["lr"])


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
