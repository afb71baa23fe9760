"""Steps and ticks of a run whose epochs have another length now."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from scepter_opt.checkpoint.positions import share_kept, ticks_here


def run(total: int | None, epoch: int | None, interval: str = "step", frequency: int = 1) -> dict[str, Any]:
    return {"total_steps": total, "steps_per_epoch": epoch, "node": {"INTERVAL": interval, "FREQUENCY": frequency}}


@pytest.mark.parametrize(
    ("here", "saved", "share"),
    [
        ((50, 5), (100, 10), Fraction(1, 2)),
        ((100, 10), (50, 5), 2),
        ((100, 10), (100, 10), 1),
        ((100, 10), (50, 10), None),  # more epochs: another run
        ((None, 5), (100, 10), None),
        ((50, None), (100, 10), None),
    ],
)
def test_the_share_is_kept_where_both_know_their_epochs_and_have_as_many(here: Any, saved: Any, share: Any) -> None:
    assert share_kept(run(*here), run(*saved)) == share


@pytest.mark.parametrize(
    ("ticks", "here", "saved", "share", "expected"),
    [
        (30, run(50, 5), run(100, 10), Fraction(1, 2), 15),
        (31, run(50, 5), run(100, 10), Fraction(1, 2), 15),
        (3, run(50, 5, "epoch"), run(100, 10, "epoch"), Fraction(1, 2), 3),
        (30, run(100, 10, "epoch"), run(100, 10), Fraction(1), 3),
        (3, run(100, 10), run(100, 10, "epoch"), Fraction(1), 30),
        (3, run(100, None), run(100, 10, "epoch"), Fraction(1), 30),
        (3, run(100, 10), run(100, None, "epoch"), Fraction(1), None),
        (8, run(100, 10, "step", 4), run(100, 10, "step", 2), Fraction(1), 4),
        (8, run(100, 10, "epoch", 2), run(100, 10, "epoch", 1), Fraction(1), 4),
    ],
)
def test_ticks_follow_the_share_the_interval_and_the_frequency(
    ticks: int, here: Any, saved: Any, share: Fraction, expected: int | None
) -> None:
    assert ticks_here(ticks, here, saved, share) == expected
