"""Groups of an optimizer and of a checkpoint become one: settings, and what a schedule made of them."""

from __future__ import annotations

from typing import Any

import pytest

from scepter_opt.parameters.merging import Difference, merge


def group(rate: float, share: float = 1.0, names: int = 1, **keys: Any) -> dict[str, Any]:
    """A group dict as a plan makes it, whose rate a schedule has moved."""
    settings = {"NAME": "AdamW", "LEARNING_RATE": rate, "WEIGHT_DECAY": keys.get("weight_decay", 0.1)}
    first = {"initial_lr": rate} if share != 1.0 else {}
    return {
        "params": list(range(names)), "name": "default", "lr": rate * share, "weight_decay": 0.1, "settings": settings,
        **first, **keys,
    }  # fmt: skip


def merged(here: list[Any], saved: list[Any], sources: list[Any], side: str = "error") -> tuple[Any, list[Difference]]:
    groups, differences = merge(here, saved, sources, lambda _: side)
    return groups, differences


def test_equal_settings_take_the_value_that_a_schedule_has_made() -> None:
    (one,), differences = merged([group(0.1)], [group(0.1, 0.25)], [[0]])
    assert (one["lr"], one["initial_lr"], differences) == (0.025, 0.1, [])
    assert "params" not in one


@pytest.mark.parametrize(("side", "rate", "first"), [("config", 0.05, 0.2), ("checkpoint", 0.025, 0.1)])
def test_a_rate_that_differs_is_its_own_times_the_share_or_the_saved_one(side: str, rate: float, first: float) -> None:
    (one,), differences = merged([group(0.2)], [group(0.1, 0.25)], [[0]], side)
    assert (one["lr"], one["initial_lr"]) == (rate, first)
    assert one["settings"]["LEARNING_RATE"] == first
    assert differences == [Difference("LEARNING_RATE", 0.2, 0.1, side, ("default",))]


def test_of_groups_that_differ_the_configuration_holds_at_the_share_of_the_schedule() -> None:
    here, saved = [group(0.2, names=2)], [group(0.1, 0.5), group(1.0, 0.5)]
    (one,), (difference,) = merged(here, saved, [[1, 0]], "checkpoint")
    assert (one["lr"], one["initial_lr"]) == (0.1, 0.2)
    assert (difference.held, difference.checkpoint) == ("config", [1.0, 0.1])
    assert "groups that differ" in difference.reason


def test_a_group_that_is_new_joins_the_schedule_where_it_is() -> None:
    (_, new), differences = merged([group(0.1), group(0.4)], [group(0.1, 0.5)], [[0], [None]])
    assert (new["lr"], differences) == (0.2, [])


def test_one_difference_tells_of_all_groups_in_which_it_is_the_same() -> None:
    here = [group(0.1, name="a", weight_decay=0.2), group(0.1, name="b", weight_decay=0.2)]
    saved = [group(0.1, names=2)]
    _, differences = merged(here, saved, [[0], [1]], "config")
    assert differences == [Difference("WEIGHT_DECAY", 0.2, 0.1, "config", ("a", "b"))]


def test_rules_names_and_flags_stay_those_of_the_configuration() -> None:
    here = group(0.1, name="mine", rules=[["mine"]], fused=True, optimizer="adamw")
    saved = group(0.1, name="theirs", rules=[["theirs"]], fused=False, optimizer="other", counted=7)
    (one,), _ = merged([here], [saved], [[0]])
    assert (one["name"], one["rules"], one["fused"], one["optimizer"]) == ("mine", [["mine"]], True, "adamw")
    assert one["counted"] == 7  # what a class keeps in its groups goes on
