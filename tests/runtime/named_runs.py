"""What the tests of states by name share: runs built and loaded in any order, and rules that make other groups."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from torch import nn

import scepter_opt
from tests.support import SCHEDULERS, make_loss, make_model, optimizer_node, scheduler_node, tick

NODES: dict[str, dict[str, Any]] = {name: scheduler_node(name) for name in SCHEDULERS} | {
    "CyclicLR of the momentum": scheduler_node("CyclicLR", CYCLE_MOMENTUM=True),
    "OneCycleLR of the momentum": scheduler_node("OneCycleLR", CYCLE_MOMENTUM=True),
    "ReduceLROnPlateau with a floor": scheduler_node("ReduceLROnPlateau", MIN_LR=0.02),
    "PhasesLR of the momentum": scheduler_node(
        "PhasesLR", SETTINGS={"MOMENTUM": {"fall": {"CURVE": "linear", "FROM": 1.0, "TO": 0.5, "LENGTH": 9}}}
    ),
}
SLOW = {"bias": {"WHERE": {"KINDS": "bias"}, "SET": {"LR_MULT": 0.5}}}
FAST = {"head": {"WHERE": {"NAMES": "2"}, "SET": {"LR_MULT": 3}}}
# a rule without SET puts its parameters into groups of their own, and says nothing of their settings
NAMED = {"stem": {"WHERE": {"NAMES": "0"}}}
REGROUPED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "as they were": (SLOW | FAST, SLOW | FAST),
    "one to two": ({}, NAMED),
    "two to one": (NAMED, {}),
    "two to four": (SLOW, NAMED | SLOW),
    "four to two": (NAMED | SLOW, SLOW),
    "in another order": (SLOW | FAST, FAST | SLOW),
    "in another order and apart": (SLOW | FAST, NAMED | FAST | SLOW),
}


class Run:
    """A model with its optimizer and scheduler, each built and loaded when it is asked for.

    Args:
        node: The scheduler's.
        rules: Those of the optimizer.
        extra: Whether the model has a layer more.
        keys: Further keys of the optimizer.
    """

    def __init__(self, node: dict[str, Any], rules: dict[str, Any], extra: bool = False, **keys: Any) -> None:
        self.node = node
        self.keys = {"LEARNING_RATE": 0.1, "MOMENTUM": 0.9, "PARAM_GROUPS": rules, **keys}
        self.model = make_model("SGD")
        if extra:
            self.model = nn.Sequential(*self.model.children(), nn.Tanh(), nn.Linear(2, 2))
        self.optimizer: Any = None
        self.scheduler: Any = None

    def build_optimizer(self, _: Any = None) -> None:
        self.optimizer = scepter_opt.build_optimizer(self.model, optimizer_node("SGD", **self.keys))

    def build_scheduler(self, _: Any = None) -> None:
        self.scheduler = scepter_opt.build_lr_scheduler(self.optimizer, self.node)

    def load_optimizer(self, saved: Any) -> None:
        self.optimizer.load_state_dict(copy.deepcopy(saved[1]))

    def load_scheduler(self, saved: Any) -> None:
        self.scheduler.load_state_dict(copy.deepcopy(saved[2]))

    def saved(self) -> tuple[dict[str, Any], ...]:
        """What of the model, the optimizer and the scheduler is to be saved."""
        return copy.deepcopy((self.model.state_dict(), self.optimizer.state_dict(), self.scheduler.state_dict()))

    def train(self, first: int, last: int) -> list[Any]:
        """After every step the settings by parameter, and the weights."""
        closure, seen = make_loss(self.model), []
        for step in range(first, last):
            self.optimizer.step(closure)
            tick(self.scheduler, metric=1.0 if step > 3 else 1.0 - 0.1 * step)
            seen.append([self.settings(), copy.deepcopy(self.model.state_dict())])
        return seen

    def settings(self) -> dict[str, dict[str, float]]:
        """What schedules write, by the name of the parameter."""
        keys = ("lr", "initial_lr", "momentum", "max_lr", "min_lr", "base_momentum", "max_momentum")
        return {
            name: {key: float(group[key]) for key in keys if key in group}
            for group in self.optimizer.param_groups
            for name in group["param_names"]
        }


def built(name: str, rules: dict[str, Any], **keys: Any) -> Run:
    """A run with everything built, of one of the NODES with further keys."""
    run = Run({**NODES[name], **keys}, rules)
    run.build_optimizer()
    run.build_scheduler()
    return run


ORDERS: dict[str, tuple[Callable[[Run, Any], None], ...]] = {
    "built, then loaded": (Run.build_optimizer, Run.build_scheduler, Run.load_optimizer, Run.load_scheduler),
    "the scheduler loaded first": (Run.build_optimizer, Run.build_scheduler, Run.load_scheduler, Run.load_optimizer),
    "the scheduler built last": (Run.build_optimizer, Run.load_optimizer, Run.build_scheduler, Run.load_scheduler),
}


def groups_of(optimizer: Any) -> list[dict[str, Any]]:
    return [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]


def go(scheduler: Any, steps: int) -> list[list[float]]:
    """The rates of all groups after each step without gradients; a plateau sees one metric."""
    seen = []
    for _ in range(steps):
        scheduler.optimizer.step()
        tick(scheduler, 1.0)
        seen.append([float(group["lr"]) for group in scheduler.optimizer.param_groups])
    return seen
