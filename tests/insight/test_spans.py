"""Where phases lie in a run."""

from __future__ import annotations

from typing import Any

import pytest

import scepter_opt
from scepter_opt.insight.spans import AFTER, Span

WARMUP = {"warmup": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": 4}}
DECAY = {"decay": {"CURVE": "linear", "TO": 0}}


def phases(node: dict[str, Any], group: str = "default", groups: Any = None) -> list[tuple[Span, ...]]:
    return list(scepter_opt.preview({"NAME": "PhasesLR", **node}, 10, groups).phases[group])


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"PHASES": {**WARMUP, **DECAY}}, [("warmup", 0, 4), ("decay", 4, 10)]),
        ({"PHASES": {**WARMUP, "hold": {"CURVE": "constant"}}}, [("warmup", 0, 4), ("hold", 4, 10)]),
        ({"PHASES": WARMUP}, [("warmup", 0, 4), (AFTER, 4, 10)]),
        ({"PHASES": {**WARMUP, **DECAY}, "FIRST_STEP": 1}, [("warmup", 0, 3), ("decay", 3, 9), (AFTER, 9, 10)]),
        ({"PHASES": {**WARMUP, **DECAY}, "FIRST_STEP": 5}, [("decay", 0, 5), (AFTER, 5, 10)]),
        (
            {"PHASES": {"cycle": {"PHASES": {**WARMUP, "down": {"CURVE": "linear", "TO": 0, "LENGTH": 6}}}}},
            [("cycle / warmup", 0, 4), ("cycle / down", 4, 10)],
        ),
    ],
)
def test_phases_lie_where_their_lengths_put_them(node: dict[str, Any], expected: list[tuple[str, int, int]]) -> None:
    assert phases(node) == [tuple(Span(*each) for each in expected)]


def test_a_group_of_a_rule_has_the_rules_phases_too() -> None:
    node = {"PHASES": {**WARMUP, **DECAY}, "RULES": {"head": {"thaw": {"CURVE": "linear", "FROM": 0, "TO": 1}}}}
    groups = [{"name": name, "lr": 1.0, "rules": [[name]]} for name in ("body", "head")]
    own = (Span("warmup", 0, 4), Span("decay", 4, 10))
    assert phases(node, "body", groups) == [own]
    assert phases(node, "head", groups) == [own, (Span("head: thaw", 0, 10),)]


def test_what_is_not_made_of_phases_has_none() -> None:
    shown = scepter_opt.preview({"NAME": "StepLR", "STEP_SIZE": 3}, 10)
    assert shown.phases == {}
    assert (shown.scheduler, shown.unit, shown.ticks) == ("StepLR", "step", 10)
