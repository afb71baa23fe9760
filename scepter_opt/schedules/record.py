"""What a scheduler was built from, as data that it keeps and saves: its node and the length of the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..config.base import OpenConfig
from ..config.plain import flat, plain
from .horizon import Horizon

BUILT_FROM = "built_from"
"""Attribute of a scheduler that this package built."""
PARTS = "_schedulers"
"""Entry of a state of torch's: the states of the parts of a scheduler that holds others."""
KINDS = ("NAME", "LR_LAMBDA", "SCALE_FN")
"""Keys of which a state holds nothing: class and functions are those of the object that it is loaded into."""
FINISH = "FINISH"
"""Key of the curve that ends a schedule from where it stands; it is in no record where there is none."""
TICKS = ("INTERVAL", "FREQUENCY", "MONITOR")
"""Keys that are for what calls a scheduler."""


def record(config: Any, fitted: Any, run: Horizon, key: str) -> dict[str, Any]:
    """What a scheduler was built from, as plain values.

    Args:
        config: The Config as it was written.
        fitted: The same with lengths in ticks.
        run: The length of the run, as the call said it.
        key: Full key of the node.

    Returns:
        `node` is what was written, with defaults, to build it from again; `fitted` what its rates come from: where that
        is equal, so are they.
    """
    return {
        "key": key,
        "node": _said(config),
        "fitted": _rates_of(fitted),
        "total_steps": run.total_steps,
        "steps_per_epoch": run.steps_per_epoch,
    }


def _said(config: Any) -> dict[str, Any]:
    return {key: value for key, value in plain(config).items() if key != FINISH or value}


def _rates_of(config: Any) -> dict[str, Any]:
    """What of a Config its rates come from."""
    made = _said(config)
    if isinstance(config, OpenConfig):
        return made
    # a total from which nothing was made is no part of a schedule, and what has phases has their lengths
    idle = () if config.horizon == "TOTAL_STEPS" and "PHASES" not in made else ("TOTAL_STEPS",)
    made = {name: value for name, value in made.items() if name not in (*TICKS, *idle)}
    if "SCHEDULERS" in made:
        made["SCHEDULERS"] = {name: _rates_of(part) for name, part in config.SCHEDULERS.items()}
    return made


def same_rates(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two schedules give the same rates by their records, however they were written."""
    # as text, since phases in another order are another schedule
    return json.dumps(one["fitted"]) == json.dumps(other["fitted"])


def same_kind(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two schedules, by their records, and their parts in order are of the same classes and functions."""
    first, second = (
        [(key, value) for key, value in flat(each["fitted"]).items() if key.rpartition(".")[2] in KINDS]
        for each in (one, other)
    )
    return first == second and (FINISH in one["fitted"]) == (FINISH in other["fitted"])


def up_to_finish(own: Mapping[str, Any], saved: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record of a schedule as far as it was to be the same as a checkpoint's: a FINISH begins after that."""
    finish = own["fitted"].get(FINISH)
    if finish is None or FINISH in saved["fitted"]:
        return own
    if "AT" not in finish:  # whatever led to the checkpoint
        ticks = {key: own["node"][key] for key in TICKS if key in own["node"]}
        return {**own, "node": {**saved["node"], **ticks}, "fitted": saved["fitted"]}
    return {**own, **{part: {k: v for k, v in own[part].items() if k != FINISH} for part in ("node", "fitted")}}


def position_of(state: Mapping[str, Any]) -> int:
    """The ticks that a scheduler has made by its state; a chain has none of its own."""
    if "last_epoch" not in state and state.get(PARTS):
        return position_of(state[PARTS][0])
    return int(state.get("last_epoch", 0))
