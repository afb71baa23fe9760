"""SIGTERM and Ctrl-C as something that a loop can ask about, so that it finishes the step it is in."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interruption:
    """Whether the program was asked to end."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        """The first signal that came."""

    def handle(self, number: int, frame: Any) -> None:
        """Remember a signal; Ctrl-C ends the program at once where one came before.

        SIGTERM does not: schedulers of clusters and `timeout` send it to a program and again to its group.
        """
        if self.signal is None:
            self.signal = signal.Signals(number)
        elif number == signal.SIGINT:
            raise SystemExit(exit_code(number))


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Inside the block SIGTERM and Ctrl-C are remembered, and end nothing."""
    interruption = Interruption()
    # Python hears signals in its first thread only; a job in another goes on until its process ends
    heard = (signal.SIGTERM, signal.SIGINT) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, interruption.handle) for number in heard}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_code(number: int) -> int:
    """What shells say of a program that a signal ended."""
    return 128 + number
