"""What stands below keys with a check of their own."""

from __future__ import annotations

from typing import Any

from scepter_opt.components.registry import registries
from scepter_opt.config.fields import Nested
from scepter_opt.config.validation import fields
from scepter_opt.editors.definitions import Definitions
from scepter_opt.editors.nesting import nested
from scepter_opt.editors.values import Schema


def test_every_nested_key_of_the_packages_own_has_a_schema() -> None:
    configs = [entry.config for registry in registries() for entry in registry.own_entries().values()]
    marks = [
        (field.nested, config) for config in configs if config for field in fields(config).values() if field.nested
    ]
    assert len(marks) > len(configs)
    for mark, config in marks:
        assert nested(mark, config, Definitions(nested)), mark


def test_one_of_somebody_elses_says_its_own_or_anything() -> None:
    class Silent(Nested):
        """Says nothing."""

    class Loud(Nested):
        """Says what it is."""

        def schema(self) -> Schema:
            return {"type": "array"}

    definitions: Any = Definitions(nested)
    assert nested(Silent(), None, definitions) == {}
    assert nested(Loud(), None, definitions) == {"type": "array"}
