"""A plan as HTML for notebooks: its groups, and its parameters as long as they are few."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from .implementation import StepChoice
from .rendering import COLUMNS, cells, short
from .rows import Rows

MOST_ROWS = 500
"""Parameters that are shown of a plan; a page has all of them."""


def html_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts, which are escaped."""
    heads = "".join(f'<th scope="col" style="text-align: left">{escape(text)}</th>' for text in head)
    lines = [
        "<tr>" + "".join(f'<td style="text-align: left">{escape(text)}</td>' for text in row) + "</tr>" for row in rows
    ]
    return "\n".join([f"<table><thead><tr>{heads}</tr></thead><tbody>", *lines, "</tbody></table>"])


def plan_html(rows: Rows, steps: list[StepChoice]) -> str:
    """The groups of a plan, and folded below them a table of its parameters with the rules that decided."""
    first, *others = short(rows, steps).splitlines()
    shown = min(len(rows), MOST_ROWS)
    name = f"{len(rows):,} parameters" if shown == len(rows) else f"the first {shown:,} of {len(rows):,} parameters"
    table = html_table(COLUMNS, (cells(rows.row(position)) for position in range(shown)))
    items = "".join(f"<li>{escape(line.strip())}</li>" for line in others)
    return "\n".join(
        [
            f"<div><b>{escape(rows.optimizer)}</b>: {escape(first)}",
            f"<ul>{items}</ul>",
            f"<details><summary>{name}</summary>{table}</details></div>",
        ]
    )
