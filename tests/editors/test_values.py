"""The schema of one value."""

from __future__ import annotations

import enum
from typing import Annotated, Any, Literal

import pytest

from scepter_opt.config.fields import Bounds, CheckedAs, Texts
from scepter_opt.editors.values import choice, deferrable, documented, nullable, of_annotation, plain_default
from tests.editors.schemas import made


class Mode(enum.Enum):
    """Names that differ from the values."""

    fast = 1
    slow = 2


class Unheard:
    """Nothing that JSON has."""


@pytest.mark.parametrize(
    ("annotation", "green", "red"),
    [
        (float, [1, 0.5, "1e-3", "${x}", "???", -1], [True, None, "x", [], {}]),
        (int, [1, 2.0, "3", "${x}"], [1.5, True, "1.5", None]),
        (bool, [True, "yes", 0, 1, "${x}"], [2, "maybe", None, []]),
        (str, ["", "x"], [1, None, []]),
        (str | None, ["x", None], [1, []]),
        (Texts, ["x", ["x", "${y}"], None, "${x}"], [1, [1], {}]),
        (tuple[float, float], [[1, "2"], "${x}"], [[1, "x"], 1, "x"]),
        (list[int], [[1], [], ["${x}"]], [[1.5], 1, "1"]),
        (Mode, ["fast", "${x}"], ["1", 1, None, "quick"]),
        (Mode | None, ["fast", None], [1, "quick"]),
        (Literal["a", "b"] | list[Literal["a", "b"]], ["a", ["b"], "${x}"], ["c", ["c"], 1]),
        (float | list[float], [1, [1], "1"], ["x", ["x"], None]),
        (bool | float, [True, 7, "yes", "7"], ["x", None]),
        (dict[str, float], [{"a": 1}, {}, "${x}"], [{"a": "x"}, 1, []]),
        (type(None), [None], [1, "x"]),
        (Annotated[Any, CheckedAs(Annotated[int, Bounds(ge=2, lt=5)] | None)], [2, 4, None, "4"], [1, 5, 2.5]),
        (Any, [1, None, {}], []),
    ],
)
def test_what_is_green_and_what_is_red(annotation: Any, green: list[Any], red: list[Any]) -> None:
    validator = made(of_annotation(annotation)[0])
    assert [value for value in green if not validator.is_valid(value)] == []
    assert [value for value in red if validator.is_valid(value)] == []


def test_what_json_has_not_is_anything() -> None:
    assert of_annotation(Annotated[Any, CheckedAs(float | Any)])[0] == {}


def test_the_default_and_the_documentation_stand_beside_the_schema() -> None:
    schema = documented({"type": "number"}, "Step size.", "number", 0.1)
    assert schema == {"description": "Step size.\n\nnumber; default 0.1", "default": 0.1, "type": "number"}
    assert documented({}, "", "text", required=True) == {"description": "text; required"}
    # of a reference an editor reads nothing that stands beside it
    assert documented({"$ref": "#/definitions/x"}, "A.", "")["allOf"] == [{"$ref": "#/definitions/x"}]


def test_null_and_interpolations_can_stand_for_a_value() -> None:
    validator = made(nullable(deferrable({"type": "array"})))
    assert all(map(validator.is_valid, [None, "${x}", "???", []]))
    assert not validator.is_valid("x")
    assert deferrable({}) == {}


def test_choices_keep_what_each_means() -> None:
    schema = choice(["a"], {"type": "null"}, about=["The first."])
    assert schema["anyOf"][0]["enumDescriptions"] == ["The first."]
    assert all(map(made(schema).is_valid, ["a", None, "${x}"]))
    assert not made(schema).is_valid("b")


def test_defaults_are_what_json_has() -> None:
    assert plain_default(Mode.fast) == "fast"
    assert plain_default((0.9, 0.999)) == [0.9, 0.999]
    assert plain_default(float("inf")) is ...
