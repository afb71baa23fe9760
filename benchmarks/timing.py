"""Things timed in turn in one process, so that a noisy machine disturbs all of them alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict


class Row(TypedDict, total=False):
    """One figure of a benchmark."""

    part: str
    """The part of the benchmark."""
    case: str
    """What was measured."""
    name: str
    """Whose figure this is."""
    value: float
    """The figure, in `unit`."""
    unit: str
    """What the value is in: seconds, bytes and so on."""
    spread: float
    """Distance of the quartiles as a share of the median."""
    ratio: float
    """The value over that of `to`, both measured in turn in one process."""
    to: str
    """What the ratio is to."""


@dataclass(frozen=True)
class Timing:
    """Seconds per call: the median, and the quartiles around it."""

    median: float
    low: float
    high: float

    @property
    def spread(self) -> float:
        """Distance of the quartiles as a share of the median."""
        return (self.high - self.low) / self.median


def timings(tasks: Mapping[str, Callable[[], Any]], rounds: int, repeats: int = 1) -> dict[str, Timing]:
    """Seconds per call of each task.

    Args:
        tasks: What to time, by name.
        rounds: How often each is timed, at least 2; the tasks take turns.
        repeats: Calls per timing, for what is short.
    """
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for task in tasks.values():
        task()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, task in tasks.items():
                start = time.perf_counter()
                for _ in range(repeats):
                    task()
                times[name].append((time.perf_counter() - start) / repeats)
    finally:
        gc.enable()
    return {name: _timing(found) for name, found in times.items()}


def compared(
    part: str, case: str, tasks: Mapping[str, Callable[[], Any]], to: str, rounds: int, repeats: int = 1
) -> Iterator[Row]:
    """A row per task: its median, and that over the median of the task `to`."""
    found = timings(tasks, rounds, repeats)
    base = found[to].median
    for name, timing in found.items():
        row = Row(part=part, case=case, name=name, value=timing.median, unit="s", spread=timing.spread)
        yield {**row, "ratio": timing.median / base, "to": to}


def said(row: Row) -> tuple[str, ...]:
    """The cells of a row for people: case, name, value, spread, ratio and what it is to."""
    ratio = (f"{row['ratio']:.2f} x", row.get("to", "")) if "ratio" in row else ("", "")
    spread = f"{row['spread']:.0%}" if "spread" in row else ""
    return row["case"], row["name"], quantity(row["value"], row["unit"]), spread, *ratio


def quantity(value: float, unit: str) -> str:
    """A value with its unit, and a prefix where it is a time."""
    if unit == "s" and value < 1:
        return f"{1e3 * value:.3g} ms" if value >= 1e-3 else f"{1e6 * value:.3g} µs"
    return f"{value:.4g} {unit}"


def show(rows: Iterable[Row]) -> None:
    """Print rows as they come."""
    for row in rows:
        case, name, value, spread, ratio, to = said(row)
        print(f"{row['part']}: {case:40} {name:28} {value:>12} {spread:>5} {ratio:>8} {to}", flush=True)


def _timing(found: list[float]) -> Timing:
    low, median, high = statistics.quantiles(found, n=4)
    return Timing(median, low, high)
