"""Text in columns, as wide as the terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence


def width() -> int:
    """The characters of a line: those of the terminal, or what COLUMNS says; 100 where neither is known."""
    return max(40, shutil.get_terminal_size((100, 24)).columns)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows in columns, of which the last one is wrapped.

    >>> print(table([("a", "first"), ("long", "second")]))
    a     first
    long  second
    """
    sizes = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    begin = sum(size + 2 for size in sizes)
    # where the other columns leave too little room the last one goes below them
    room = width() - begin
    lines = []
    for *cells, last in rows:
        head = "".join(cell.ljust(size + 2) for cell, size in zip(cells, sizes, strict=True))
        if room >= 30:
            wrapped = textwrap.wrap(last, room) or [""]
            lines += [f"{head}{wrapped[0]}".rstrip(), *(" " * begin + line for line in wrapped[1:])]
        else:
            lines += [head.rstrip(), *textwrap.wrap(last, width(), initial_indent="    ", subsequent_indent="    ")]
    return "\n".join(lines)


def paragraphs(text: str, indent: int = 0, further: int | None = None) -> str:
    """A text wrapped to the width.

    Args:
        text: One paragraph.
        indent: Spaces before its first line.
        further: Spaces before the others; by default as many.
    """
    others = " " * (indent if further is None else further)
    return "\n".join(
        textwrap.wrap(text, width(), initial_indent=" " * indent, subsequent_indent=others, break_on_hyphens=False)
    )
