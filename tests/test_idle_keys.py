"""Keys that do nothing are said: each key of each class is changed, alone and beside each other one."""

from __future__ import annotations

import enum
import itertools
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import LR_SCHEDULERS, OPTIMIZERS, ConfigError, ConfigWarning
from scepter_opt.config.validation import Field, own_first
from tests.support import KEYS, make_loss, make_model, same, scheduler_node, tick
from tests.support import OPTIMIZERS as INSTALLED

# What may change nothing in a run, and why nothing is said of it.
EXCEPTIONS = {
    "IMPLEMENTATION": "changes rounding only, which is what it is for",
    "TENSOR_LR": "is for captured steps, whose results are the same",
    "DIFFERENTIABLE": "lets autograd through the step, whose results are the same",
    "CAPTURABLE": "is for CUDA graphs, and refused on a CPU",
    "PARAM_GROUPS": "has rules, which are told in the plan",
    "ONLY": "has names, which must match",
    "MISSING_STATE": "is read where a state is loaded, which this run does not",
    "ALLOW_REST": "is said of an optimizer alone, and no key of several",
    "LR_SCALING": "has keys of its own, one of which is required",
    "OPTIMIZERS": "has the nodes of the parts, each a class of its own here",
    "DEFAULT": "names one of the parts",
    "ADJUST_LR_FN": "has a value that stands for null, torch's default, and one of a newer torch",
    "INTERVAL": "is read by drivers and trainers, as its documentation says",
    "FREQUENCY": "is read by drivers and trainers, as its documentation says",
    "MONITOR": "is read by drivers and trainers, as its documentation says",
    "TOTAL_STEPS": "is the length of the run, which the call says",
    "LAST_EPOCH": "asks for an optimizer that was trained before",
    "LAST_STEP": "asks for an optimizer that was trained before",
    "PHASES": "has phases, of which tests/schedules/test_remarks.py says as much",
    "SETTINGS": "has phases",
    "RULES": "has phases",
    "SCHEDULERS": "has the nodes of the parts, each a class of its own here",
    "TRUNCATE": "is for a run that is shorter",
    "CLOCK": "is told by the phases that it is for",
    "LR_LAMBDA": "is a function",
    "SCALE_FN": "is a function",
    "EPOCHS": "goes with STEPS_PER_EPOCH",
    "STEPS_PER_EPOCH": "goes with EPOCHS",
}
# Values that a short run shows, where half and a third of the default do not.
STRONG: dict[str, list[Any]] = {
    "T0": [1.0],
    "STEP_SIZES": [(1e-3, 2e-3)],
    "MAX_ITER": [1],
    "MAX_EVAL": [1],
    "TOLERANCE_GRAD": [1e3],
    "TOLERANCE_CHANGE": [1e3],
    "LINE_SEARCH_FN": ["strong_wolfe"],
    "HISTORY_SIZE": [1],
    "MIN_LR": [0.09],
    "ETA_MIN": [0.02],
    "STEP_SIZE_DOWN": [4],
    "STEP_SIZE_UP": [3],
    "BASE_LR": [0.02],
    "MAX_LR": [0.2],
    "GAMMA": [0.7],
    "PATIENCE": [2],
    "COOLDOWN": [4],
    "THRESHOLD": [0.5],
    "MIN_FACTOR": [0.5],
}
# Beside these, others may have nothing left to change in so short a run: that is what they are for.
SILENCING = {
    "TOLERANCE_GRAD": "ends a step of LBFGS before it begins",
    "TOLERANCE_CHANGE": "ends a step of LBFGS after its first move",
    "MAX_ITER": "ends a step of LBFGS before it has evaluated much",
    "STEP_SIZES": "bounds every move of Rprop",
    "THRESHOLD": "lets no metric count as better",
    "PATIENCE": "waits for longer than the run",
    "MIN_FACTOR": "ends the drops",
    "MIN_LR": "ends the drops",
    "EPS": "floors what Adafactor clips",
}
# What a node says beside what it must, so that every key has something to work on.
LIVELY: dict[str, dict[str, Any]] = {
    "ReduceLROnPlateau": {"THRESHOLD": 0.1, "FACTOR": 0.5, "MIN_LR": 0.001},
    "PlateauLR": {"THRESHOLD": 0.2, "FACTOR": 0.5, "MIN_FACTOR": 0.01},
}
Run = Callable[[dict[str, Any]], Any]


def candidates(field: Field, node: Mapping[str, Any]) -> list[Any]:
    """Other values of a key than the node has."""
    default = node.get(field.key, field.default)
    if field.key in STRONG:
        return STRONG[field.key]
    if isinstance(default, bool):
        return [not default]
    if isinstance(default, enum.Enum):
        return [member.name for member in type(default) if member is not default]
    if isinstance(default, int):
        return [default + 1, default + 3]
    if isinstance(default, float):
        return [0.3, default / 2 or 0.25, default * 2 or 0.5]
    if isinstance(default, tuple):
        return [tuple(0.9 * (value or 0.5) for value in default)]
    return []


def run_optimizer(name: str) -> Run:
    def run(keys: dict[str, Any]) -> Any:
        model = make_model(name)
        node = {"IMPLEMENTATION": "for_loop", **KEYS.get(name, {}), "NAME": name, **keys}
        optimizer = scepter_opt.build_optimizer(model, node)
        closure = make_loss(model)
        for _ in range(8):  # RAdam begins to adapt at its sixth step
            optimizer.step(closure)
        return [list(model.parameters()), [dict(state) for state in optimizer.state.values()]]

    return run


def run_scheduler(name: str) -> Run:
    def run(keys: dict[str, Any]) -> Any:
        node = scheduler_node(name, **{**LIVELY.get(name, {}), **keys})
        # what a plateau makes of its keys depends on the metrics: several, so that each key shows in some
        return [rates(node, random.Random(seed)) for seed in range(30 if "PATIENCE" in node else 1)]

    return run


def rates(node: dict[str, Any], metrics: random.Random) -> list[Any]:
    """The rate and the momentum at every step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, node, total_steps=60)
    trace = []
    optimizer.step()
    for _ in range(60):
        group = optimizer.param_groups[0]
        trace.append((group["lr"], group["momentum"]))
        tick(scheduler, metric=metrics.uniform(1, 3))
    return trace


def outcome(run: Run, keys: dict[str, Any]) -> tuple[Any, str]:
    """What a run comes to (None where it is refused), and what is said of it."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            result = run(keys)
        except ConfigError:
            return None, ""
    return result, "\n".join(str(each.message) for each in said if each.category is ConfigWarning)


def idle_keys(name: str, fields: list[Field], run: Run, node: Mapping[str, Any]) -> Iterator[str]:
    """Keys that change nothing beside another, or alone, and of which nothing is said."""
    remembered = cache(lambda *items: outcome(run, dict(items)))
    tried = {field.key: [value for value in candidates(field, node) if not isinstance(value, list)] for field in fields}
    beside: list[tuple[tuple[str, Any], ...]] = [()]
    beside += [((key, values[0]),) for key, values in tried.items() if values and key not in SILENCING]
    for first, (key, values) in itertools.product(beside, tried.items()):
        base, _ = remembered(*first)
        if base is None or key in dict(first):
            continue
        results = [remembered(*first, (key, value)) for value in values]
        idle = [said for result, said in results if result is not None and same(result, base)]
        told = all(f".{key} " in said or f".{key}:" in said for said in idle)
        if idle and not told and len(idle) == len([result for result, _ in results if result is not None]):
            yield f"{name}: {key} beside {dict(first)}"


@pytest.mark.parametrize("name", [name for name in INSTALLED if name != "Hybrid"])
def test_what_does_nothing_to_an_optimizer_is_said(name: str) -> None:
    fields = [field for field in own_first(OPTIMIZERS.entry(name).config or type) if field.key not in EXCEPTIONS]
    assert not list(idle_keys(name, fields, run_optimizer(name), {}))


@pytest.mark.parametrize("name", [name for name in LR_SCHEDULERS.own_entries() if name != "NoneLR"])
def test_what_does_nothing_to_a_schedule_is_said(name: str) -> None:
    fields = [field for field in own_first(LR_SCHEDULERS.entry(name).config or type) if field.key not in EXCEPTIONS]
    node = scheduler_node(name, **LIVELY.get(name, {}))
    assert not list(idle_keys(name, fields, run_scheduler(name), node))


def test_every_exception_is_a_key_and_has_a_reason() -> None:
    entries = [*OPTIMIZERS.own_entries().values(), *LR_SCHEDULERS.own_entries().values()]
    keys = {field.key for entry in entries for field in own_first(entry.config or type)}
    for exceptions in (EXCEPTIONS, SILENCING):
        assert set(exceptions) <= keys
        assert all(exceptions.values())
