"""Finds the schedulers that were built over an optimizer: they know it, and it does not know them."""

from __future__ import annotations

import gc
from typing import Any


def attached_schedulers(optimizer: Any) -> list[Any]:
    """The schedulers, torch's or others', that are there and would write an optimizer's rates.

    What torch leaves on an optimizer (`initial_lr`, a wrapped `step`) stays when a scheduler is gone, comes with a
    loaded state too, and ReduceLROnPlateau leaves nothing: so the schedulers themselves are looked for. One that is
    only waiting for the garbage collector is not among them.
    """
    if not _search(optimizer):
        return []
    gc.collect()
    return _search(optimizer)


def is_scheduler(cls: type) -> bool:
    """Whether a class is of schedulers by the names of its bases: torch is one of several who have such."""
    return any(base.__name__.endswith(("Scheduler", "LR", "LROnPlateau")) for base in cls.__mro__)


def _search(optimizer: Any) -> list[Any]:
    # by type, since looking at attributes of any object there is could call anything
    kinds: dict[type, bool] = {}
    found = []
    for item in gc.get_objects():
        cls = type(item)
        if cls not in kinds:
            kinds[cls] = is_scheduler(cls)
        if kinds[cls] and getattr(item, "__dict__", {}).get("optimizer") is optimizer:
            found.append(item)
    return found
