"""Definitions of a schema file."""

from __future__ import annotations

from scepter_opt.editors.definitions import Definitions
from scepter_opt.editors.values import Schema
from scepter_opt.schedules.lengths import Lengths


def test_equal_schemas_are_kept_once_and_others_of_the_name_apart() -> None:
    definitions = Definitions(lambda *_: {})
    first = definitions.shared("EPS", {"minimum": 0})
    assert definitions.shared("EPS", {"minimum": 0}) == first
    assert definitions.shared("EPS", {"minimum": 1}) != first
    assert definitions.shared("EPS.2", {"minimum": 2}) not in (first, definitions.shared("EPS", {"minimum": 1}))
    assert len(definitions.schemas) == 3


def test_a_definition_may_refer_to_itself() -> None:
    definitions = Definitions(lambda *_: {})

    def make() -> Schema:
        return {"additionalProperties": definitions.named("node", make)}

    assert definitions.named("node", make) == {"$ref": "#/definitions/node"}
    assert definitions.schemas == {"node": {"additionalProperties": {"$ref": "#/definitions/node"}}}


def test_nested_keys_are_made_by_what_was_given() -> None:
    definitions = Definitions(lambda mark, config, _: {"title": f"{type(mark).__name__} of {config}"})
    assert definitions.nested(Lengths(), None) == {"title": "Lengths of None"}
