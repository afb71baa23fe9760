"""transformers' schedules as phases: one function for each `lr_scheduler_type`, by its formula there."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..config.names import key_of
from ..errors import did_you_mean
from .arguments import Arguments

Node = dict[str, Any]
Phases = dict[str, dict[str, Any]]
_MOST_HALVES = 100
_SHARE = "without max_steps the warm-up is a share of the run, rounded to a whole step here, and up in transformers."


def schedule(arguments: Arguments) -> Node | None:
    """The node of the schedule that the Trainer would build; None where it has no counterpart."""
    name = arguments.text("lr_scheduler_type", "linear")
    if name == "greedy":
        arguments.wrong("lr_scheduler_type", "has no counterpart: PlateauLR only lowers the rate by a metric.", name)
        return None
    if name not in SCHEDULES:
        message = f"is no schedule of transformers'.{did_you_mean(name, list(SCHEDULES))}"
        arguments.wrong("lr_scheduler_type", message, name)
        return None
    make, known = SCHEDULES[name]
    return make(arguments, _keywords(arguments, name, known))


def _keywords(arguments: Arguments, name: str, known: dict[str, Any]) -> dict[str, Any]:
    """`lr_scheduler_kwargs` with the defaults of the schedule."""
    written = arguments.values.get("lr_scheduler_kwargs") or {}
    if isinstance(written, str):
        try:
            written = json.loads(written)
        except ValueError:
            written = None
    if not isinstance(written, dict):
        arguments.wrong("lr_scheduler_kwargs", "must be a mapping.", arguments.values["lr_scheduler_kwargs"])
        return dict(known)
    keywords = dict(known)
    for key, value in written.items():
        place, default = f"lr_scheduler_kwargs.{key}", known.get(key)
        if key not in known:
            message = f"transformers' {name} has no such argument: left out.{did_you_mean(key, list(known))}"
            arguments.wrong(place, message, value)
        elif isinstance(value, str) and "${" in value:
            arguments.wrong(place, "an interpolation cannot be made a phase: write the number.", value)
        elif value is not None:
            keywords[key] = str(value) if isinstance(default, str) else arguments.as_number(place, value, default)
    return keywords


def _phases(arguments: Arguments, after: Phases, warmup: dict[str, Any] | None = None) -> Node:
    """The warm-up, then other phases, of which the last takes the rest of the run."""
    length, total = arguments.warmup, arguments.total
    node: Node = {"NAME": "PhasesLR"}
    phases: Phases = {}
    if length:
        phases["warmup"] = {"CURVE": "linear", "FROM": 0.0, "TO": 1.0, **(warmup or {}), "LENGTH": length}
    if isinstance(length, str):
        arguments.notes.append(_SHARE)
    elif total is not None:
        node["TOTAL_STEPS"] = total
        if length >= total:  # the run ends in its warm-up
            return {**node, "TRUNCATE": True, "PHASES": phases}
    return {**node, "PHASES": {**phases, **after}}


def _linear(arguments: Arguments, _: dict[str, Any]) -> Node:
    return _phases(arguments, {"decay": {"CURVE": "linear", "TO": 0.0}})


def _cosine(arguments: Arguments, keywords: dict[str, Any]) -> Node:
    return _phases(arguments, _waves(arguments, keywords["num_cycles"], {"TO": 0.0}))


def _waves(arguments: Arguments, cycles: float, end: dict[str, Any]) -> Phases:
    """Half cosines, down and up by turns; `cycles` counts whole waves."""
    if cycles == 0.5:
        return {"decay": {"CURVE": "cosine", **end}}
    halves, length, total = round(2 * min(cycles, _MOST_HALVES)), arguments.warmup, arguments.total
    left = total - length if total is not None and isinstance(length, int) else 0
    # each half has to end at a whole step
    if not 0 < halves <= _MOST_HALVES or halves != 2 * cycles or left <= 0 or left % halves:
        message = (
            "only whole half waves of whole steps can be said as phases (write max_steps): taken as 0.5, one way down."
        )
        arguments.wrong("lr_scheduler_kwargs.num_cycles", message, cycles)
        return {"decay": {"CURVE": "cosine", **end}}
    ways = [("up", {"TO": 1.0}) if i % 2 else ("down", end) for i in range(halves)]
    return {
        f"{name}_{i // 2 + 1}": {"CURVE": "cosine", **keys, "LENGTH": left // halves}
        for i, (name, keys) in enumerate(ways)
    }


def _cosine_with_restarts(arguments: Arguments, keywords: dict[str, Any]) -> Node:
    cycles, length, total = keywords["num_cycles"], arguments.warmup, arguments.total
    if cycles != int(cycles) or cycles < 1:
        arguments.wrong("lr_scheduler_kwargs.num_cycles", "must be a whole number from 1: taken as 1.", cycles)
        cycles = 1
    if cycles == 1:
        return _phases(arguments, _waves(arguments, 0.5, {"TO": 0.0}))
    if total is None or not isinstance(length, int) or (total - length) % int(cycles):
        arguments.notes.append("restarts come at whole steps here, and between steps in transformers.")
    return _phases(arguments, {"cycles": {"CURVE": "cosine_restarts", "TO": 0.0, "CYCLES": int(cycles)}})


def _cosine_with_min_lr(arguments: Arguments, keywords: dict[str, Any]) -> Node:
    return _phases(arguments, _waves(arguments, keywords["num_cycles"], _lowest(arguments, keywords)))


def _lowest(arguments: Arguments, keywords: dict[str, Any]) -> dict[str, Any]:
    """The end of a curve: as the rate itself or as a share of it."""
    lowest, share = keywords["min_lr"], keywords["min_lr_rate"]
    if (lowest is None) == (share is None):
        arguments.wrong("lr_scheduler_kwargs", "transformers asks for one of min_lr and min_lr_rate.", keywords)
    return {"TO_VALUE": lowest} if lowest is not None else {"TO": share or 0.0}


def _cosine_warmup_with_min_lr(arguments: Arguments, keywords: dict[str, Any]) -> Node:
    """Both curves are a step ahead there: the first step is above 0, and the last at the end."""
    start, end = keywords["warmup_lr_rate"], _lowest(arguments, keywords)
    if keywords["num_cycles"] != 0.5:
        message = "only 0.5 can be said as phases: taken so."
        arguments.wrong("lr_scheduler_kwargs.num_cycles", message, keywords["num_cycles"])
    warmup: dict[str, Any] = {"INCLUDE": "end"}
    if start is not None and arguments.warmup != 1:
        warmup = {"FROM": start, "INCLUDE": "both"}
    elif start is not None:
        arguments.wrong("lr_scheduler_kwargs.warmup_lr_rate", "has no meaning in a warm-up of one step.", start)
    return _phases(arguments, {"decay": {"CURVE": "cosine", "FROM": 1.0, **end, "INCLUDE": "end"}}, warmup)


def _polynomial(arguments: Arguments, keywords: dict[str, Any]) -> Node:
    decay = {"CURVE": "polynomial", "TO_VALUE": keywords["lr_end"], "POWER": keywords["power"]}
    return _phases(arguments, {"decay": decay})


def _constant(arguments: Arguments, _: dict[str, Any]) -> Node:
    if arguments.warmup:
        arguments.notes.append("constant has no warm-up in transformers either: constant_with_warmup has one.")
    return {"NAME": "NoneLR"}


def _constant_with_warmup(arguments: Arguments, _: dict[str, Any]) -> Node:
    return _phases(arguments, {"hold": {"CURVE": "constant"}})


def _inverse_sqrt(arguments: Arguments, keywords: dict[str, Any]) -> Node:
    # by default it is as long as the warm-up, which is what ours takes where none is said
    timescale = keywords["timescale"] or (None if arguments.warmup else 10_000)
    scale = {} if timescale is None else {"TIMESCALE": int(timescale)}
    return _phases(arguments, {"decay": {"CURVE": "inverse_sqrt", **scale}})


_WARMUPS: Phases = {
    "linear": {"CURVE": "linear"},
    "cosine": {"CURVE": "cosine"},
    "1-sqrt": {"CURVE": "polynomial", "POWER": 0.5},
}
_DECAYS = {"linear": "linear", "cosine": "cosine", "1-sqrt": "one_minus_sqrt"}


def _warmup_stable_decay(arguments: Arguments, keywords: dict[str, Any]) -> Node | None:
    lowest, length, total = keywords["min_lr_ratio"], keywords["num_decay_steps"], arguments.total
    for key, types in (("warmup_type", _WARMUPS), ("decay_type", _DECAYS)):
        if keywords[key] not in types:
            arguments.wrong(f"lr_scheduler_kwargs.{key}", f"must be one of {', '.join(types)}.", keywords[key])
            return None
    if length is None:
        arguments.wrong("lr_scheduler_kwargs.num_decay_steps", "transformers requires it.", length)
        return None
    if keywords["decay_type"] == "cosine" and keywords["num_cycles"] != 0.5:
        message = "only 0.5 can be said as phases: taken so."
        arguments.wrong("lr_scheduler_kwargs.num_cycles", message, keywords["num_cycles"])
    stable: dict[str, Any] = {"CURVE": "constant"}
    if keywords["num_stable_steps"] is not None:
        stable["LENGTH"] = int(keywords["num_stable_steps"])
    elif total is not None and isinstance(arguments.warmup, int) and total - arguments.warmup <= length:
        stable["LENGTH"] = 0
    decay = {"CURVE": _DECAYS[keywords["decay_type"]], "TO": lowest, "LENGTH": int(length)}
    warmup = {**_WARMUPS[keywords["warmup_type"]], "FROM": lowest}
    if "LENGTH" not in stable:
        return _phases(arguments, {"stable": stable, "decay": decay}, warmup)
    # the lengths say how long it is: a longer run stays at the end, a shorter one is cut
    end = {"CURVE": "constant", "TO": lowest}
    return {**_phases(arguments, {"stable": stable, "decay": decay, "end": end}, warmup), "TRUNCATE": True}


def _reduce_lr_on_plateau(arguments: Arguments, keywords: dict[str, Any]) -> Node:
    said = {key_of(key): value for key, value in keywords.items() if value is not None}
    metric = arguments.values.get("metric_for_best_model")
    arguments.notes.append(
        "the trainer steps the scheduler at each evaluation; MONITOR names the metric, and INTERVAL and FREQUENCY when."
    )
    return {"NAME": "ReduceLROnPlateau", **said, **({} if metric is None else {"MONITOR": metric})}


_MIN_LR = {"num_cycles": 0.5, "min_lr": None, "min_lr_rate": None}
_PLATEAU = {"mode": "min", "threshold_mode": "rel"}
_PLATEAU_NUMBERS = dict.fromkeys(("factor", "patience", "threshold", "cooldown", "min_lr", "eps"))
SCHEDULES: dict[str, tuple[Callable[[Arguments, dict[str, Any]], Node | None], dict[str, Any]]] = {
    "linear": (_linear, {}),
    "cosine": (_cosine, {"num_cycles": 0.5}),
    "cosine_with_restarts": (_cosine_with_restarts, {"num_cycles": 1}),
    "polynomial": (_polynomial, {"lr_end": 1e-7, "power": 1.0}),
    "constant": (_constant, {}),
    "constant_with_warmup": (_constant_with_warmup, {}),
    "inverse_sqrt": (_inverse_sqrt, {"timescale": None}),
    "reduce_lr_on_plateau": (_reduce_lr_on_plateau, {**_PLATEAU, **_PLATEAU_NUMBERS}),
    "cosine_with_min_lr": (_cosine_with_min_lr, _MIN_LR),
    "cosine_warmup_with_min_lr": (_cosine_warmup_with_min_lr, {**_MIN_LR, "warmup_lr_rate": None}),
    "warmup_stable_decay": (
        _warmup_stable_decay,
        {
            "num_decay_steps": None,
            "num_stable_steps": None,
            "warmup_type": "linear",
            "decay_type": "cosine",
            "min_lr_ratio": 0.0,
            "num_cycles": 0.5,
        },
    ),
}
"""By `lr_scheduler_type`: what makes the node, and its keywords with their defaults."""
