"""Which schema stands below a key with a check of its own."""

from __future__ import annotations

from typing import Any

from ..config.fields import Later, Nested
from ..config.imports import resolve
from ..lr_schedulers.composed_schedulers import NamedSchedulers
from ..optimizers.hybrid import HybridParts
from ..optimizers.lr_scaling import LRScalingField, Scaling
from ..parameters.rules import Rules
from ..schedules.finishing import FinishKeys
from ..schedules.lengths import Lengths
from ..schedules.phases import NamedPhases, Phases
from . import parts, phases, rules
from .definitions import Definitions
from .keys import closed, mapping, properties
from .values import Schema


def nested(mark: Nested, config: Any, definitions: Definitions) -> Schema:
    """The schema of what a key with a check of its own holds.

    Args:
        mark: What checks it.
        config: The Config that has the key; None for any.
        definitions: Where the schemas are kept.
    """
    resolved: Nested = resolve(mark.path)() if isinstance(mark, Later) else mark
    match resolved:
        case Rules():
            return rules.rules(config, definitions)
        case LRScalingField():
            return definitions.named("LR_SCALING", lambda: _scaling(definitions))
        case HybridParts():
            return parts.of_hybrid(definitions)
        case NamedSchedulers(holder=holder):
            return parts.of_scheduler(holder, definitions)
        case Phases():
            return phases.phases(definitions)
        case NamedPhases(settings=None):
            return phases.settings(definitions)
        case NamedPhases():
            return phases.rules(definitions)
        case FinishKeys():
            return phases.finish(definitions)
        case Lengths():
            return phases.length(resolved)
        case _:  # one of somebody's own
            return resolved.schema()


def _scaling(definitions: Definitions) -> Schema:
    keys = closed(properties(Scaling, definitions), "LR_SCALING")
    return mapping(keys, "Must be keys: {BATCH_SIZE: ..., BASE_BATCH_SIZE: 256, RULE: linear}.")
