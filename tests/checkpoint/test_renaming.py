"""Names that have changed: of parameters, of modules, of one model among several."""

from __future__ import annotations

import pytest

from scepter_opt import ConfigError
from scepter_opt.checkpoint.renaming import Renaming


@pytest.mark.parametrize(
    ("given", "name", "prefix", "new"),
    [
        (None, "a.weight", "", "a.weight"),
        ({"a": "b"}, "a.0.weight", "", "b.0.weight"),
        ({"a": "b"}, "aa.weight", "", "aa.weight"),
        ({"a": "b", "a.0": "c"}, "a.0.weight", "", "c.weight"),
        ({"a.weight": "w"}, "a.weight", "", "w"),
        ({"generator.a": "generator.b"}, "a.weight", "generator", "b.weight"),
        ({"generator.a": "generator.b"}, "a.weight", "critic", "a.weight"),
        ({"generator.a": "generator.b"}, "generator.a.weight", "", "generator.b.weight"),
    ],
)
def test_the_longest_old_name_gives_the_new_one(given: dict[str, str] | None, name: str, prefix: str, new: str) -> None:
    renaming = Renaming(given)
    assert renaming.new(name, prefix) == new
    assert renaming.done == ({} if new == name else {name: new})


def test_an_old_name_that_nothing_had_is_a_problem() -> None:
    renaming = Renaming({"encodr": "backbone"})
    assert renaming.new("encoder.weight") == "encoder.weight"
    (problem,) = renaming.unused(["encoder.weight"])
    assert "Did you mean encoder?" in str(problem)


def test_two_names_that_would_become_one_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"rename\.old\.a = 'new\.a': would make one name of new\.a and old\.a"):
        Renaming({"old": "new"}).applied({"new.a": 1, "old.a": 2})
    with pytest.raises(ConfigError, match=r"rename\.old\.a = 'new\.a': would make one name of old\.a and new\.a"):
        Renaming({"old": "new"}).applied({"old.a": 2, "new.a": 1})
    assert Renaming({"one": "two", "two": "one"}).applied({"one": 1, "two": 2}) == {"two": 1, "one": 2}
