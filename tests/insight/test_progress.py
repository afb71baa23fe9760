"""Progress is shown on a terminal, and nowhere else."""

from __future__ import annotations

import sys

import pytest

from scepter_opt.insight.progress import track, working


def test_nothing_is_shown_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    items = [1, 2, 3]
    with working("thinking"):
        assert track(items, "counting") is items
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert list(track([1, 2, 3], "counting")) == [1, 2, 3]
    with working("thinking"):
        pass
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "counting" in shown.err


def test_without_rich_the_work_is_done_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    with working("thinking"):
        assert list(track([1, 2], "counting")) == [1, 2]
    assert capsys.readouterr() == ("", "")
