"""Schemas in words."""

from __future__ import annotations

from scepter_opt.config.wording import words


def test_alternatives_are_told_once_and_references_are_followed() -> None:
    schema = {"anyOf": [{"$ref": "#/$defs/Mode"}, {"enum": ["a", "b"]}, {"type": "null"}]}
    assert words(schema, {"Mode": {"enum": ["a", "b"], "type": "string"}}) == "a | b, or null"


def test_bounds_follow_the_type() -> None:
    number = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
    assert words(number, {}) == "number above 0 and at most 1"
    assert words({"type": "array", "items": number}, {}) == "list of number above 0 and at most 1"


def test_what_says_nothing_is_anything() -> None:
    assert words({}, {}) == "anything"
    assert words({"type": "object"}, {}) == "keys"
