"""The tables of a page as plain data, by columns, so that twenty thousand rows take little place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any

from ..parameters.grouping import Group
from ..parameters.plan import Plan
from ..parameters.rendering import settings_text
from ..parameters.resolution import PRODUCTS
from ..parameters.rows import Row
from .results import Job, Results

MOST_ROWS = 20_000
"""Parameters of a model of which each has a row."""
MOST_TEXT = 1_100_000
"""Characters that their table may take: with the rest below two megabytes."""
_MOST_GROUPS = 4_000
_FEW = 100
_SHOWN = ("LEARNING_RATE", "WEIGHT_DECAY")


def texts(label: str, values: Sequence[str]) -> dict[str, Any]:
    """A column of texts, each different one written once; where nearly all differ, as names."""
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    if 2 * len(places) > len(values) > _FEW:
        return names(label, values)
    return {"label": label, "of": list(places), "at": [places[value] for value in values]}


def names(label: str, values: Sequence[str]) -> dict[str, Any]:
    """A column of names of which each often begins as the one before: what is the same is written as its length."""
    told: list[Any] = []
    before = ""
    for name in values:
        differ = (i for i, (one, other) in enumerate(zip(before, name, strict=False)) if one != other)
        same = name[: next(differ, min(len(before), len(name)))]
        # the script counts in units of UTF-16
        told += [len(same.encode("utf-16-le", "surrogatepass")) // 2, name[len(same) :]]
        before = name
    return {"label": label, "front": told}


def numbers(label: str, values: Sequence[Any]) -> dict[str, Any]:
    """A column of numbers, with the six digits that are shown; None where there is none."""
    rounded = (float(f"{value:.6g}") if isinstance(value, float) else value for value in values)
    return {"label": label, "numbers": list(rounded)}


def table(title: str, columns: Sequence[dict[str, Any]], note: str = "", search: str = "") -> dict[str, Any]:
    """A table of columns of equal length; one whose cells are all empty is left out."""
    return {
        "title": title,
        "columns": [column for column in columns if not _is_empty(column)],
        "note": note,
        "search": search,
    }


def _is_empty(column: dict[str, Any]) -> bool:
    return column.get("of") in ([], [""]) or all(value is None for value in column.get("numbers", [0]))


def tables_of_plan(plan: Plan) -> list[dict[str, Any]]:
    """Parameters with the rule that decided each setting, groups, and rules.

    A model of more than MOST_ROWS parameters has no table of them: its groups say what there is to say.
    """
    tables = [_groups(plan), _rules(plan)]
    columns = _parameters(plan) if len(plan) <= MOST_ROWS else None
    if columns is None or len(json.dumps(columns, separators=(",", ":"))) > MOST_TEXT:
        reason = f"the model has {len(plan):,} parameters, and a page holds {MOST_ROWS:,}"
        tables[0]["note"] = f"Groups alone: {reason if columns is None else 'the table would be too large for a page'}."
    else:
        tables.insert(0, table("Parameters", columns, search="a parameter, a rule, a group"))
    return [each for each in tables if each["columns"]]


def _parameters(plan: Plan) -> list[dict[str, Any]]:
    rows = list(plan)

    def of_group(read: Callable[[Group], float | None]) -> list[float | None]:
        return [None if row.group is None else read(row.group) for row in rows]

    return [
        names("parameter", [" = ".join((row.name, *row.tied)) for row in rows]),
        texts("shape", ["x".join(map(str, row.shape)) for row in rows]),
        numbers("values", [prod(row.shape) for row in rows]),
        texts("group", ["left out" if row.group is None else row.group.name for row in rows]),
        texts("trained", ["frozen" if row.frozen else "" for row in rows]),
        numbers("learning rate", of_group(lambda group: number(group.learning_rate))),
        texts("rate decided by", [decided(row, "LEARNING_RATE") for row in rows]),
        numbers("weight decay", of_group(lambda group: number(group.weight_decay))),
        texts("decay decided by", [decided(row, "WEIGHT_DECAY") for row in rows]),
        texts("also decided", [_also_decided(row) for row in rows]),
        texts("optimizer", ["" if row.group is None else row.group.part for row in rows]),
        texts("kind", [" ".join(row.kinds) for row in rows]),
        texts("module", [row.owner for row in rows]),
    ]


def decided(row: Row, setting: str) -> str:
    """The rules that a setting comes from, those of its factors with them; empty where it is the optimizer's own."""
    keys = [setting, *(factor for factor, of in PRODUCTS.items() if of == setting)]
    return " * ".join(row.decided[key] for key in keys if key in row.decided)


def _also_decided(row: Row) -> str:
    """Which rule decided what beside rate and weight decay."""
    known = {*_SHOWN, *(factor for factor, of in PRODUCTS.items() if of in _SHOWN)}
    return ", ".join(f"{key}: {rule}" for key, rule in row.decided.items() if key not in known)


def number(value: Any) -> float | None:
    """A setting as a number; None of what is none, such as a tensor's rate that only the run knows."""
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None


def _groups(plan: Plan) -> dict[str, Any]:
    groups = list(zip(plan.group_settings, plan.members, strict=True))
    shapes = plan.columns.shapes
    shown = groups[:_MOST_GROUPS]
    note = f"The first {len(shown):,} of {len(groups):,} groups." if len(shown) < len(groups) else ""
    columns = [
        names("group", [group.name for group, _ in shown]),
        texts("optimizer", [group.part for group, _ in shown]),
        numbers("parameters", [len(members) for _, members in shown]),
        numbers("values", [sum(prod(shapes[i]) for i in members) for _, members in shown]),
        numbers("learning rate", [number(group.learning_rate) for group, _ in shown]),
        numbers("weight decay", [number(group.weight_decay) for group, _ in shown]),
        texts("other settings", [settings_text(group) for group, _ in shown]),
        texts("implementation", [step.implementation.value for step in plan.steps[: len(shown)]]),
    ]
    return table("Groups", columns, note, search="a group")


def _rules(plan: Plan) -> dict[str, Any]:
    remarks = ["overruled by later rules" * rule.shadowed or "all frozen" * rule.frozen for rule in plan.rules]
    columns = [
        texts("rule", [rule.name for rule in plan.rules]),
        numbers("matches", [rule.hits for rule in plan.rules]),
        texts("remark", remarks),
    ]
    return table("Rules", columns)


def table_of_results(results: Results) -> dict[str, Any]:
    """The jobs of a sweep, the best first, with a column for each key in which they differ."""
    jobs = [*results.ranked, *results.others]
    ranks: Iterable[int | None] = [*range(1, len(results.ranked) + 1), *[None] * len(results.others)]
    columns = [
        numbers("rank", list(ranks)),
        texts("job", [job.number for job in jobs]),
        numbers(results.metric, [job.last(results.metric) for job in jobs]),
        *(_swept(key, jobs) for key in results.swept()),
        texts("state", [job.state or "unknown" for job in jobs]),
        texts("remark", [job.remark for job in jobs]),
        texts("overrides", [" ".join(job.overrides) for job in jobs]),
    ]
    return table("Jobs", columns, search="a job, a value, an override")


def _swept(key: str, jobs: Sequence[Job]) -> dict[str, Any]:
    """The values of a swept key: numbers where all are, so that they are sorted as such."""
    said = [job.settings().get(key, "") for job in jobs]
    try:
        values = [float(one) if one else None for one in said]
    except ValueError:
        return texts(key, said)
    return numbers(key, values)
