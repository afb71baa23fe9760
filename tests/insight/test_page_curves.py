"""What a page draws, as data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import scepter_opt
from scepter_opt.insight.page_curves import MOST_LINES, MOST_POINTS, curves_of_panels, curves_of_previews
from scepter_opt.insight.pictures import Line, Panel
from scepter_opt.insight.preview import Preview

RISE = {"up": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": 20}, "down": {"CURVE": "linear", "TO": 0}}
NODE = {"NAME": "PhasesLR", "PHASES": RISE}


def shown(node: dict[str, Any] = NODE, groups: Any = None, ticks: int = 60) -> Preview:
    return scepter_opt.preview(node, ticks, groups)


def test_groups_share_a_shape_and_differ_by_a_number() -> None:
    curves = curves_of_previews({"": shown(groups={"a": 1.0, "b": 2.0, "c": 1.0})})
    (panel,) = curves["panels"]
    assert [(line["label"], line["base"], line["shape"]) for line in panel["lines"]] == [
        ("a, c", 1.0, 0),
        ("b", 2.0, 0),
    ]
    (shape,) = curves["shapes"]
    assert (shape["x"], shape["y"]) == ([0, 20, 59], pytest.approx([0, 1, 1 / 40]))
    assert curves["phases"] == [[[("up", 0, 20), ("down", 20, 60)]]]
    assert (curves["unit"], curves["dense"]) == ("step", True)


def test_every_scheduled_setting_has_a_panel() -> None:
    node = {**NODE, "SETTINGS": {"WEIGHT_DECAY": {"rise": {"CURVE": "linear", "TO": 2}}}}
    groups = [{"name": name, "lr": 1.0, "weight_decay": decay} for name, decay in (("a", 0.1), ("b", 0.0))]
    rate, decay = curves_of_previews({"": shown(node, groups)})["panels"]
    assert [line["label"] for line in rate["lines"]] == ["a, b"]
    assert (decay["label"], [line["label"] for line in decay["lines"]]) == ("weight decay", ["a", "b"])


def test_schedules_that_are_compared_are_named_and_a_unit_is_said_where_all_have_it() -> None:
    epochs = {**NODE, "INTERVAL": "epoch"}
    longer = scepter_opt.preview(epochs, scepter_opt.Horizon(600, 10))
    curves = curves_of_previews({"one": shown(), "two": longer, "three": shown(groups={"a": 1.0, "b": 2.0})})
    assert [line["label"] for line in curves["panels"][0]["lines"]] == ["one", "two", "three: a", "three: b"]
    assert curves["unit"] == "tick"


def test_a_line_of_many_groups_names_three_and_counts_them() -> None:
    (line,) = curves_of_previews({"": shown(groups=dict.fromkeys(map(str, range(100)), 1.0))})["panels"][0]["lines"]
    assert (line["label"], line["count"], len(line["groups"])) == ("0, 1, 2 and 97 more", 100, 30)


def test_equal_values_of_schedulers_that_are_run_share_a_shape() -> None:
    curves = curves_of_previews({"": shown({"NAME": "StepLR", "STEP_SIZE": 30}, {"a": 1.0, "b": 1.0, "c": 2.0})})
    assert [(line["label"], line["shape"]) for line in curves["panels"][0]["lines"]] == [("a, b", 0), ("c", 1)]
    assert curves["shapes"][0] == {"x": [0, 29, 30, 59], "y": pytest.approx([1, 1, 0.1, 0.1])}


def test_what_goes_up_and_down_all_the_time_keeps_within_the_points_of_a_section() -> None:
    node = {"NAME": "CyclicLR", "BASE_LR": 0.1, "MAX_LR": 1.0, "STEP_SIZE_UP": 1, "CYCLE_MOMENTUM": False}
    (shape,) = curves_of_previews({"": shown(node, ticks=MOST_POINTS + 5_000)})["shapes"]
    assert len(shape["x"]) <= MOST_POINTS
    assert {min(shape["y"]), max(shape["y"])} == {0.1, 1.0}


def test_the_drawn_line_is_the_rate_of_a_built_scheduler() -> None:
    import torch

    node = {"NAME": "PhasesLR", "PHASES": {**RISE, "down": {"CURVE": "cosine", "TO": 0}}}
    curves = curves_of_previews({"": shown(node, 0.5, 300)})
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.5)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, node, total_steps=300)
    rates = []
    for _ in range(300):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    (shape,), (line,) = curves["shapes"], curves["panels"][0]["lines"]
    drawn = line["base"] * np.interp(range(300), shape["x"], shape["y"])
    assert np.abs(drawn - rates).max() < 0.001 * 0.5


def test_many_shapes_share_the_points_and_are_nowhere_a_thousandth_off() -> None:
    rules = {str(i): {"bend": {"CURVE": "polynomial", "FROM": 1, "TO": 0, "POWER": 1 + i / 50}} for i in range(120)}
    node = {"NAME": "PhasesLR", "PHASES": {"decay": {"CURVE": "cosine", "TO": 0}}, "RULES": rules}
    groups = [{"name": name, "lr": 1.0, "rules": [[name]]} for name in rules]
    previews = shown(node, groups, 2_000)
    curves = curves_of_previews({"": previews})
    assert len(curves["shapes"]) == 120
    assert sum(len(shape["x"]) for shape in curves["shapes"]) <= MOST_POINTS
    for shape, rates in zip(curves["shapes"], previews.values(), strict=True):
        assert np.abs(np.interp(range(2_000), shape["x"], shape["y"]) - rates).max() < 0.001


def test_of_thousands_of_rates_some_are_lines() -> None:
    groups = {str(i): 1.0 + i for i in range(2_500)}
    (panel,) = curves_of_previews({"": shown(groups=groups)})["panels"]
    assert len(panel["lines"]) == MOST_LINES
    assert [panel["lines"][i]["label"] for i in (0, -1)] == ["0", "2499"]
    assert panel["rates"] == 2_500


def test_panels_of_results_keep_their_points_and_axes() -> None:
    panels = [
        Panel("key", "loss", [Line("", ["a", "b"], [1.0, 2.0])], points=True),
        Panel("step", "loss", [Line("one", [1.0, 3.0, 5.0], [0.0, 1.0, 2.0])], log_x=True),
    ]
    curves = curves_of_panels(panels, "title")
    assert [(panel["tab"], panel["x"], panel["log_x"]) for panel in curves["panels"]] == [
        ("key", "key", False),
        ("loss", "step", True),
    ]
    assert curves["panels"][0]["lines"] == [{"label": "", "points": {"x": ["a", "b"], "y": [1.0, 2.0]}}]
    assert curves["panels"][1]["lines"] == [{"label": "one", "base": 1.0, "shape": 0}]
    assert curves["shapes"] == [{"x": [1.0, 5.0], "y": [0.0, 2.0]}]
