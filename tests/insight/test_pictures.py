"""Pictures are compared by what is plotted in them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import scepter_opt
from scepter_opt.errors import ConfigError
from scepter_opt.insight.pictures import Line, Panel, curve_panels, figure_of, in_terminal, save, turning_points
from scepter_opt.insight.preview import Preview

RISE = {"up": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": 2}, "down": {"CURVE": "linear", "TO": 0}}
NODE = {"NAME": "PhasesLR", "PHASES": RISE}
DECAY = {**NODE, "SETTINGS": {"WEIGHT_DECAY": {"rise": {"CURVE": "linear", "TO": 2}}}}


def shown(node: dict[str, Any] = NODE, groups: Any = None) -> Preview:
    return scepter_opt.preview(node, 4, groups)


def test_there_is_a_panel_for_each_setting_and_a_line_for_each_group_that_differs() -> None:
    groups = [{"name": name, "lr": rate, "weight_decay": 0.1} for name, rate in (("a", 1.0), ("b", 2.0), ("c", 1.0))]
    panels = curve_panels({"mine": shown(DECAY, groups)}, "step")
    assert [(panel.x_label, panel.y_label) for panel in panels] == [("step", "learning rate"), ("step", "weight decay")]
    assert [(line.label, list(line.x), list(line.y)) for line in panels[0].lines] == [
        ("a, c", [0, 1, 2, 3], [0.0, 0.5, 1.0, 0.5]),
        ("b", [0, 1, 2, 3], [0.0, 1.0, 2.0, 1.0]),
    ]
    (decay,) = panels[1].lines
    assert decay.label == "a, b, c"
    assert decay.y == pytest.approx([0.1, 0.125, 0.15, 0.175])


def test_schedules_that_are_compared_are_named() -> None:
    (panel,) = curve_panels({"one": shown(), "two": shown(groups={"a": 1.0, "b": 2.0})})
    assert [line.label for line in panel.lines] == ["one", "two: a", "two: b"]
    (panel,) = curve_panels({"many": shown(groups=dict.fromkeys("abcdef", 1.0))})
    assert [line.label for line in panel.lines] == ["a, b, c and 3 more"]


@pytest.mark.parametrize(
    ("values", "count", "places"),
    [
        ([0, 1, 2, 1, 0], 3, [0, 2, 4]),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8], 5, [0, 2, 4, 6, 8]),
        ([0, 1, 1, 1, 0], 9, [0, 1, 2, 3, 4]),
        ([7], 3, [0]),
        ([], 3, [0]),
        ([0, 1] * 50, 4, [0, 1, 50, 99]),
    ],
)
def test_first_last_and_turning_points_are_among_the_places(values: list[float], count: int, places: list[int]) -> None:
    assert turning_points([Line("", range(len(values)), values)], count) == places


def test_what_is_drawn_is_what_the_panels_hold() -> None:
    panels = [
        Panel("step", "loss", [Line("a", [1, 2], [3.0, 4.0]), Line("b", [1, 2], [5.0, 6.0])]),
        Panel("optimizer", "result", [Line("", ["sgd", "adamw"], [0.5, 0.25])], points=True),
        Panel("rate", "result", [Line("", [0.001, 0.1], [0.5, -0.25])], points=True, log_x=True),
    ]
    loss, optimizer, rate = figure_of(panels, "title").axes
    assert [(line.get_label(), *map(list, line.get_data())) for line in loss.lines] == [
        ("a", [1, 2], [3, 4]),
        ("b", [1, 2], [5, 6]),
    ]
    assert (loss.get_ylim()[0], loss.get_xlabel(), loss.get_ylabel()) == (0, "step", "loss")
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["a", "b"]
    assert [tick.get_text() for tick in optimizer.get_xticklabels()] == ["sgd", "adamw"]
    assert (rate.get_xscale(), optimizer.get_legend(), rate.lines[0].get_linestyle()) == ("log", None, "None")


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_a_picture_is_saved_in_the_format_of_its_name(suffix: str, start: bytes, tmp_path: Path) -> None:
    save(curve_panels({"one": shown()}), tmp_path / f"curve{suffix}")
    assert (tmp_path / f"curve{suffix}").read_bytes().startswith(start)
    assert "matplotlib.pyplot" not in sys.modules


def test_other_formats_and_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"out = 'curve.gif': a picture ends in .png or .svg"):
        save([], Path("curve.gif"))
    with pytest.raises(ConfigError, match=r"out = .*: cannot be written: "):
        save(curve_panels({"one": shown()}), tmp_path / "nowhere/curve.png")


def test_a_terminal_shows_the_curves_in_its_width() -> None:
    panels = curve_panels({"one": shown(), "two": shown(groups=2.0)}, "step")
    lines = in_terminal(panels, 50, 12, color=False).splitlines()
    assert len(lines) == 14
    assert max(map(len, lines)) <= 50
    assert lines[0].strip() == "learning rate"
    assert [line.split("┤")[0].strip() for line in lines if "┤" in line] == ["2", "1.5", "1", "0.5", "0"]
    assert lines[-4].split() == ["0", "0.75", "1.5", "2.25", "3"]
    assert lines[-2:] == ["▚ one", "▚ two"]
    assert "\x1b[" in in_terminal(panels, 50, 12)


def test_a_constant_is_shown_too() -> None:
    panel = Panel("step", "learning rate", [Line("a", [0, 1], [1.0, 1.0])])
    assert "learning rate" in in_terminal([panel], 50, 12, color=False)
