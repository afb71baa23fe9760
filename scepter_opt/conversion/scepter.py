"""SCEPTER's nodes: the same names and keys, with its own defaults written out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..components.registry import registry
from ..config.validation import fields
from ..errors import Problem, did_you_mean, join_key, text_of
from .result import Converted, checked, idle

_REQUIRED = "???"
_ADAM = {"BETAS": [0.9, 0.999], "EPS": 1e-8}

# Every key that SCEPTER reads, with its default. Where this package's, which is torch's, is another, it is written.
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"LEARNING_RATE": _REQUIRED, "MOMENTUM": 0, "DAMPENING": 0, "WEIGHT_DECAY": 0, "NESTEROV": False},
    "Adadelta": {"LEARNING_RATE": 1.0, "RHO": 0, "EPS": 1e-6, "WEIGHT_DECAY": 0},
    "Adagrad": {
        "LEARNING_RATE": 0.01,
        "LEARNING_RATE_DECAY": 0,
        "EPS": 1e-10,
        "WEIGHT_DECAY": 0,
        "INITIAL_ACCUMULATOR_VALUE": 0,
    },
    "Adam": {"LEARNING_RATE": 0.01, "BETAS": [0.9, 0.999], "EPS": 1e-10, "WEIGHT_DECAY": 0, "AMSGRAD": False},
    "Adamax": {"LEARNING_RATE": 0.002, **_ADAM, "WEIGHT_DECAY": 0},
    "AdamW": {"LEARNING_RATE": 0.001, **_ADAM, "WEIGHT_DECAY": 0, "AMSGRAD": False},
    "ASGD": {"LEARNING_RATE": 0.01, "LAMBD": 1e-4, "ALPHA": 0.75, "T0": 1e6, "WEIGHT_DECAY": 0},
    "LBFGS": {
        "LEARNING_RATE": 1,
        "MAX_ITER": 20,
        "MAX_EVAL": None,
        "TOLERANCE_GRAD": 1e-7,
        "TOLERANCE_CHANGE": 1e-9,
        "HISTORY_SIZE": 100,
        "LINE_SEARCH_FN": None,
    },
    "RMSprop": {
        "LEARNING_RATE": 0.01,
        "ALPHA": 0.99,
        "EPS": 1e-8,
        "WEIGHT_DECAY": 0,
        "MOMENTUM": 0,
        "CENTERED": False,
    },
    "Rprop": {"LEARNING_RATE": 0.01, "ETAS": [0.5, 1.2], "STEP_SIZES": [1e-6, 50]},
    "SparseAdam": {"LEARNING_RATE": 0.001, **_ADAM},
}
SCHEDULERS: dict[str, dict[str, Any]] = {
    "StepLR": {"STEP_SIZE": _REQUIRED, "GAMMA": 0.1, "LAST_EPOCH": -1},
    "CyclicLR": {
        "BASE_LR": _REQUIRED,
        "MAX_LR": _REQUIRED,
        "STEP_SIZE_UP": 2000,
        "STEP_SIZE_DOWN": None,
        "MODE": "triangular",
        "GAMMA": 1,
        "SCALE_FN": None,
        "SCALE_MODE": "cycle",
        "CYCLE_MOMENTUM": True,
        "BASE_MOMENTUM": 0.8,
        "MAX_MOMENTUM": 0.9,
        "LAST_EPOCH": -1,
    },
    "LambdaLR": {"LR_LAMBDA": _REQUIRED, "LAST_EPOCH": -1},
    "MultiStepLR": {"MILESTONES": _REQUIRED, "GAMMA": 0.1, "LAST_EPOCH": -1},
    "ExponentialLR": {"GAMMA": 0.1, "LAST_EPOCH": -1},
    "CosineAnnealingLR": {"T_MAX": _REQUIRED, "ETA_MIN": 0, "LAST_EPOCH": -1},
    "CosineAnnealingWarmRestarts": {"T_0": _REQUIRED, "T_MULT": 1, "ETA_MIN": 1.0, "LAST_EPOCH": -1},
    "ReduceLROnPlateau": {
        "MODE": "min",
        "FACTOR": 0.1,
        "PATIENCE": 10,
        "THRESHOLD": 1e-4,
        "THRESHOLD_MODE": "rel",
        "COOLDOWN": 0,
        "MIN_LR": 0,
        "EPS": 1e-8,
    },
    "LinoPolyLR": {"END_EPOCH": _REQUIRED, "POWER": 1, "LAST_EPOCH": -1},
    "WarmupToConstantLR": {"WARMUP_STEPS": 10000},
    # its solver sets TOTAL_STEPS before it builds, as our call's total_steps does
    "StepAnnealingLR": {
        "WARMUP_STEPS": _REQUIRED,
        "TOTAL_STEPS": None,
        "DECAY_MODE": "cosine",
        "MIN_LR": 0.0,
        "LAST_STEP": -1,
    },
}
TABLES = {"optimizer": OPTIMIZERS, "lr_scheduler": SCHEDULERS}
PLACES = {"OPTIMIZER": "optimizer", "LR_SCHEDULER": "lr_scheduler"}
"""Keys at which SCEPTER's nodes stand, with their kind."""

# Keys that SCEPTER offers and then builds without.
_IGNORED = {("StepLR", "GAMMA"), ("StepLR", "LAST_EPOCH")}
_FUNCTIONS = ("LR_LAMBDA", "SCALE_FN")


def kind_of(name: Any) -> str | None:
    """The kind of what SCEPTER knows by a name; None where it knows none."""
    return next((kind for kind, table in TABLES.items() if isinstance(name, str) and name in table), None)


def convert_node(kind: str, key: str, values: dict[Any, Any]) -> Converted:
    """One of SCEPTER's nodes as one of ours.

    Args:
        kind: `optimizer` or `lr_scheduler`.
        key: Full key of the node, for the report.
        values: The node.
    """
    table, name = TABLES[kind], values.get("NAME")
    converted = Converted(kind, key, "SCEPTER", None)
    if not isinstance(name, str) or name not in table:
        message = (
            f"is no {kind} of SCEPTER's.{did_you_mean(name, list(table))} For a class of your own, register it with "
            f"{kind.upper()}S.register_class(), and leave its node as it is."
        )
        converted.problems.append(Problem(join_key(key, "NAME"), message, name))
        return converted
    said = {text_of(name): value for name, value in values.items()}
    for unread in idle(name, said):
        del said[unread]
        converted.notes.append(f"{join_key(key, unread)} is left out: torch does not read it here.")
    given, problems = _given(name, table[name], said)
    # as SCEPTER built it: torch's own choice of implementation
    extra = {"IMPLEMENTATION": "torch"} if kind == "optimizer" else {}
    node = {"NAME": name, **extra, **given, **_written_out(kind, name, table[name], given)}
    converted.problems += [problem.under(key) for problem in problems]
    converted.node, wrong = checked(kind, node, key)
    converted.problems += wrong
    return converted


def _given(name: str, known: dict[str, Any], said: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The keys of a node that SCEPTER reads, and what is wrong with the others."""
    given: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, value in said.items():
        if key == "NAME":
            continue
        if key not in known:
            message = f"SCEPTER's {name} has no such key, and ran without it: left out.{did_you_mean(key, list(known))}"
            problems.append(Problem(key, message, value))
        elif (name, key) in _IGNORED:
            if value != known[key]:
                message = f"SCEPTER ignored it and ran with {known[key]}: left out. Write it if you want it now."
                problems.append(Problem(key, message, value))
        elif key in _FUNCTIONS and (wrong := list(_no_paths(key, value))):
            problems += wrong
            # required, or as SCEPTER's own default
            given |= {key: "???"} if known[key] == _REQUIRED else {}
        else:
            given[key] = value
    for key, default in known.items():
        if default == _REQUIRED and said.get(key, _REQUIRED) == _REQUIRED:
            problems.append(Problem(key, f"SCEPTER's {name} requires it."))
            given[key] = _REQUIRED
    return given, problems


def _written_out(kind: str, name: str, known: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """SCEPTER's defaults where ours are others, and the node says nothing."""
    ours = fields(registry(kind).entry(name).config)
    return {
        key: default
        for key, default in known.items()
        if key not in given and default != _REQUIRED and not _equal(default, ours[key].default)
    }


def _equal(one: Any, other: Any) -> bool:
    other = getattr(other, "value", other)
    return list(one) == list(other) if isinstance(one, list) else bool(one == other)


def _no_paths(key: str, value: Any) -> Iterator[Problem]:
    """Functions that are no import path: a config has no other form for them."""
    if value is None or (isinstance(value, str) and "${" in value):
        return
    for path in value if isinstance(value, list) else [value]:
        parts = path.split(".") if isinstance(path, str) else []
        if len(parts) < 2 or not all(part.isidentifier() for part in parts):
            message = "is no import path: put the function into a module, and write package.module.function."
            yield Problem(key, message, value)
            return
