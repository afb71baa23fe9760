"""What notebooks show of a plan."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt.parameters import notebook
from scepter_opt.parameters.notebook import html_table

NODE = {"NAME": "SGD", "PARAM_GROUPS": {"no_decay": {"WHERE": {"KINDS": "bias"}, "SET": {"WEIGHT_DECAY": 0.0}}}}


def test_a_plan_shows_its_groups_and_folds_its_parameters() -> None:
    html = scepter_opt.plan({**NODE, "WEIGHT_DECAY": 0.1}, nn.Linear(3, 2))._repr_html_()
    page = ET.fromstring(html)
    assert "".join(page.itertext()).startswith("SGD: 2 groups from 1 rule, 2 parameters with 8 values")
    items = [item.text or "" for item in page.findall("ul/li")]
    assert items[:2] == [
        "default: 1 parameter, LEARNING_RATE 0.001, WEIGHT_DECAY 0.1",
        "no_decay: 1 parameter, LEARNING_RATE 0.001, WEIGHT_DECAY 0",
    ]
    rows = [[cell.text or "" for cell in row] for row in page.findall("details/table/tbody/tr")]
    assert rows == [
        ["weight", "2x3", "matrix", "", "0.001", "0.1", "default"],
        ["bias", "2", "bias vector", "WEIGHT_DECAY: no_decay", "0.001", "0", "no_decay"],
    ]


def test_of_many_parameters_the_first_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "MOST_ROWS", 3)
    html = scepter_opt.plan({"NAME": "SGD"}, nn.ModuleList(nn.Linear(1, 1) for _ in range(5)))._repr_html_()
    assert "the first 3 of 10 parameters" in html
    assert html.count("<tr>") == 1 + 3


def test_names_of_any_text_are_escaped() -> None:
    html = scepter_opt.plan({"NAME": "SGD"}, {"<b>&": nn.Parameter(torch.zeros(2))})._repr_html_()
    assert '<td style="text-align: left">&lt;b&gt;&amp;</td>' in html
    assert html_table(["<i>"], [["<u>"]]).count("&lt;") == 2
