"""How far long work is, on the terminal; nothing where there is none, or no rich."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from ..errors import ConfigError
from .extras import needed

T = TypeVar("T")


def track(items: Sequence[T], what: str) -> Iterable[T]:
    """The items, with a bar that counts them."""
    console = _console() if len(items) > 1 else None
    if console is None:
        return items
    tracked: Iterable[T] = needed("rich.progress").track(items, what, console=console, transient=True)
    return tracked


@contextmanager
def working(what: str) -> Iterator[None]:
    """Something turns while the block runs."""
    console = _console()
    if console is None:
        yield
        return
    with console.status(what):
        yield


def _console() -> Any:
    """rich's console over the standard error, so that what is printed stays clean."""
    # of several processes the first one shows it
    if not sys.stderr.isatty() or os.environ.get("RANK", "0") != "0":
        return None
    try:
        return needed("rich.console").Console(stderr=True)
    except ConfigError:  # the work is done all the same
        return None
