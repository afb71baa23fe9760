"""Functions that nodes name by import path."""

from __future__ import annotations


def powers_of_nine_tenths(tick: int) -> float:
    return 0.9**tick


def powers_of_eight_tenths(tick: int) -> float:
    return 0.8**tick


def nine_tenths(_: int) -> float:
    return 0.9


def eight_tenths(_: int) -> float:
    return 0.8


def tens(tick: int) -> float:
    return tick // 10


def half(_: float) -> float:
    return 0.5


class Times:
    """A callable object, whose state torch saves."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, tick: int) -> float:
        return self.value * tick


times_ten = Times(10)
times_minus_one = Times(-1)
not_a_function = 0.95
