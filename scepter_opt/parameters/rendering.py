"""A plan for people: a table of all parameters, and a short form by groups."""

from __future__ import annotations

import io
from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING, Any

from .grouping import Group
from .implementation import StepChoice
from .rows import Row, Rows

if TYPE_CHECKING:
    from rich.console import Group as Rendered

COLUMNS = ("parameter", "shape", "kind", "decided by", "lr", "weight decay", "group")
"""What is said of a parameter."""
_MOST_NAMES = 4
# rich takes more than a millisecond for each row of a table, and wraps long names
_MOST_FRAMED = 200


def short(rows: Rows, steps: list[StepChoice]) -> str:
    """The groups of a plan, a line each, with what is frozen and what is left out."""
    count, values = _totals(rows)
    # rules without effect on the groups are counted too: they are in the config
    groups, rules = len(rows.group_settings), len(rows.rules)
    summary = f"{groups} group{'s' * (groups != 1)} from {rules or 'no'} rule{'s' * (rules != 1)}"
    lines = [f"{summary}, {_many(sum(count.values()))} with {sum(values.values()):,} values"]
    for number, group in enumerate(rows.group_settings):
        settings = {"LEARNING_RATE": group.learning_rate, "WEIGHT_DECAY": group.weight_decay} | group.settings
        shown = [f"{key} {value_text(value)}" for key, value in settings.items() if value is not None]
        part = [f"in {group.part}"] if group.part else []
        lines.append("  " + ", ".join([f"{group.name}: {_many(count[number])}", *part, *shown]))
    lines += [*_step_lines(rows, steps), *_frozen_lines(rows)]
    lines += [f"  rule {rule.name} is overruled by later rules" for rule in rows.rules if rule.shadowed]
    lines += [f"  rule {rule.name} matches only what is frozen" for rule in rows.rules if rule.frozen]
    return "\n".join(lines)


def settings_text(group: Group) -> str:
    """What a group has beside its rate and its weight decay that is not the optimizer's own."""
    own = {key: value for key, value in group.settings.items() if key not in ("LEARNING_RATE", "WEIGHT_DECAY")}
    return ", ".join(f"{key} {value_text(value)}" for key, value in own.items() if value is not None)


def _step_lines(rows: Rows, steps: list[StepChoice]) -> Iterator[str]:
    """How the steps of groups are computed, a line for each way."""
    # nearly always all groups step alike: then no group is named
    several = len(set(steps)) > 1
    for step in dict.fromkeys(steps):
        where = [group.name for group, own in zip(rows.group_settings, steps, strict=True) if own == step]
        undone = f"; IMPLEMENTATION={'torch' if step.reason else 'auto'} undoes it" * (step.implementation != "torch")
        reason = f" ({step.reason})" if step.reason else ""
        yield f"  step{' of ' + ', '.join(where) if several else ''}: {step.implementation.value}{reason}{undone}"


def _frozen_lines(rows: Rows) -> Iterator[str]:
    """Which parameters are frozen now, by name as long as they are few."""
    frozen = [i for i, number in enumerate(rows.column) if rows.combinations[number].frozen]
    left_out = [i for i in frozen if rows.combinations[rows.column[i]].left_out]
    held = [i for i in frozen if not rows.combinations[rows.column[i]].left_out]
    if held:
        yield f"  frozen now, each in its group: {_named(rows, held)}"
    if left_out:
        yield f"  frozen, and left out since {rows.optimizer} cannot take it: {_named(rows, left_out)}"


def _named(rows: Rows, positions: list[int]) -> str:
    names = [rows.columns.names[i] for i in positions]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{_many(len(names))}: {', '.join(names[:_MOST_NAMES])}{more}"


def _totals(rows: Rows) -> tuple[dict[int, int], dict[int, int]]:
    """Numbers of parameters and of values by group, -1 for what is left out."""
    count = dict.fromkeys(range(-1, len(rows.group_settings)), 0)
    values = dict(count)
    for number, shape in zip(rows.column, rows.columns.shapes, strict=True):
        group = rows.combinations[number].group
        count[group] += 1
        values[group] += prod(shape)
    return count, values


def cells(row: Row) -> tuple[str, ...]:
    """The cells of a parameter's line."""
    shape = "x".join(map(str, row.shape))
    name = " = ".join((row.name, *row.tied))
    decided = ", ".join(f"{key}: {rule}" for key, rule in row.decided.items())
    if row.group is None:
        return name, shape, " ".join(row.kinds), decided, "", "", "left out (frozen)"
    rate, decay = value_text(row.group.learning_rate), value_text(row.group.weight_decay)
    return name, shape, " ".join(row.kinds), decided, rate, decay, row.group.name + " (frozen)" * row.frozen


def value_text(value: Any) -> str:
    """A setting for people."""
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(getattr(value, "value", value))


def _many(count: int) -> str:
    return f"{count} parameter{'s' * (count != 1)}"


def _rule_lines(rows: Rows) -> Iterator[tuple[str, str]]:
    for rule in rows.rules:
        remarks = ", overruled by later rules" * rule.shadowed + ", all frozen" * rule.frozen
        yield rule.name, _many(rule.hits) + remarks


def table(rows: Rows, steps: list[StepChoice]) -> Rendered:
    """The plan as tables of rich: rules, then parameters."""
    from rich.console import Group as Rendered
    from rich.table import Table

    rules = Table("rule", "matches", title=f"{rows.optimizer}: rules")
    for line in _rule_lines(rows):
        rules.add_row(*line)
    parameters = Table(*COLUMNS, title=f"{rows.optimizer}: parameters")
    for row in rows:
        parameters.add_row(*cells(row))
    return Rendered(*([rules] if rows.rules else []), parameters, short(rows, steps))


def text(rows: Rows, steps: list[StepChoice]) -> str:
    """The plan as text, with rich where it is installed and the rows are few."""
    if len(rows) > _MOST_FRAMED:
        return _as_text(rows, steps)
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        return _as_text(rows, steps)
    out = io.StringIO()
    # a log has no terminal whose width could be asked for, and names are long
    Console(file=out, width=200, highlight=False, markup=False).print(table(rows, steps))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _as_text(rows: Rows, steps: list[StepChoice]) -> str:
    lines = [COLUMNS, *map(cells, rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*(f"rule {name}: {matches}" for name, matches in _rule_lines(rows)), *shown, short(rows, steps)])
