"""Phases in words; what is said of them is tested with PhasesLR, in tests/lr_schedulers/test_phases.py."""

from __future__ import annotations

from typing import Any

import pytest

from scepter_opt.components.checking import check_node
from scepter_opt.schedules.horizon import Horizon
from scepter_opt.schedules.remarks import in_words, remarks_on_drops


def fitted(**phases: Any) -> Any:
    return check_node({"NAME": "PhasesLR", "PHASES": phases}, None).with_horizon(Horizon(100, 10))


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        ({"CURVE": "constant"}, "a constant over 100 ticks"),
        ({"CURVE": "constant", "LENGTH": 100, "TO": 0.5}, "a constant to 0.5 over 100 ticks"),
        ({"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": "10 epochs"}, "a linear from 0 to 1 over 100 ticks"),
        ({"CURVE": "cosine", "TO_VALUE": 1e-6}, "a cosine to the value 1e-06 over 100 ticks"),
        ({"CURVE": "step", "GAMMA": 0.1, "EVERY": 30}, "a step over 100 ticks"),
        (
            {"PHASES": {"b": {"CURVE": "linear", "FROM_VALUE": 0.1, "TO": 1}}},
            "a (b linear from the value 0.1 to 1 over 100 ticks) over 100 ticks",
        ),
    ],
)
def test_a_phase_in_words(phase: dict[str, Any], words: str) -> None:
    assert in_words(fitted(a=phase).PHASES) == words


@pytest.mark.parametrize(
    ("drops", "clock", "said"),
    [
        ({"AT": [10, 80]}, "phase", True),
        ({"AT": [10, 79]}, "phase", False),
        ({"AT": [30, 99]}, "schedule", False),
        ({"AT": [30, 100]}, "schedule", True),
        ({"EVERY": 80}, "phase", True),
        ({"EVERY": "50%"}, "phase", False),
    ],
)
def test_drops_are_measured_by_the_clock_that_counts_them(drops: dict[str, Any], clock: str, said: bool) -> None:
    step = {"CURVE": "step", "GAMMA": 0.5, "CLOCK": clock, **drops}
    warmup = {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": 20}
    timeline = fitted(warmup=warmup, drops=step).timelines().rate
    remarks = list(remarks_on_drops(timeline))
    assert bool(remarks) == said
    curve = timeline.curve()
    last = drops.get("AT", [None])[-1] or timeline.pieces[1].phase["EVERY"]
    at = last + (20 if clock == "phase" else 0)
    assert (at < 100 and curve(at) < curve(at - 1)) == (not said)
