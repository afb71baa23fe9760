"""Mutations of every key of every class: misspelt, of a wrong type, out of bounds, in a wrong place. All are red.

None is chosen: places, keys, types and bounds are those of the Configs. What a key can be beside its type is what check
says, which nothing here shares with the schemas.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from scepter_opt.components.registry import registries
from scepter_opt.config.coercion import json_schema
from scepter_opt.config.fields import Nested
from scepter_opt.config.validation import Field
from scepter_opt.schedules.lengths import Lengths
from tests.editors.places import KINDS, Place, places
from tests.editors.schemas import is_red, problems
from tests.editors.test_agreement import accepted

OPTIONS = {name: entry.option for registry in registries() for name, entry in registry.own_entries().items()}
OF_OTHER_TYPES: tuple[Any, ...] = ({"X": 1}, [{"X": 1}], True)


def everywhere(place: Place, node: dict[str, Any]) -> dict[str, Any]:
    """A node alone; for its own keys also in an option's file and in an app's, named by the defaults list."""
    if place.path:
        return {f"node.{place.kind}": node}
    unnamed = {key: value for key, value in node.items() if key != "NAME"}
    option = OPTIONS[place.node["NAME"]]
    return {
        f"node.{place.kind}": node,
        place.kind: {"defaults": [option, "_self_"], **unnamed},
        "app": {"defaults": [{place.kind: option}, "_self_"], place.kind: unnamed},
    }


def assert_red(place: Place, node: dict[str, Any], key: str) -> None:
    for file, values in everywhere(place, node).items():
        assert is_red(file, values), f"{place}: {key} in {file}: {values}"


@cache
def all_of(kind: str) -> list[Place]:
    return [place for name, its in KINDS.items() if its == kind for place in places(name)]


@pytest.mark.parametrize("name", KINDS)
def test_what_is_right_is_green(name: str) -> None:
    for place in places(name):
        assert accepted(place.node), str(place)
        for file, values in everywhere(place, dict(place.node)).items():
            assert not problems(file, values), str(place)


@pytest.mark.parametrize("name", KINDS)
def test_a_misspelt_key_is_red(name: str) -> None:
    for place in places(name):
        for key in place.keys:
            misspelt = key[0] + key[2] + key[1] + key[3:] if len(key) > 2 and key[1] != key[2] else f"{key}X"
            assert misspelt not in place.keys
            assert_red(place, place.having(misspelt, place.mapping.get(key, 0.5)), misspelt)


@pytest.mark.parametrize("name", KINDS)
def test_a_value_of_a_wrong_type_is_red(name: str) -> None:
    for place in places(name):
        for key in place.keys:
            refused = [value for value in OF_OTHER_TYPES if is_refused(place, key, value)]
            # a key that takes anything has no wrong type; none of the package's own is such a key
            assert refused, f"{place}: {key} takes anything"
            for value in refused:
                assert_red(place, place.having(key, value), f"{key}: {value}")


@pytest.mark.parametrize("name", KINDS)
def test_a_number_out_of_bounds_is_red(name: str) -> None:
    for place in places(name):
        for key, field in place.keys.items():
            for value in out_of_bounds(field):
                node = place.having(key, value)
                assert not accepted(node), f"{place}: {key}: {value}"
                assert_red(place, node, f"{key}: {value}")


@pytest.mark.parametrize("name", KINDS)
def test_a_key_in_a_wrong_place_is_red(name: str) -> None:
    for place in places(name):
        for key in place.keys:
            wrong = list(wrong_places(place, key))
            assert wrong, f"{place}: {key} is at home everywhere"
            for other in wrong:
                assert_red(other, other.having(key, place.mapping.get(key, 0.5)), f"{key} of {place}")


def is_refused(place: Place, key: str, value: Any) -> bool:
    """Whether a value alone is refused, whatever else the node says."""
    field = place.keys[key]
    if field.nested is None and field.inner is None and field.annotation is not Any:
        return bool(field.check(value)[1])
    return not accepted(place.having(key, value))


def wrong_places(place: Place, key: str) -> Iterator[Place]:
    """One level up, one level down, and in another class: places that have no such key."""
    here = (place.node["NAME"], place.path)
    others = [other for other in all_of(place.kind) if key not in other.keys and (other.path or key != "NAME")]
    same = [other for other in others if other.node["NAME"] == here[0]]
    near = [other for other in same if other.path == place.path[:-1] or other.path[:-1] == place.path]
    elsewhere = [other for other in others if other.path == place.path and other.node["NAME"] != here[0]]
    yield from [*near[:2], *elsewhere[:1], *same[:1]]


def out_of_bounds(field: Field) -> Iterator[Any]:
    """Values just outside each bound of a key, as numbers and, where a pattern can tell, as texts."""
    if isinstance(field.nested, Lengths):
        beyond = [-1, "-1", "-5%", *([0, "0", "0%"] if field.nested.above else [])]
        yield from ([[value] for value in beyond] if field.nested.several else beyond)
    elif not isinstance(field.nested, Nested):
        schema = json_schema(field.annotation, field.infinite)
        yield from _outside(schema, schema.get("$defs", {}))


def _outside(schema: dict[str, Any], known: dict[str, Any]) -> Iterator[Any]:
    if "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from _outside(each, known)
    for position, item in enumerate(schema.get("prefixItems", [])):
        fitting = [_inside(each) for each in schema["prefixItems"]]
        yield from ([*fitting[:position], value, *fitting[position + 1 :]] for value in _outside(item, known))
    if schema.get("type") == "array" and "items" in schema:
        yield from ([value] for value in _outside(schema["items"], known))
    steps = {"minimum": -1, "exclusiveMinimum": 0, "maximum": 1, "exclusiveMaximum": 0}
    for bound, step in steps.items():
        if bound in schema:
            value = schema[bound] + step
            yield value
            if schema[bound] in (0, 1):
                yield str(value)


def _inside(schema: dict[str, Any]) -> float:
    """A number that one of a tuple's items takes."""
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    return float(low) + 0.5
