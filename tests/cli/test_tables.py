"""Text in columns of a width."""

from __future__ import annotations

import pytest

from scepter_opt.cli.tables import paragraphs, table, width


def test_the_last_column_is_wrapped_and_goes_below_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("a", "words " * 10), ("longer", "one")]
    monkeypatch.setenv("COLUMNS", "50")
    assert table(rows) == ("a       words words words words words words words\n        words words words\nlonger  one")
    monkeypatch.setenv("COLUMNS", "40")
    assert table([("a" * 20, "words " * 8)]).splitlines() == [
        "a" * 20, "    words words words words words words", "    words words",
    ]  # fmt: skip


def test_a_paragraph_is_indented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert paragraphs("one two " * 6, 2, 4).splitlines() == [
        "  one two one two one two one two one", "    two one two",
    ]  # fmt: skip
    assert width() == 40
