"""The keys of a Config against a node's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from scepter_opt.config.base import Config, Conflict
from scepter_opt.config.fields import CheckedAs, ImportPaths, NonNegative, WholeFromZero
from scepter_opt.config.validation import fields, own_first, spellings_of, validate


@dataclass(kw_only=True)
class Inner:
    DEPTH: WholeFromZero = 1
    """How deep."""


@dataclass(kw_only=True)
class Outer(Config):
    conflicts = (Conflict(("LOW", "HIGH"), lambda c: c.LOW > c.HIGH, "LOW must be at most HIGH."),)

    LOW: NonNegative = 0.0
    """The lower one."""
    HIGH: NonNegative
    """The upper one."""
    INNER: Inner | None = None
    """What is inside."""
    PATHS: ImportPaths | None = None
    """Functions."""
    CHOICE: Annotated[Any, CheckedAs(int | list[int])] = field(default_factory=list)
    """One or several."""


def check(imports: bool | None = None, **values: Any) -> tuple[Any, dict[str, str]]:
    config, problems = validate(Outer, values, imports, spellings_of(Outer), "Outer")
    return config, {problem.key: problem.message for problem in problems}


def test_all_problems_come_at_once_each_at_its_key() -> None:
    config, problems = check(LOW=-1, HIHG=3, INNER={"DEPTH": 0.5}, CHOICE=["x"])
    assert config is None
    assert problems == {
        "LOW": "must be at least 0.",
        "HIHG": "Outer has no such key. Did you mean HIGH?",
        "INNER.DEPTH": "must be a whole number.",
        "CHOICE[0]": "must be a whole number.",
        "HIGH": "is required.",
    }


def test_a_conflict_is_told_only_between_keys_that_are_right() -> None:
    assert check(LOW=2, HIGH=1)[1] == {"LOW": "LOW must be at most HIGH."}
    assert check(LOW=2, HIGH="x")[1] == {"HIGH": "must be a number."}
    # HIHG was meant for HIGH, whose default would be in conflict by mistake
    assert list(check(LOW=2, HIHG=1)[1]) == ["HIHG", "HIGH"]


def test_a_node_inside_becomes_an_instance() -> None:
    config, problems = check(HIGH=1, INNER={"DEPTH": 2})
    assert not problems
    assert Inner(DEPTH=2) == config.INNER
    assert check(HIGH=1, INNER=3)[1] == {"INNER": "must be a node: keys with values."}


def test_imports_are_left_resolved_or_refused() -> None:
    paths = ["math.sqrt", "math.sqr"]
    assert paths == check(HIGH=1, PATHS=paths)[0].PATHS
    assert list(check(imports=True, HIGH=1, PATHS=paths)[1]) == ["PATHS[1]"]
    assert list(check(imports=False, HIGH=1, PATHS=paths)[1]) == ["PATHS[0]", "PATHS[1]"]
    assert list(check(imports=False, HIGH=1, PATHS="math.sqrt")[1]) == ["PATHS"]
    assert not check(imports=False, HIGH=1, PATHS=None)[1]


def test_a_value_that_is_still_missing_is_required() -> None:
    assert check(HIGH="???")[1] == {"HIGH": "is required, and still ???."}


def test_own_keys_come_before_those_that_are_shared() -> None:
    assert [each.key for each in own_first(Outer)] == ["LOW", "HIGH", "INNER", "PATHS", "CHOICE"]
    assert fields(Outer)["HIGH"].required
    assert not fields(Outer)["LOW"].required
