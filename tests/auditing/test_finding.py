from __future__ import annotations

from typing import Any

import pytest

from scepter_opt.auditing.finding import Finding, fault, many, note, some


def test_a_fault_and_a_note_differ_in_nothing_else() -> None:
    texts: Any = {"name": "n", "what": "w", "why": "y", "do": "d", "names": ("a",), "places": ("g",)}
    assert fault(**texts) == Finding(fault=True, **texts)
    assert note(**texts) == Finding(fault=False, **texts)


@pytest.mark.parametrize(("names", "places", "count"), [((), (), 0), (("a", "b"), ("g",), 2), ((), ("g", "h", "i"), 3)])
def test_groups_are_counted_where_no_parameter_is_concerned(
    names: tuple[str, ...], places: tuple[str, ...], count: int
) -> None:
    assert note("n", "w", "y", "d", names, places).count == count


def test_of_many_names_the_first_are_said() -> None:
    assert some([]) == ""
    assert some(list("abcd")) == "a, b, c, d"
    assert some(list("abcdef")) == "a, b, c, d and 2 more"
    assert many(1_000, "value") == "1,000 values"
