"""Named nodes below a node: the parts of a Hybrid, the schedulers of SequentialLR and ChainedScheduler."""

from __future__ import annotations

import enum
from collections.abc import Collection
from typing import Any

from ..components.registry import Registry, registry
from ..config.validation import fields
from ..lr_schedulers.base_scheduler import SchedulerConfig
from ..lr_schedulers.composed_schedulers import OF_THE_HOLDER
from ..optimizers.base_optimizer import OptimizerConfig
from ..optimizers.hybrid import OF_THE_WHOLE
from .definitions import Definitions
from .keys import mapping
from .nodes import node
from .values import Schema, deferrable


def of_hybrid(definitions: Definitions) -> Schema:
    """The parts of a Hybrid."""
    optimizers = registry("optimizer")
    refused = [name for name, entry in optimizers.own_entries().items() if entry.component.refused_in_hybrid]
    return _parts(optimizers, "Hybrid", refused, OptimizerConfig, OF_THE_WHOLE, definitions)


def of_scheduler(holder: str, definitions: Definitions) -> Schema:
    """The schedulers that another holds.

    Args:
        holder: Its NAME.
        definitions: Where the schemas are kept.
    """
    schedulers = registry("lr_scheduler")
    configs: dict[str, Any] = {name: entry.config for name, entry in schedulers.own_entries().items()}
    refused = [name for name, config in configs.items() if holder in config.refused_in]
    own_ends = {config.horizon for config in configs.values()}
    keys = [key for key in OF_THE_HOLDER if key not in own_ends]
    return _parts(schedulers, holder, refused, SchedulerConfig, keys, definitions)


def _parts(
    kind: Registry, holder: str, refused: list[str], common: type, keys: Collection[str], definitions: Definitions
) -> Schema:
    known = fields(common)
    unsaid = {key: known[key].default for key in keys}
    # what may be written in several forms is left to the check
    values = {
        key: {"enum": [None, *([default.name] if isinstance(default, enum.Enum) else [False, "", [], {}])]}
        for key, default in unsaid.items()
        if not default or isinstance(default, enum.Enum)
    }
    properties: dict[str, Schema] = {
        key: deferrable({**value, "errorMessage": f"Belongs on the {holder} that holds this node."})
        for key, value in values.items()
    }
    no_part = f"^(?!(?:{'|'.join(refused)})$)"
    properties["NAME"] = {"pattern": no_part, "patternErrorMessage": f"Cannot be part of {holder}."}

    def make() -> Schema:
        each = {"allOf": [node(kind, definitions), {"properties": properties}]}
        return mapping({"additionalProperties": each}, "Must be named nodes: {first: {NAME: ...}, ...}.")

    return definitions.named(f"parts.{holder}", make)
