"""Keys of Configs as properties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scepter_opt.components.registry import registry
from scepter_opt.config.fields import Fraction, NonNegative
from scepter_opt.editors.definitions import Definitions
from scepter_opt.editors.keys import closed, mapping, properties, union
from scepter_opt.editors.nesting import nested
from scepter_opt.optimizers import OptimizerConfig
from tests.editors.schemas import made


@dataclass(kw_only=True)
class Inner:
    """Keys that are no Config's."""

    SHARE: Fraction | None = None
    """A share."""


@dataclass(kw_only=True)
class Outer(OptimizerConfig):
    """Keys of one class."""

    INNER: Inner | None = None
    """Keys below."""
    RATE: NonNegative = 0.5
    """How far."""
    NEEDED: str
    """Said by the user."""


@dataclass(kw_only=True)
class Other(OptimizerConfig):
    """Keys of another class."""

    RATE: str = "x"
    """In words."""


def schema_of(keys: dict[str, Any], definitions: Definitions) -> Any:
    return made({**closed(keys, "It"), "definitions": definitions.schemas})


def test_every_key_has_its_documentation_and_default() -> None:
    definitions = Definitions(nested)
    properties(Outer, definitions)
    assert definitions.schemas["key.RATE"]["description"] == "How far.\n\nnumber of at least 0; default 0.5"
    assert definitions.schemas["key.RATE"]["default"] == 0.5
    assert definitions.schemas["key.NEEDED"]["description"] == "Said by the user.\n\ntext; required"
    # what is no Config has null for what was not said, which is nothing to offer
    assert "default" not in definitions.schemas["key.SHARE"]


def test_a_dataclass_below_a_key_has_its_own_keys() -> None:
    definitions = Definitions(nested)
    validator = schema_of(properties(Outer, definitions), definitions)
    assert all(map(validator.is_valid, [{"INNER": {"SHARE": 0.5}}, {"INNER": None}, {"INNER": "${x}"}]))
    assert not any(map(validator.is_valid, [{"INNER": {"SHARE": 2}}, {"INNER": {"X": 1}}, {"INNER": 1}]))


def test_where_the_class_is_unknown_a_key_takes_what_any_class_takes() -> None:
    definitions = Definitions(nested)
    validator = schema_of(union([Outer, Other], definitions), definitions)
    assert all(map(validator.is_valid, [{"RATE": 1}, {"RATE": "slow"}, {"NEEDED": "x"}]))
    assert not any(map(validator.is_valid, [{"RATE": []}, {"NEEDED": 1}, {"OTHER": 1}]))


def test_what_classes_share_is_kept_once() -> None:
    definitions = Definitions(nested)
    for name in ("Adam", "AdamW", "NAdam"):
        properties(registry("optimizer").entry(name).config, definitions)  # type: ignore[arg-type]  # they have one
    assert sum(name.startswith("key.BETAS") for name in definitions.schemas) == 1


def test_what_is_no_mapping_is_told_so() -> None:
    validator = made(mapping({"required": ["A"]}, "Must be keys."))
    assert all(map(validator.is_valid, [{"A": 1}, "${x}"]))
    assert not any(map(validator.is_valid, [{}, 1, "x", None]))
