"""Pages of large models and long runs stay quick and below two megabytes, and say what they leave out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import scepter_opt
from tests.browser.chromium import Browser

pytestmark = pytest.mark.browser
PEAK = {"warmup": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": "10%"}, "decay": {"CURVE": "cosine", "TO": 0}}


def test_twenty_thousand_parameters_are_found_and_sorted_in_the_document_a_hundred_at_a_time(
    browser: Browser, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    tensor = torch.zeros(())
    named = {f"model.layers.{i // 10}.experts.{i % 10}.weight": nn.Parameter(tensor.clone()) for i in range(20_000)}
    scepter_opt.write_page(page, scepter_opt.plan({"NAME": "SGD"}, named))
    assert page.stat().st_size < 2_000_000
    browser.size(1000)
    browser.open(page)
    assert len(browser.all(".box[aria-label=Parameters] tbody tr")) == 100
    assert browser.texts(".pages span")[0] == "1 to 100 of 20,000"
    search = browser.all("input[type=search]")[0]
    search.send_keys("layers.1999. experts.7")
    assert browser.texts(".box[aria-label=Parameters] td.first") == ["model.layers.1999.experts.7.weight"]
    search.clear()
    search.send_keys("experts.3")
    browser.all(".box[aria-label=Parameters] th button")[0].click()
    browser.all(".box[aria-label=Parameters] th button")[0].click()
    # numbers in names are numbers
    assert browser.texts(".box[aria-label=Parameters] td.first")[:2] == [
        "model.layers.1999.experts.3.weight",
        "model.layers.1998.experts.3.weight",
    ]
    browser.all(".pages button")[1].click()
    assert browser.texts(".pages span")[0] == "101 to 200 of 2,000"


def test_of_hundreds_of_rates_some_are_drawn_at_first_and_the_others_found(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    groups = {f"layer_{number}": 0.5 + number for number in range(300)}
    shown = scepter_opt.preview({"NAME": "PhasesLR", "PHASES": PEAK}, 1_000_000, groups)
    scepter_opt.write_page(page, shown)
    browser.complaints()
    browser.size(1000)
    browser.open(page)
    assert len(browser.all(".plot .scatterlayer .js-line")) == 40
    assert browser.texts(".curves > .note-line") == ["40 of 300 lines are shown."]
    none, search = browser.all(".curves .bar button")[-1], browser.all(".curves input[type=search]")[0]
    assert none.text == "Hide all"
    none.click()
    search.send_keys("layer_277")
    (found,) = browser.all(".legend button")
    found.click()
    assert browser.texts(".curves > .note-line") == ["1 of 300 lines are shown."]
    assert len(browser.all(".plot .scatterlayer .js-line")) == 1
    assert browser.complaints() == []
