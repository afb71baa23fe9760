"""The findings of an audit as HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from scepter_opt.auditing.finding import Finding
from scepter_opt.insight.page_findings import findings_html


def finding(**settings: Any) -> Any:
    empty = {"fault": False, "name": "", "what": "", "why": "", "do": "", "names": (), "places": ()}
    return Finding(**{**empty, **settings})


def html(*findings: Any) -> str:
    return findings_html(findings)


def test_findings_keep_their_order_and_say_what_they_are() -> None:
    shown = html(*(finding(name=name, fault=name.isupper()) for name in ("B", "D", "a")))
    assert re.findall(r'finding (\w+)">\n<h3>.*</span> (\w)</h3>', shown) == [
        ("fault", "B"),
        ("fault", "D"),
        ("note", "a"),
    ]


def test_more_than_ten_names_are_folded() -> None:
    names = tuple(f"layer.{number}" for number in range(11))
    assert "<details>" not in html(finding(names=names[:10]))
    folded = html(finding(names=names, places=names))
    assert "<summary>11 names</summary>" in folded
    assert folded.count("<li>") == 11
    assert "and 1 more" in folded


def test_what_is_empty_takes_no_line() -> None:
    assert html(finding(name="n", what="w")).splitlines()[2:] == ["<p>w</p>", "</article>"]
    assert html() == '<p class="good">Nothing was found.</p>'


def test_every_text_is_escaped() -> None:
    evil = "<img src=x>&"
    shown = html(finding(name=evil, what=evil, why=evil, do=evil, names=(evil,), places=(evil,)))
    tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            tags.append(tag)

    Reader().feed(shown)
    assert "img" not in tags
    assert shown.count("&lt;img src=x&gt;&amp;") == 6
