"""Pictures: first the lines in them as plain lists, then the same lines drawn, in a file or in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..errors import ConfigError, Problem
from ..schedules.group_settings import RATE
from .extras import needed
from .preview import Preview
from .writing import writing

FORMATS = (".png", ".svg")
"""What a picture's file can be."""
_MOST_LABELS = 12
_MOST_NAMES = 3
_SHORT = 30
_TICKS = 5
_COLORS = ("blue", "red", "green", "magenta", "cyan", "orange")
_FEW_POINTS = 50
# the colours of both libraries come round after so many
_STYLES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class Line:
    """One line of a panel."""

    label: str
    """What it is called in the legend."""
    x: Sequence[Any]
    """Numbers; texts where what stands there has no order."""
    y: Sequence[float]
    """A number for each x."""


@dataclass(frozen=True)
class Panel:
    """Lines in one pair of axes."""

    x_label: str
    """Text at the horizontal axis."""
    y_label: str
    """Text at the vertical axis."""
    lines: list[Line]
    """What is drawn, from behind."""
    points: bool = False
    """Whether points are drawn, instead of a line through them."""
    log_x: bool = False
    """Whether the horizontal axis is logarithmic."""
    marks: Mapping[str, float] = field(default_factory=dict)
    """Places of the horizontal axis that a picture marks, each with what stands there."""


def name_of(setting: str) -> str:
    """A setting for people: `learning rate`."""
    return setting.lower().replace("_", " ")


def columns(shown: Preview) -> dict[str, Preview]:
    """The rates and all other settings of a preview, by the optimizer's keys."""
    return {RATE: shown, **shown.settings}


def curve_panels(previews: Mapping[str, Preview], x_label: str = "tick") -> list[Panel]:
    """A panel for each setting, a line for each group of each preview; groups with equal values share a line.

    Args:
        previews: Previews by what they are called; of one alone the name is not shown.
        x_label: What is counted.
    """
    settings = dict.fromkeys(setting for shown in previews.values() for setting in columns(shown))
    panels = []
    for setting in settings:
        labels: dict[tuple[str, bytes], tuple[list[str], list[float]]] = {}
        for name, shown in previews.items():
            for group, values in columns(shown).get(setting, {}).items():
                labels.setdefault((name, values.tobytes()), ([], values.tolist()))[0].append(group)
        lines = []
        for (name, _), (groups, numbers) in labels.items():
            more = f" and {len(groups) - _MOST_NAMES} more" if len(groups) > _MOST_NAMES else ""
            several = ", ".join(groups[:_MOST_NAMES]) + more
            label = several if len(previews) == 1 else name if groups == ["default"] else f"{name}: {several}"
            lines.append(Line(label, range(len(numbers)), numbers))
        panels.append(Panel(x_label, name_of(setting), lines))
    return panels


def turning_points(lines: Iterable[Line], count: int) -> list[int]:
    """About `count` places of lines: the first, the last, those where one turns, and others between them.

    >>> turning_points([Line("", range(9), [0, 1, 2, 3, 2, 1, 0, 0, 0])], 4)
    [0, 3, 6, 8]
    """
    length = 0
    turns: set[int] = set()
    for line in lines:
        length = max(length, len(line.y))
        signs = [(after > before) - (after < before) for before, after in zip(line.y, line.y[1:], strict=False)]
        turns.update(i for i, (left, right) in enumerate(pairwise(signs), 1) if left != right)
    last = max(length - 1, 0)
    # as many turns as there is place for, evenly, then what is farthest from all others until it is full
    ordered = sorted(turns)
    thinned = ordered[:: max(1, -(-len(ordered) // max(count - 2, 1)))]
    chosen = sorted({0, *thinned, last})
    while len(chosen) < min(count, length):
        gap, left = max((right - left, -left) for left, right in pairwise(chosen))
        chosen = sorted({*chosen, -left + gap // 2})
    return chosen


def save(panels: Sequence[Panel], path: Path, title: str = "") -> None:
    """Draw panels below each other into a file; its suffix says in which format.

    Raises:
        ConfigError: The format is not known, the file cannot be written, or matplotlib is not installed.
    """
    if path.suffix not in FORMATS:
        raise ConfigError([Problem("out", f"a picture ends in {' or '.join(FORMATS)}.", str(path))])
    figure = figure_of(panels, title)
    with writing(path):
        figure.savefig(path)


def figure_of(panels: Sequence[Panel], title: str = "") -> Any:
    """A matplotlib figure with the panels below each other.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    # no pyplot: it would look for a window system
    figure = needed("matplotlib.figure").Figure(figsize=(8, 0.4 + 3.2 * len(panels)), dpi=120, layout="constrained")
    figure.suptitle(title)
    for axes, panel in zip(figure.subplots(len(panels), 1, squeeze=False)[:, 0], panels, strict=True):
        for number, line in enumerate(panel.lines):
            # one curve often lies on another for a while: the dashes of the upper one let the lower one through
            style: dict[str, Any] = {"linestyle": _STYLES[number % len(_STYLES)], "linewidth": 1.6}
            if len(line.x) <= _FEW_POINTS:
                style["marker"] = "."
            if panel.points:
                style = {"linestyle": "none", "marker": "o"}
            axes.plot(line.x, line.y, label=line.label, color=f"C{number % 10}", **style)
        axes.set(xlabel=panel.x_label, ylabel=panel.y_label)
        for label, place in panel.marks.items():
            axes.axvline(place, label=label, color="black", linestyle=":", linewidth=1)
        if panel.log_x:
            axes.set_xscale("log")
        if all(value >= 0 for line in panel.lines for value in line.y) and not panel.points:
            axes.set_ylim(bottom=0)
        if len(panel.lines) > 1 and len(panel.lines) <= _MOST_LABELS:
            # above the axes, where it hides no curve
            across = 3 if max(len(line.label) for line in panel.lines) < _SHORT else 1
            axes.legend(fontsize="small", loc="lower left", bbox_to_anchor=(0, 1), ncols=across, frameon=False)
        axes.grid(alpha=0.3)
    return figure


def in_terminal(panels: Sequence[Panel], width: int, height: int, *, color: bool = True) -> str:
    """The panels as text, each of this width and height in characters.

    Raises:
        ConfigError: plotext is not installed.
    """
    plotext = needed("plotext")
    texts = []
    for panel in panels:
        figure = plotext.figure
        figure.clear()
        figure.plot_size(width, height)
        figure.title(panel.y_label)
        figure.label(panel.x_label, "x")
        across = _range([x for line in panel.lines for x in line.x])
        up = _range([y for line in panel.lines for y in line.y])
        # its own labels are 1.7e3 where 1667 would do
        for axis, ends in (("x", across), ("y", up)):
            ticks = [ends[0] + (ends[1] - ends[0]) * i / (_TICKS - 1) for i in range(_TICKS)]
            figure.ruler(axis).ticks(ticks, [f"{tick:.4g}" for tick in ticks])
        names = []
        for number, line in enumerate(panel.lines):
            # it draws in Python, point by point: a character has place for a few
            places = turning_points([line], 4 * width)
            color_name = _COLORS[number % len(_COLORS)]
            marker = plotext.marker("hd", color_name)
            signal = figure.signal([line.x[i] for i in places], [line.y[i] for i in places], marker=marker)
            if 1 < len(panel.lines) <= _MOST_LABELS:
                names.append(str(plotext.colorize(f"▚ {line.label}", color_name)))
            figure.draw(signal if panel.points else signal.lines())
        # names stand below: a legend would hide curves
        text = "\n".join([str(figure.build()).rstrip("\n"), *names])
        texts.append(text if color else plotext.uncolorize(text))
        figure.clear()
    return "\n".join("\n".join(line.rstrip() for line in text.splitlines()) for text in texts)


def _range(numbers: Sequence[float]) -> tuple[float, float]:
    """The least and the greatest number; apart, where they are one."""
    least, greatest = min(numbers, default=0.0), max(numbers, default=0.0)
    return (least, greatest) if least < greatest else (least - 0.5, greatest + 0.5)
