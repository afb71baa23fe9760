"""Names that are markup stay names, in tables, legends, hover texts, titles and findings."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import Audit
from scepter_opt.auditing.finding import Finding
from tests.browser.chromium import Browser

pytestmark = pytest.mark.browser
EVIL = "<img src=x onerror=\"window.hurt='image'\">"
SCRIPT = "</script><script>window.hurt = 'script'</script>"
BOLD = "<b>bold</b> & <a href='javascript:window.hurt=1'>link</a> \u2028 \U0001f600"


def test_names_of_markup_do_nothing_but_stand_there(browser: Browser, tmp_path: Path) -> None:
    names = [EVIL, SCRIPT, BOLD, BOLD + "!", BOLD[:-1] + "\U0001f601"]
    plan = scepter_opt.plan({"NAME": "SGD"}, {name: nn.Parameter(torch.zeros(2)) for name in names})
    phases = {"PHASES": {EVIL: {"CURVE": "constant", "LENGTH": 5}, BOLD: {"CURVE": "linear", "TO": 0}}}
    shown = scepter_opt.preview({"NAME": "PhasesLR", **phases}, 20, {EVIL: 1.0, SCRIPT: 2.0, BOLD: 3.0})
    finding = Finding(fault=True, name=EVIL, what=SCRIPT, why=BOLD, do=EVIL, names=tuple(names * 3), places=(SCRIPT,))
    page = tmp_path / "page.html"
    scepter_opt.write_page(page, plan, shown, Audit("looked at", [finding]), title=EVIL + SCRIPT, command=BOLD)
    browser.complaints()
    browser.size(1400)
    browser.open(page)
    assert browser.run("return window.hurt ?? null") is None
    assert browser.driver.title == " ".join((EVIL + SCRIPT).split())
    assert browser.run("return document.querySelectorAll('img, .table a, .table b, .plot a').length") == 0
    assert browser.texts("td.first")[:5] == names
    assert browser.texts(".legend .label") == [EVIL, SCRIPT, BOLD]
    assert browser.texts(".finding li") == names * 3
    # what Plotly draws of them
    browser.run("Plotly.Fx.hover(document.querySelector('.plot'), [{curveNumber: 0, pointNumber: 1}])")
    browser.wait("return document.querySelectorAll('.plot .hoverlayer text').length")
    assert "<img src=x" in "".join(browser.texts(".plot .hoverlayer text"))
    assert browser.complaints() == []
