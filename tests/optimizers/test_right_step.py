"""No step is wrong: whatever is stepped, the default implementation is as right as torch's loop."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from scepter_opt.runtime import guard
from tests.optimizers.runs import ROWS, Ours, Run, loops, ours, wrong
from tests.optimizers.situations import Situation, situations

pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")


def problems(situation: Situation, rows: Counter[str]) -> list[str]:
    """What the default gets wrong in a situation."""
    own = Ours(situation)
    own.run(ours)
    if own.optimizer is None:
        return [f"not built: {own.error!r}"]
    groups = own.groups()
    loop, exact = Run(situation), Run(situation, twice=True)
    for run in (loop, exact):
        run.run(loops([group for group in groups if group]), own.checkpoint)
    rows.update(dict.fromkeys(own.rows, 1))
    return list(wrong(own, loop, exact))


def hold(examples: int, phases: tuple[Phase, ...] = tuple(Phase), part: int = 0) -> Counter[str]:
    """How often each row occurred in so many situations, all of which were right."""
    rows: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    @seed(part)
    @given(situations())
    def is_right(situation: Situation) -> None:
        found = problems(situation, rows)
        assert not found, found

    is_right()
    return rows


def test_no_step_is_wrong() -> None:
    rows = hold(300)
    assert set(rows) == set(ROWS)
    assert min(rows.values()) >= 20, rows


@pytest.mark.long
@pytest.mark.parametrize("part", range(8))
def test_no_step_is_wrong_in_many_situations(part: int) -> None:
    hold(2_500, part=part)


def test_without_the_guard_steps_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "takes", lambda *_: True)
    with pytest.raises(AssertionError, match=r"off by|raised"):
        hold(300, (Phase.generate,))
