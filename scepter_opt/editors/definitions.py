"""The definitions of a schema file: each made once, when it is first referred to, and free to refer to any other."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import chain, count
from typing import Any

from ..config.fields import Nested
from .values import Schema

MakeNested = Callable[[Nested, Any, "Definitions"], Schema]


class Definitions:
    """What `#/definitions/...` of one file leads to.

    Args:
        make_nested: What makes the schema of a key with a check of its own, from the mark that checks it and the Config
            that has the key (None: any).

    >>> definitions = Definitions(lambda *_: {})
    >>> definitions.named("leaf", lambda: {"type": "string"})
    {'$ref': '#/definitions/leaf'}
    >>> definitions.schemas
    {'leaf': {'type': 'string'}}
    """

    def __init__(self, make_nested: MakeNested) -> None:
        self.schemas: dict[str, Schema] = {}
        self._make_nested = make_nested
        self._names: dict[str, str] = {}

    def named(self, name: str, make: Callable[[], Schema]) -> Schema:
        """A reference to a definition, which is made now if it was not.

        Args:
            name: Its name.
            make: What makes it; it may refer to itself.
        """
        if name not in self.schemas:
            self.schemas[name] = {}  # taken, before what is made asks for it again
            self.schemas[name] = make()
        return {"$ref": f"#/definitions/{name}"}

    def shared(self, name: str, schema: Schema) -> Schema:
        """A reference to a schema that may stand in many places: equal ones are kept once.

        Args:
            name: What it is called; a number tells apart those of one name that differ.
            schema: The schema.
        """
        text = json.dumps([name, schema], sort_keys=True)
        if text not in self._names:
            names = chain([name], (f"{name}.{number}" for number in count(2)))
            self._names[text] = next(each for each in names if f"key.{each}" not in self.schemas)
        return self.named(f"key.{self._names[text]}", lambda: schema)

    def nested(self, mark: Nested, config: Any) -> Schema:
        """The schema of what a key with a check of its own holds.

        Args:
            mark: What checks it.
            config: The Config that has the key; None for any.
        """
        return self._make_nested(mark, config, self)
