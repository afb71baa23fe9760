"""In what two schedules differ, as they were written, and the one that a policy makes of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..config.plain import unlike
from ..parameters.merging import Difference
from ..schedules.record import TICKS, same_rates

Record = Mapping[str, Any]
"""What a scheduler was built from."""
_RUN = ("total_steps", "steps_per_epoch")


def differences(own: Record, saved: Record, side: Callable[[str], str], moves: bool) -> Iterator[Difference]:
    """In what a schedule here differs from the saved one, by the keys of its node, and who holds.

    Args:
        own: What the scheduler here was built from.
        saved: What that of the checkpoint was built from.
        side: By a full key which side holds.
        moves: Whether the position moves with the steps of an epoch.
    """
    key = own["key"]
    equal = same_rates(own, saved)
    if not equal:
        other_class = own["node"]["NAME"] != saved["node"]["NAME"]
        # nothing can be compared of two classes but the names
        names = ("NAME",) if other_class else dict.fromkeys([*own["node"], *saved["node"]])
        pairs = {name: (own["node"].get(name), saved["node"].get(name)) for name in names if name not in TICKS}
        for name, (here, there) in pairs.items():
            for path, one, two in unlike(here, there, name):
                yield Difference(f"{key}.{path}", one, two, side(f"{key}.{path}"))
    for name in _RUN:
        counts = not equal or (moves and name == "steps_per_epoch")
        if counts and own[name] != saved[name]:
            yield Difference(f"{key}.{name}", own[name], saved[name], side(f"{key}.{name}"))
    for name in TICKS:
        here, there = own["node"].get(name), saved["node"].get(name)
        if here != there:
            held = side(f"{key}.{name}")
            reason = "what calls the scheduler goes by it"
            yield Difference(f"{key}.{name}", here, there, held if held == "error" else "config", (), reason)


def decided(own: Record, saved: Record, found: list[Difference]) -> Record:
    """The node and the run of the schedule that holds; `fitted` is not."""
    key = own["key"]
    held = {one.key.removeprefix(f"{key}."): one for one in found}
    another = "NAME" in held and held["NAME"].held == "checkpoint"
    node = copy.deepcopy(dict((saved if another else own)["node"]))
    run = {name: own[name] for name in _RUN}
    for path, one in held.items():
        if one.held == "checkpoint" and path in _RUN:
            run[path] = saved[path]
        elif one.held == "checkpoint" and not another:
            *above, last = path.split(".")
            place = node
            for part in above:
                place = place[part]
            place[last] = copy.deepcopy(one.checkpoint)
    node |= {name: own["node"][name] for name in TICKS if name in own["node"]}
    return {"key": key, "node": node, **run}
