"""Things timed in turn in one process, so that a noisy machine disturbs all of them alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


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


def medians(tasks: Mapping[str, Callable[[], Any]], rounds: int, repeats: int = 1) -> dict[str, float]:
    """The medians alone."""
    return {name: timing.median for name, timing in timings(tasks, rounds, repeats).items()}


def _timing(found: list[float]) -> Timing:
    low, median, high = statistics.quantiles(found, n=4)
    return Timing(median, low, high)
