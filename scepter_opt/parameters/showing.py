"""A plan for people: a table of all parameters, and a short form by groups."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .plan import Plan, Row

if TYPE_CHECKING:
    from rich.console import Group

_COLUMNS = ("parameter", "shape", "kind", "decided by", "lr", "weight decay", "group")


def short(plan: Plan) -> str:
    """The groups of a plan, a line each, with what is frozen."""
    count, values = _totals(plan)
    groups, rules = len(plan.settings), len(plan.rules)
    made = f"{groups} group{'s' * (groups != 1)} from {rules or 'no'} rule{'s' * (rules != 1)}"
    lines = [f"{made}, {_many(sum(count.values()))} with {sum(values.values()):,} values"]
    for number, group in enumerate(plan.settings):
        settings = {"LEARNING_RATE": group.learning_rate, "WEIGHT_DECAY": group.weight_decay} | group.settings
        said = [f"{key} {_value(value)}" for key, value in settings.items() if value is not None]
        part = [f"in {group.part}"] if group.part else []
        lines.append("  " + ", ".join([f"{group.name}: {_many(count[number])}", *part, *said]))
    several = len(set(plan.steps)) > 1
    for step in dict.fromkeys(plan.steps):
        where = [group.name for group, own in zip(plan.settings, plan.steps, strict=True) if own == step]
        undone = f"; IMPLEMENTATION={'torch' if step.reason else 'auto'} undoes it" * (step.implementation != "torch")
        reason = f" ({step.reason})" if step.reason else ""
        lines.append(
            f"  step{' of ' + ', '.join(where) if several else ''}: {step.implementation.value}{reason}{undone}"
        )
    if count[-1]:
        lines.append(f"  frozen: {_many(count[-1])}")
    lines += [f"  rule {rule.name} is overruled by later rules" for rule in plan.rules if rule.shadowed]
    return "\n".join(lines)


def _totals(plan: Plan) -> tuple[dict[int, int], dict[int, int]]:
    """Numbers of parameters and of values by group, -1 for what is frozen."""
    count = dict.fromkeys(range(-1, len(plan.settings)), 0)
    values = dict(count)
    for number, shape in zip(plan.column, plan.columns.shapes, strict=True):
        group = plan.combinations[number].group
        size = 1
        for length in shape:
            size *= length
        count[group] += 1
        values[group] += size
    return count, values


def _cells(row: Row) -> tuple[str, ...]:
    """The cells of a parameter's line."""
    shape = "x".join(map(str, row.shape))
    name = " = ".join((row.name, *row.tied))
    decided = ", ".join(f"{key}: {rule}" for key, rule in row.decided.items())
    if row.group is None:
        return name, shape, " ".join(row.kinds), decided, "", "", "frozen"
    rate, decay = _value(row.group.learning_rate), _value(row.group.weight_decay)
    return name, shape, " ".join(row.kinds), decided, rate, decay, row.group.name


def _value(value: Any) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(getattr(value, "value", value))


def _many(count: int) -> str:
    return f"{count} parameter{'s' * (count != 1)}"


def _rule_lines(plan: Plan) -> Iterator[tuple[str, str]]:
    for rule in plan.rules:
        yield rule.name, _many(rule.hits) + (", overruled by later rules" if rule.shadowed else "")


def table(plan: Plan) -> Group:
    """The plan as tables of rich: rules, then parameters."""
    from rich.console import Group
    from rich.table import Table

    rules = Table("rule", "matches", title=f"{plan.optimizer}: rules")
    for line in _rule_lines(plan):
        rules.add_row(*line)
    rows = Table(*_COLUMNS, title=f"{plan.optimizer}: parameters")
    for row in plan:
        rows.add_row(*_cells(row))
    return Group(*([rules] if plan.rules else []), rows, short(plan))


def text(plan: Plan) -> str:
    """The plan as text, with rich where it is installed."""
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        return _plain(plan)
    out = io.StringIO()
    Console(file=out, width=200, highlight=False, markup=False).print(table(plan))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _plain(plan: Plan) -> str:
    lines = [_COLUMNS, *map(_cells, plan)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*(f"rule {name}: {matches}" for name, matches in _rule_lines(plan)), *shown, short(plan)])
