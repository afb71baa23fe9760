"""What a range test suggests follows from its losses, and is shown in every form."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

import scepter_opt
from scepter_opt import ConfigError, RateRange


def found(smoothed: list[float], diverged: bool = False) -> RateRange:
    rates = [10 ** (i / 10 - 6) for i in range(len(smoothed))]
    return RateRange(rates, smoothed, smoothed, diverged, {"body": 1.0, "head": 10.0}, {"LEARNING_RATE": 1.0})


FLAT = [2.0 + 0.1 * (i % 2) for i in range(20)]
# flat until 1e-4, then down to 1e-3 (fastest at 10**-3.6), and up again
VALLEY = [*FLAT, 1.9, 1.8, 1.6, 1.3, 0.8, 0.4, 0.38, 0.36, 0.34, 0.32, 0.3, 0.5, 1.0, 3.0]


def test_the_suggestion_is_a_decade_below_the_least_smoothed_loss() -> None:
    test = found(VALLEY)
    assert test.suggestion == pytest.approx(1e-4)
    assert test.steepest == pytest.approx(10**-3.6)
    assert test.groups == pytest.approx({"body": 1e-4, "head": 1e-3})
    assert test.learning_rates == pytest.approx({"LEARNING_RATE": 1e-4})
    assert test.remark == ""


@pytest.mark.parametrize(
    ("losses", "diverged", "remark"),
    [
        (FLAT * 3, False, "more `steps`"),
        ([*FLAT[:12], 9.0, math.inf], True, "a smaller `start`"),
        ([], True, "a smaller `start`"),
        ([2.0, math.nan], True, "a smaller `start`"),
        ([1.0] * 40, False, "more `steps`"),
    ],
)
def test_without_a_fall_there_is_no_suggestion_but_a_hint(losses: list[float], diverged: bool, remark: str) -> None:
    test = found(losses, diverged)
    assert test.suggestion is None
    assert test.steepest is None
    assert test.groups == test.learning_rates == {}
    assert remark in test.remark
    assert remark in str(test)
    assert json.loads(test.to_json())["suggestion"] is None
    assert remark in test._repr_html_()
    assert test.panels()[0].marks == {}


def test_a_loss_that_falls_to_the_end_is_said_to() -> None:
    test = found(VALLEY[:28])
    assert test.suggestion == pytest.approx(10**-4.3)
    assert test.remark == "the loss was still falling at the last rate: a larger `end` would show where it turns."
    assert found(VALLEY[:28], diverged=True).remark == ""


def test_the_rate_at_which_the_loss_was_no_number_is_never_the_least() -> None:
    assert found([*VALLEY, math.nan]).suggestion == pytest.approx(1e-4)
    assert found([*VALLEY, -math.inf]).suggestion == pytest.approx(1e-4)


def test_it_prints_well() -> None:
    assert str(found(VALLEY, diverged=True)).splitlines() == [
        "learning-rate range test: 34 rates from 1e-06 to 0.002, where the loss diverged",
        "  suggestion  0.0001, a tenth of where the smoothed loss is least",
        "  steepest    0.000251, where it falls fastest",
        "  LEARNING_RATE: 0.0001",
        "  group body  0.0001",
        "  group head  0.001",
    ]
    assert repr(found(VALLEY)) == "RateRange(34 rates, suggestion 0.0001)"


def test_json_has_everything_and_no_number_that_json_has_not() -> None:
    told = json.loads(found([*VALLEY, math.nan]).to_json())
    assert told["losses"] == told["smoothed"] == [*VALLEY, None]
    assert told["suggestion"] == pytest.approx(1e-4)
    assert told["shares"] == {"body": 1.0, "head": 10.0}


def test_the_picture_ends_before_the_loss_goes_to_infinity_and_marks_the_suggestion() -> None:
    (panel,) = found([*VALLEY, 100.0, math.nan]).panels()
    assert panel.log_x
    assert [line.label for line in panel.lines] == ["loss", "smoothed"]
    assert list(panel.lines[0].y) == VALLEY
    assert panel.marks == {"suggestion 0.0001": pytest.approx(1e-4)}


@pytest.mark.parametrize("name", ["lr.png", "lr.svg", "lr.json"])
def test_it_is_saved_by_its_suffix(name: str, tmp_path: Path) -> None:
    found(VALLEY).save(tmp_path / name)
    written = (tmp_path / name).read_bytes()
    assert written.startswith(
        {"png": b"\x89PNG", "svg": b"<?xml", "json": b"{"}[name[-3:] if "json" not in name else "json"]
    )


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ends in .png, .svg, .json; for a page call scepter_opt.write_page"):
        found(VALLEY).save(tmp_path / "lr.html")
    with pytest.raises(ConfigError, match="cannot be written"):
        found(VALLEY).save(tmp_path / "nowhere" / "lr.json")


def test_a_notebook_shows_the_curve_and_the_rates() -> None:
    shown = found(VALLEY)._repr_html_()
    assert shown.count("<polyline") == 2
    assert '<td style="text-align: left">LEARNING_RATE</td>' in shown


def test_a_page_has_its_curves(tmp_path: Path) -> None:
    scepter_opt.write_page(tmp_path / "page.html", found(VALLEY))
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Learning-rate range test" in page
    assert "0.0001" in page
