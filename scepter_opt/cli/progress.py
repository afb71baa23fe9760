"""How far long work is, on the terminal; nothing where there is none."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from ..insight.extras import needed

T = TypeVar("T")


def track(items: Sequence[T], what: str) -> Iterable[T]:
    """The items, with a bar that counts them."""
    if not sys.stderr.isatty() or len(items) < 2:
        return items
    console = needed("rich.console").Console(stderr=True)
    tracked: Iterable[T] = needed("rich.progress").track(items, what, console=console, transient=True)
    return tracked


@contextmanager
def working(what: str) -> Iterator[None]:
    """Something turns while the block runs."""
    if not sys.stderr.isatty():
        yield
        return
    with needed("rich.console").Console(stderr=True).status(what):
        yield
