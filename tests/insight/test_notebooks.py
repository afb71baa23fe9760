"""What notebooks show of schedules and audits."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from array import array
from typing import Any

import pytest

import scepter_opt
from scepter_opt import Audit
from scepter_opt.auditing.finding import Finding
from scepter_opt.insight.notebooks import curves_html

NODE = {
    "NAME": "PhasesLR",
    "PHASES": {
        "up": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": 10},
        "down": {"CURVE": "linear", "TO": 0},
    },
    "SETTINGS": {"WEIGHT_DECAY": {"rise": {"CURVE": "linear", "TO": 2}}},
}


def parsed(html: str) -> Any:
    """The elements; a mark-up that is not whole is an error."""
    return ET.fromstring(html.replace("&nbsp;", " "))


def cells(html: str, number: int = 0) -> list[list[str]]:
    table = parsed(html).findall(".//table")[number]
    return [[cell.text or "" for cell in row] for row in table.iter("tr")]


def test_a_preview_draws_itself_with_a_table_of_some_ticks() -> None:
    groups = [{"name": name, "lr": rate, "weight_decay": 0.1} for name, rate in (("a", 1.0), ("b", 2.0), ("c", 1.0))]
    html = scepter_opt.preview(NODE, 51, groups)._repr_html_()
    assert cells(html) == [
        ["LEARNING_RATE", "step 0", "step 10", "step 20", "step 30", "step 40", "step 50"],
        ["a, c", "0", "1", "0.756098", "0.512195", "0.268293", "0.0243902"],
        ["b", "0", "2", "1.5122", "1.02439", "0.536585", "0.0487805"],
    ]
    assert [row[0] for row in cells(html, 1)] == ["WEIGHT_DECAY", "a, b, c"]
    rate, _ = parsed(html).findall(".//svg")
    # down on the page is up in y: the peak of b is the top, at a fifth of the width
    points = rate.findall("polyline")[1].get("points").split()
    assert points == ["8.0,172.0", "116.8,8.0", "552.0,168.0"]


def test_groups_of_any_name_are_escaped_and_many_are_counted() -> None:
    html = curves_html({"<i>": {f"<b>{number}": array("d", [number, 1.0]) for number in range(15)}}, "step")
    assert "<b>" not in html
    assert "<i>" not in html
    assert "and 3 more" in html
    assert len(cells(html)) == 13
    assert "and 2 more" in curves_html({"r": dict.fromkeys("abcde", array("d", [1.0]))}, "step")


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], [-1.0, 2.0]])
def test_flat_short_and_negative_curves_are_drawn(values: list[float]) -> None:
    html = curves_html({"r": {"g": array("d", values)}}, "step")
    assert len(parsed(html).find(".//polyline").get("points").split()) == len(values)


def test_what_has_no_group_is_not_shown() -> None:
    assert curves_html({"r": {}}, "step") == "<div></div>"


def test_an_audit_shows_its_findings() -> None:
    finding = Finding(fault=True, name="<b>", what="2 of 3", why="", do="", names=(), places=())
    html = Audit("of <i>", [finding])._repr_html_()
    assert "&lt;b&gt;" in html
    assert [each.get("class") for each in parsed(html).findall(".//article")] == ["finding fault"]
