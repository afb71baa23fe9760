"""Where the phases of a schedule lie in a run, for people who look at its curves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..schedules.timeline import Timeline

AFTER = "after the last phase"
"""What ticks are called at which the last value holds."""


@dataclass(frozen=True)
class Span:
    """The ticks of a run that belong to one phase."""

    name: str
    """The phase's name; with its rule before it where it is of a rule, and below others with theirs."""
    begin: int
    """Its first tick."""
    end: int
    """The tick after its last."""


def spans_of(timeline: Timeline, key: str, rule: str, ticks: int) -> tuple[Span, ...]:
    """The phases of a timeline that a run of so many ticks sees, in order.

    Args:
        timeline: Fitted phases.
        key: Where they stand, such as `PHASES` or `RULES.head`.
        rule: The rule whose groups they are of; empty where they are of all.
        ticks: Ticks of the run.
    """
    return tuple(span for span in _all(timeline, key, rule, ticks) if 0 <= span.begin < span.end <= ticks)


def _all(timeline: Timeline, key: str, rule: str, ticks: int) -> Iterator[Span]:
    of_rule = f"{rule}: " if rule else ""
    for piece in timeline.pieces:
        name = piece.key.removeprefix(f"{key}.").replace(".PHASES.", " / ")
        # a FIRST_STEP moves where the run begins on the schedule's clock
        begin, end = piece.begin - timeline.first_step, ticks if piece.end is None else piece.end - timeline.first_step
        yield Span(of_rule + name, max(begin, 0), min(end, ticks))
    if timeline.end is not None:
        yield Span(of_rule + AFTER, max(timeline.end - timeline.first_step, 0), ticks)
