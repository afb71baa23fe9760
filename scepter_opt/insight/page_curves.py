"""The curves of a page as plain data: shapes that groups share, and a line for each group that differs."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from .pictures import Panel, columns, name_of
from .preview import Preview, product_of
from .spans import Span
from .thinning import SHARE, thinned

MOST_POINTS = 24_000
"""Points of all shapes of a section together, about: half a megabyte of them."""
MOST_LINES = 1_000
"""Lines of a panel; of more some are chosen evenly."""
# how far lines may be off, as shares of their range: many shapes leave each fewer points
_SHARES = (SHARE, 10 * SHARE, 50 * SHARE)
_MOST_NAMES = 30


class _Shapes:
    """Curves without their scale, each kept once: a hundred groups of layer-wise decay differ by a number."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._digests: dict[tuple[int, ...], bytes] = {}
        self._curves: list[tuple[Sequence[float], Sequence[float], set[int]]] = []
        self.phases: list[list[list[tuple[str, int, int]]]] = []

    def of(self, curves: Sequence[array[float]], corners: set[int]) -> int:
        """The number of the shape that a product of curves has."""
        # curves that are the same objects need no second look
        objects = tuple(map(id, curves))
        if objects not in self._digests:
            product = product_of(curves)
            digest = self._digests[objects] = blake2b(product).digest()
            if digest not in self._numbers:
                self._numbers[digest] = self.add(range(len(product)), product)
        number = self._numbers[self._digests[objects]]
        self._curves[number][2].update(corners)
        return number

    def add(self, x: Sequence[float], y: Sequence[float]) -> int:
        """The number of a line of its own."""
        self._curves.append((x, y, set()))
        return len(self._curves) - 1

    def number_of_phases(self, phases: Iterable[Sequence[Span]]) -> int:
        """The number of a group's phases among those of all groups."""
        told = [[(span.name, span.begin, span.end) for span in spans] for spans in phases]
        if told not in self.phases:
            self.phases.append(told)
        return self.phases.index(told)

    def thin(self) -> list[dict[str, list[float]]]:
        """Every shape with as many points as a picture shows."""
        each = MOST_POINTS // max(len(self._curves), 1)
        for share in _SHARES:
            kept = [thinned(x, y, corners, MOST_POINTS, share) for x, y, corners in self._curves]
            if sum(map(len, kept)) <= MOST_POINTS:
                break
        else:
            kept = [thinned(x, y, corners, each, _SHARES[-1]) for x, y, corners in self._curves]
        return [
            {"x": [x[i] for i in positions], "y": [y[i] for i in positions]}
            for (x, y, _), positions in zip(self._curves, kept, strict=True)
        ]


def curves_of_previews(previews: Mapping[str, Preview]) -> dict[str, Any]:
    """What a page draws of schedules: a panel for each setting, a line for each group that differs.

    Args:
        previews: By what they are called; of one alone the name is not shown.
    """
    shapes = _Shapes()
    panels = []
    for setting in dict.fromkeys(setting for shown in previews.values() for setting in columns(shown)):
        lines: dict[Any, dict[str, Any]] = {}
        for name, shown in previews.items():
            for group, own in _lines_of(columns(shown).get(setting), shapes):
                # groups that are equal at every tick are one line
                line = lines.setdefault((name, *own.values()), {**own, "of": name, "groups": [], "count": 0})
                line["count"] += 1
                line["groups"] += [group] * (line["count"] <= _MOST_NAMES)
        label = name_of(setting)
        chosen = _evenly(list(lines.values()))
        told = [_labelled(line, previews) for line in chosen]
        panels.append({"tab": label, "label": label, "lines": told, "rates": len(lines)})
    units = {shown.unit for shown in previews.values()}
    return {
        "title": "Curves",
        "dense": True,
        "unit": units.pop() if len(units) == 1 else "tick",
        "panels": panels,
        "shapes": shapes.thin(),
        "phases": shapes.phases,
    }


def _evenly(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All lines, or of very many some, the first and the last with them."""
    last = len(lines) - 1
    if last < MOST_LINES:
        return lines
    return [lines[round(i * last / (MOST_LINES - 1))] for i in range(MOST_LINES)]


def _lines_of(shown: Preview | None, shapes: _Shapes) -> Iterable[tuple[str, dict[str, Any]]]:
    for group in shown or ():
        assert shown is not None
        base, curves = shown.parts(group)
        phases = shown.phases.get(group, ())
        corners = {span.begin for spans in phases for span in spans}
        yield group, {"base": base, "shape": shapes.of(curves, corners), "phases": shapes.number_of_phases(phases)}


def _labelled(line: dict[str, Any], previews: Mapping[str, Preview]) -> dict[str, Any]:
    """A line with its name for people: its groups, and what is compared where several are."""
    more = f" and {line['count'] - 3} more" if line["count"] > 3 else ""
    groups = ", ".join(line["groups"][:3]) + more
    alone = len(previews) == 1
    own = line.pop("of")
    label = groups if alone else own if line["groups"] == ["default"] else f"{own}: {groups}"
    return {"label": label, **line}


def curves_of_panels(panels: Sequence[Panel], title: str) -> dict[str, Any]:
    """The same of panels as pictures have them, whose lines have no phases."""
    shapes = _Shapes()
    told = []
    for panel in panels:
        lines: list[dict[str, Any]] = []
        for line in panel.lines:
            if panel.points:
                lines.append({"label": line.label, "points": {"x": list(line.x), "y": list(line.y)}})
            else:
                lines.append({"label": line.label, "base": 1.0, "shape": shapes.add(line.x, line.y)})
        tab = panel.x_label if panel.points else panel.y_label
        told.append({"tab": tab, "label": panel.y_label, "x": panel.x_label, "log_x": panel.log_x, "lines": lines})
    return {"title": title, "dense": False, "unit": "step", "panels": told, "shapes": shapes.thin(), "phases": []}
