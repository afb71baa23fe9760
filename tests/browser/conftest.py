"""The browser that all tests of pages share, and the page that most of them open."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from torch import nn

import scepter_opt
from scepter_opt import Audit
from scepter_opt.auditing.finding import Finding
from tests.browser.chromium import Browser, chromium

NODE = {
    "NAME": "AdamW",
    "LEARNING_RATE": 0.01,
    "WEIGHT_DECAY": 0.1,
    "PARAM_GROUPS": {
        "no_decay": {"WHERE": {"KINDS": "bias"}, "SET": {"WEIGHT_DECAY": 0.0}},
        "head": {"WHERE": {"NAMES": "1"}, "SET": {"LR_MULT": 10.0}},
    },
}
SCHEDULE = {
    "NAME": "PhasesLR",
    "PHASES": {
        "warmup": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": 100},
        "decay": {"CURVE": "linear", "TO": 0},
    },
    "SETTINGS": {"WEIGHT_DECAY": {"rise": {"CURVE": "linear", "TO": 2}}},
}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if shutil.which("chromium") is None or shutil.which("chromedriver") is None:
        pytest.skip("chromium or chromedriver is missing: make test-browser installs them")
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A net of two layers, four groups of which two by two have one rate, 400 steps, and a finding of long words."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    plan = scepter_opt.plan(NODE, model)
    long = "param_groups@optimizer.PARAM_GROUPS=" + "no_decay_embeddings" * 5
    finding = Finding(fault=False, name=long, what=long, why=long, do=long, names=(long,), places=(long,))
    parts = (plan, scepter_opt.preview(SCHEDULE, 400, plan), Audit("looked at", [finding]))
    scepter_opt.write_page(path, *parts, title="two layers", command=long)
    return path


@pytest.fixture
def opened(browser: Browser, page: Path) -> Browser:
    """The page, anew, in a wide window, by a system of the light theme."""
    # what is left of the page before
    browser.complaints()
    browser.requests()
    browser.size(1400)
    browser.prefer("light")
    browser.open(page)
    return browser
