"""One thing that an audit found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import final

MOST_NAMES = 4


@final
@dataclass(frozen=True)
class Finding:
    """One thing that an audit found."""

    name: str
    """What it is called, such as `parameters in no group`."""
    fault: bool
    """Whether training goes wrong by it; else it is a note."""
    what: str
    """What is so, with counts."""
    why: str
    """Why it matters."""
    do: str
    """What to do about it."""
    names: tuple[str, ...] = ()
    """All parameters concerned."""
    places: tuple[str, ...] = ()
    """The groups concerned."""

    @property
    def count(self) -> int:
        """How many parameters are concerned, or groups where it is about these alone."""
        return len(self.names) or len(self.places)


def fault(name: str, what: str, why: str, do: str, names: Iterable[str] = (), places: Iterable[str] = ()) -> Finding:
    """A finding by which training goes wrong."""
    return Finding(name, True, what, why, do, tuple(names), tuple(places))


def note(name: str, what: str, why: str, do: str, names: Iterable[str] = (), places: Iterable[str] = ()) -> Finding:
    """A finding that may be as it was meant."""
    return Finding(name, False, what, why, do, tuple(names), tuple(places))


def some(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """The first of some names, and how many more there are.

    >>> some(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def many(count: int, what: str) -> str:
    """A number of things.

    >>> many(1, "group"), many(2, "parameter")
    ('1 group', '2 parameters')
    """
    return f"{count:,} {what}{'s' * (count != 1)}"
