"""The page as a file: what is in it, what is not, and what it refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import Audit
from scepter_opt.auditing.finding import Finding
from scepter_opt.errors import ConfigError
from scepter_opt.insight.page import is_page, page_text
from scepter_opt.insight.results import Job, Results

ROOT = Path(__file__).parent.parent.parent
NODE = {"NAME": "PhasesLR", "PHASES": {"up": {"CURVE": "linear", "FROM": 0, "TO": 1}}}
FINDING = Finding(fault=True, name="none", what="2 of 3", why="so", do="this", names=("a",), places=("b",))


class Page(HTMLParser):
    """What a browser would see of a page without running it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.tags.append((tag, dict(attrs)))
        self.texts.setdefault(tag, []).append("")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[self._inside][-1] += data

    @property
    def facts(self) -> dict[str, str]:
        return dict(zip(self.texts["dt"], self.texts["dd"], strict=True))

    @property
    def data(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.texts["script"][0])
        return document


def plan() -> scepter_opt.Plan:
    return scepter_opt.plan({"NAME": "SGD"}, nn.Linear(3, 2))


def results() -> Results:
    column: list[float | None] = [0.5, 0.25]
    rates: list[float | None] = [0.1, 0.0]
    jobs = [Job(str(i), Path(), [f"rate={i}"], {"loss": column, "learning_rate": rates}) for i in range(2)]
    return Results("loss", False, jobs, [], {})


def test_each_part_has_its_section_and_no_other_is_there() -> None:
    shown = scepter_opt.preview(NODE, 10)
    audit = Audit("looked at", [FINDING])
    everything = Page(page_text(shown, plan(), audit, results()))
    assert [each["title"] for each in everything.data["curves"]] == [
        "Curves",
        "Results by key",
        "The best jobs",
        "Learning rate of the best job",
    ]
    assert [each["title"] for each in everything.data["tables"]] == ["Jobs", "Parameters", "Groups"]
    assert "Audit" in everything.texts["h2"]
    alone = Page(page_text(plan()))
    assert alone.data["curves"] == []
    assert "h2" not in alone.texts


def test_what_the_page_is_of_stands_above_it() -> None:
    page = Page(page_text(scepter_opt.preview(NODE, 1_200), plan(), title="mine", command="scepter-opt plan"))
    assert [text.strip() for text in page.texts["title"]] == ["mine"]
    assert [text.strip() for text in page.texts["h1"]] == ["mine"]
    assert [text.strip() for text in page.texts["code"]] == ["scepter-opt plan"]
    assert page.facts == {
        "optimizer": "SGD",
        "groups": "1",
        "parameters": "2",
        "values": "8",
        "scheduler": "PhasesLR",
        "length": "1,200 steps",
        "scepter_opt": scepter_opt.__version__,
        "torch": torch.__version__,
    }
    assert Page(page_text(scepter_opt.preview(NODE, 10), plan())).texts["title"][0].strip() == "SGD, PhasesLR"


def test_what_is_frozen_is_counted_and_the_best_job_named() -> None:
    model = nn.Linear(3, 2)
    model.bias.requires_grad_(False)
    facts = Page(page_text(scepter_opt.plan({"NAME": "SGD"}, model), results())).facts
    assert facts["values"] == "8, 6 of them trained"
    assert (facts["jobs"], facts["best"]) == ("2, 2 with a result", "job 0: rate=0")
    assert facts["sorted by"] == "loss, the smallest first"


def test_parts_by_name_are_told_apart() -> None:
    schedules = {"one": scepter_opt.preview(NODE, 10), "two": scepter_opt.preview(NODE, 10, 2.0)}
    page = Page(page_text(schedules, {"a": plan(), "b": plan()}))
    assert [line["label"] for line in page.data["curves"][0]["panels"][0]["lines"]] == ["one", "two"]
    assert [each["title"] for each in page.data["tables"]] == [
        "a: Parameters",
        "a: Groups",
        "b: Parameters",
        "b: Groups",
    ]
    unnamed = Page(page_text(*schedules.values()))
    assert [line["label"] for line in unnamed.data["curves"][0]["panels"][0]["lines"]] == ["part 1", "part 2"]


def test_equal_parts_make_equal_bytes(tmp_path: Path) -> None:
    for name in ("one.html", "two.html"):
        scepter_opt.write_page(tmp_path / name, scepter_opt.preview(NODE, 10), plan(), results(), title="same")
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_the_page_is_its_library_and_little_more() -> None:
    from plotly.offline import get_plotlyjs

    text = page_text(scepter_opt.preview(NODE, 1_000_000), plan())
    assert len(text) - len(get_plotlyjs()) < 50_000
    # of tables alone nothing is drawn
    assert len(page_text(plan())) < 50_000


def test_the_page_refers_to_nothing_outside_of_it() -> None:
    page = Page(page_text(scepter_opt.preview(NODE, 10), plan()))
    addresses = [attrs[name] for _, attrs in page.tags for name in ("src", "href", "action") if name in attrs]
    assert addresses == ["data:,"]
    policy = next(attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy


def test_names_end_no_script_and_begin_no_element() -> None:
    evil = "</script><img src=x onerror=alert(1)>&\u2028"
    plan = scepter_opt.plan({"NAME": "SGD"}, {evil: nn.Parameter(torch.zeros(2))})
    page = Page(page_text(scepter_opt.preview(NODE, 10, {evil: 1.0}), plan, title=evil, command=evil))
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert len(page.texts["script"]) == 3
    assert page.data["tables"][0]["columns"][0]["front"] == [0, evil]
    assert re.search(r"[<>&]", page.texts["script"][0]) is None


def test_numbers_that_json_has_not_are_none(tmp_path: Path) -> None:
    jobs = [
        Job("0", Path(), ["a=1"], {"loss": [1.0, float("nan")]}),
        Job("1", Path(), ["a=2"], {"loss": [1.0, float("inf")]}),
    ]
    page = Page(page_text(Results("loss", False, jobs, [], {})))
    assert page.data["tables"][0]["columns"][2] == {"label": "loss", "numbers": [None, None]}
    (tmp_path / "odd").mkdir()
    # half of a pair of UTF-16, as a model read from elsewhere may have it
    odd = scepter_opt.plan({"NAME": "SGD"}, {"\ud800": nn.Parameter(torch.zeros(2))})
    scepter_opt.write_page(tmp_path / "odd" / "page.html", odd, title="\ud800")
    assert b"<title>\\ud800</title>" in (tmp_path / "odd" / "page.html").read_bytes()


@pytest.mark.parametrize("part", [None, 3, "plan", {"a": 3}, nn.Linear(2, 2)])
def test_what_is_no_part_is_refused(part: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a page shows what preview, plan and find_lr return"):
        scepter_opt.write_page(tmp_path / "page.html", part)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"out = '.*nowhere/page.html': cannot be written"):
        scepter_opt.write_page(tmp_path / "nowhere" / "page.html", plan())


def test_without_plotly_the_line_is_named_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.delitem(sys.modules, "plotly.offline", raising=False)
    with pytest.raises(ConfigError, match=r"this needs plotly: pip install 'scepter_opt\[page\]'"):
        page_text(scepter_opt.preview(NODE, 10))


def test_a_page_of_phases_imports_no_torch(tmp_path: Path) -> None:
    script = f"""
import sys
sys.modules["torch"] = None
import scepter_opt
scepter_opt.write_page({str(tmp_path / "page.html")!r}, scepter_opt.preview({NODE!r}, 10))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "<dt>torch</dt>" not in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_page_is_known_by_its_name() -> None:
    assert [is_page(Path(name)) for name in ("a.html", "b.htm", "c.HTML", "d.png", "html")] == [
        True,
        True,
        True,
        False,
        False,
    ]
