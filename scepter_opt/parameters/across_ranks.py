"""Whether all processes have made the same plan: they compare digests, and rows only where those differ."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from itertools import zip_longest
from typing import Any

from ..errors import ConfigError, Problem
from .processes import Processes, rank_and_count
from .rows import Rows
from .serialization import settings_of

_SKIPPED = "Call it in every process, or in none."


def compare(plan: Rows, timeout: float) -> None:
    """Compare a plan with those of the other processes; see `Plan.compare_across_ranks`."""
    processes = Processes("plan.compare_across_ranks", timeout, _SKIPPED)
    if not processes.several:
        return
    data = data_of(plan)
    different = processes.agree(hashlib.sha256(data.encode()).hexdigest(), _others_than_the_first)
    if different:
        shown = data if rank_and_count()[0] in (0, different[0]) else ""
        processes.agree(shown, partial(_refuse, different=different))


def data_of(plan: Rows) -> str:
    """All that a plan decides, as JSON: parameters in their order with whole shapes, groups and settings."""
    columns = plan.columns
    # settings once for each combination: a hundred thousand parameters have few
    first = {number: position for position, number in reversed(list(enumerate(plan.column)))}
    decided = {}
    for number, position in sorted(first.items()):
        row, combination = plan.row(position), plan.combinations[number]
        # the shape is each parameter's own
        settings = {key: value for key, value in settings_of(row).items() if key != "shape"}
        decided[number] = {**settings, "rules": row.rules, "group": combination.group}
    rows = [
        [name, columns.tied.get(position, []), columns.shapes[position], plan.column[position]]
        for position, name in enumerate(columns.names)
    ]
    return json.dumps({"optimizer": plan.optimizer, "decided": decided, "rows": rows})


def _others_than_the_first(digests: list[str]) -> list[int]:
    return [rank for rank, digest in enumerate(digests) if digest != digests[0]]


def _refuse(plans: list[str], different: list[int]) -> None:
    one, other = json.loads(plans[0]), json.loads(plans[different[0]])
    which = f"process {different[0]} has" if len(different) == 1 else f"processes {', '.join(map(str, different))} have"
    where = _first_difference(one, other, different[0])
    raise ConfigError([Problem("plan", f"{which} another plan than process 0. {where}")])


def _first_difference(one: dict[str, Any], other: dict[str, Any], rank: int) -> str:
    """The first row that differs, in words."""
    pair = f"{{}} in process 0, and {{}} in process {rank}."
    if one["optimizer"] != other["optimizer"]:
        return f"The optimizer is {pair.format(one['optimizer'], other['optimizer'])}"
    for position, rows in enumerate(zip_longest(one["rows"], other["rows"])):
        mine, theirs = ({} if row is None else _row(row, plan) for row, plan in zip(rows, (one, other), strict=True))
        keys = [key for key in dict.fromkeys([*mine, *theirs]) if mine.get(key) != theirs.get(key)]
        if "name" in keys:
            return f"Parameter {position} is {pair.format(*(each.get('name', 'missing') for each in (mine, theirs)))}"
        if keys:
            return f"{mine['name']}: {keys[0]} is {pair.format(*(_text(each.get(keys[0])) for each in (mine, theirs)))}"
    return "No row differs."  # the groups are numbered otherwise


def _row(row: list[Any], plan: dict[str, Any]) -> dict[str, Any]:
    name, tied, shape, number = row
    return {"name": name, "further names": tied, "shape": shape, **plan["decided"][str(number)]}


def _text(value: Any) -> str:
    return str(tuple(value) if isinstance(value, list) else value)
