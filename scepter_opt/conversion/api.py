"""convert: whatever a configuration holds of SCEPTER's, torch's or transformers', as nodes of this package."""

from __future__ import annotations

import warnings
from typing import Any

from ..checking import check
from ..components.places import SEVERAL, SINGLE
from ..config.nodes import DEEPEST
from ..errors import ConfigError, ConfigWarning, Problem, join_key, text_of
from . import scepter, targets, transformers
from .result import Conversion, Converted

_SOUGHT = (
    "holds nothing to convert. Looked for: SCEPTER's nodes (OPTIMIZER and LR_SCHEDULER, or a node with one of its "
    "NAMEs), torch's classes (_target_: torch.optim...), and transformers' training arguments (learning_rate, "
    "lr_scheduler_type, adam_beta1, ...). Nodes of this package (optimizer: {NAME: ...}) need no conversion."
)
MOST_VALUES = 100_000
"""Values of a config; one of more would take minutes to read, and is none."""
_PLURAL = {kind: place for place, kind in SEVERAL.items()}


def convert(values: Any) -> Conversion:
    """Convert a configuration of SCEPTER's, of Hydra's `_target_` nodes of torch, or of transformers' arguments.

    Args:
        values: A plain mapping, as a YAML or JSON file holds it; interpolations are texts, and stay.

    Raises:
        ConfigError: It is no mapping, or holds none of the three.

    >>> convert({"OPTIMIZER": {"NAME": "Adam"}}).nodes["optimizer"]
    {'NAME': 'Adam', 'IMPLEMENTATION': 'torch', 'LEARNING_RATE': 0.01, 'EPS': 1e-10}
    """
    if not isinstance(values, dict):
        raise ConfigError([Problem("", "must be keys with values, as a config has them.", values)])
    _check_size(values)
    found = _find(values)
    if not found:
        raise ConfigError([Problem("", _SOUGHT)])
    conversion = Conversion()
    for one in found:
        conversion.unconverted += one.problems
        conversion.notes += one.notes
    for kind in SEVERAL.values():
        _add(conversion, kind, [one for one in found if one.kind == kind and one.node is not None])
    if "${" in str(conversion.nodes):
        note = "interpolations stay as they are: one that leads to a key which has another name now must follow it."
        conversion.notes.append(note)
    if not conversion.unconverted:
        _check_pairs(conversion)
    return conversion


def _check_size(values: Any, depth: int = 0, known: dict[int, int] | None = None) -> int:
    """The number of values that a config holds, with what YAML's aliases repeat.

    Raises:
        ConfigError: They are too many, or nested too deeply.
    """
    known = {} if known is None else known
    if depth > DEEPEST:  # an alias may also lead to what holds it
        raise ConfigError([Problem("", f"is nested more than {DEEPEST} levels deep.")])
    if not isinstance(values, (dict, list)):
        return 1
    if id(values) not in known:
        items = values.values() if isinstance(values, dict) else values
        known[id(values)] = 1 + sum(_check_size(item, depth + 1, known) for item in items)
    if known[id(values)] > MOST_VALUES:
        raise ConfigError([Problem("", f"holds more than {MOST_VALUES} values, with what its aliases repeat.")])
    return known[id(values)]


def _find(values: dict[Any, Any]) -> list[Converted]:
    """Everything that can be converted, in the order of the config."""
    found: list[Converted] = []
    # what an alias of YAML names twice is one object, and is looked at once: a few lines can stand for millions
    seen: dict[int, Any] = {}
    stack: list[tuple[str, Any]] = [("", values)]
    while stack:
        key, value = stack.pop()
        if not isinstance(value, (dict, list)) or id(value) in seen:
            continue
        seen[id(value)] = value
        nodes, inside = _converted(key, value) if isinstance(value, dict) else ([], True)
        found += nodes
        if inside:
            items = value.items() if isinstance(value, dict) else ((f"[{i}]", item) for i, item in enumerate(value))
            stack += reversed([(join_key(key, text_of(name)), item) for name, item in items])
    return found


def _converted(key: str, values: dict[Any, Any]) -> tuple[list[Converted], bool]:
    """What stands at a place, and whether there may be more below it."""
    place = key.rpartition(".")[2]
    kind = targets.kind_of(values)
    if kind is not None:
        return [targets.convert_node(kind, key, values)], False
    if "_target_" in values:
        kind = SINGLE.get(place)
        return ([targets.foreign(kind, key, values)] if kind else []), True
    # SCEPTER's keys are capitals all the way; a lower-case optimizer with a NAME is a node of this package
    named = scepter.kind_of(values.get("NAME")) if not key or key.isupper() else None
    kind = scepter.PLACES.get(place) or named
    if kind is not None and "NAME" in values:
        return [scepter.convert_node(kind, key, values)], False
    if transformers.is_arguments(values):
        return transformers.convert_arguments(key, values), True
    return [], True


def _add(conversion: Conversion, kind: str, found: list[Converted]) -> None:
    """The nodes of a kind: one alone, or several under names."""
    origins = ", ".join(f"{one.key or 'the file'} ({one.source})" for one in found)
    if len(found) == 1:
        conversion.nodes[kind] = found[0].node
        conversion.origins[kind] = origins
    elif found:
        names = _names([one.key for one in found])
        conversion.nodes[_PLURAL[kind]] = {name: one.node for name, one in zip(names, found, strict=True)}
        conversion.origins[_PLURAL[kind]] = origins
        if kind == "optimizer":
            conversion.notes.append("of several optimizers each needs an ONLY that says which parameters are its.")


def _names(keys: list[str]) -> list[str]:
    """A name for each full key: its last part that is not a usual place, or all of it where two would be one."""
    names = []
    for key in keys:
        parts = [part for part in key.split(".") if part not in SINGLE and part not in SEVERAL]
        names.append(parts[-1] if parts else key)
    return names if len(set(names)) == len(names) else [key.replace(".", "_") for key in keys]


def _check_pairs(conversion: Conversion) -> None:
    """What a scheduler asks of its optimizer, and what is said to no effect."""
    if "${" in str(conversion.nodes) or "???" in str(conversion.nodes) or not conversion.nodes:
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            check(conversion.nodes)
        except ConfigError as error:
            conversion.unconverted += error.problems
    conversion.notes += [str(one.message) for one in caught if issubclass(one.category, ConfigWarning)]
