"""What a rule can tell parameters by, before there is a model."""

from __future__ import annotations

import pytest

from scepter_opt.parameters.where import Kind, Selection, Where, broken, check_selection, given, listed


def test_one_value_or_several_are_a_list() -> None:
    assert (listed(None), listed("a"), listed(["a", "b"]), listed((1,))) == ([], ["a"], ["a", "b"], [1])
    assert given(Selection(NAMES="a", KINDS=[Kind.bias], NDIM=[])) == ["NAMES", "KINDS"]


def test_a_selection_says_something() -> None:
    assert "is empty: say what" in check_selection(Where())[0].message
    assert not check_selection(Where(EXCEPT=Selection(NAMES="a")))
    (problem,) = check_selection(Where(NAMES="a", EXCEPT=Selection()))
    assert (problem.key, problem.message) == ("EXCEPT", "is empty: it would leave out nothing.")


@pytest.mark.parametrize("pattern", ["(", "a{99999999999}", "(" * 3000 + ")" * 3000, "[", "*"])
def test_what_is_no_regular_expression_is_said_in_words(pattern: str) -> None:
    assert "is not a regular expression" in broken(pattern)
    (problem,) = check_selection(Where(NAMES=["fine", f"re:{pattern}"]))
    assert problem.key == "NAMES[1]"


def test_what_is_one_passes() -> None:
    assert broken(r"blocks\.(\d+)") == ""
    assert [problem.key for problem in check_selection(Where(NAMES=["", "a"]))] == ["NAMES[0]"]
