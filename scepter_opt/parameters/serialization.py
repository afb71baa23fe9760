"""Plans as JSON, and what differs between two."""

from __future__ import annotations

import dataclasses
import enum
import json
from array import array
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError, Problem, reason_of
from .grouping import Group
from .implementation import StepChoice
from .resolution import Combination
from .rows import ParameterColumns, Row, Rows, RuleUse
from .selectors import ALL_KINDS

# Plans of another format are refused, since comparing with what was guessed would show changes that nobody made.
_FORMAT = 2


def to_json(rows: Rows, steps: list[StepChoice]) -> str:
    """A plan as JSON: settings once per group and combination, columns for the parameters."""
    # a hundred thousand rows, and few different ones: what is equal is written once
    document = {
        "scepter_opt plan": _FORMAT,
        "optimizer": rows.optimizer,
        "rules": [dataclasses.asdict(rule) for rule in rows.rules],
        "groups": [dataclasses.asdict(group) for group in rows.group_settings],
        "combinations": [dataclasses.asdict(combination) for combination in rows.combinations],
        "combination": rows.column.tolist(),
        "steps": [dataclasses.asdict(step) for step in steps],
        **dataclasses.asdict(rows.columns),
    }
    return json.dumps(document, default=_json_value, indent=1)


def _json_value(value: Any) -> Any:
    """A setting that JSON has no form for: an enum by its value, a tensor by its number."""
    if isinstance(value, enum.Enum):
        return value.value
    return value.item() if hasattr(value, "item") else repr(value)


@dataclass(frozen=True)
class _Document:
    """A plan as it is written, beside its format."""

    optimizer: str
    rules: tuple[RuleUse, ...]
    groups: list[Group]
    combinations: list[Combination]
    combination: list[int]
    steps: list[StepChoice]
    names: list[str]
    tied: dict[int, list[str]]
    shapes: list[tuple[int, ...]]
    owners: list[str]
    kinds: list[int]

    def fault(self) -> str:
        """What does not fit together; empty where all does."""
        count = len(self.combination)
        if {len(self.names), len(self.shapes), len(self.owners), len(self.kinds)} != {count}:
            return "its columns are not of one length"
        if len(self.steps) != len(self.groups):
            return "there is not one step for each group"
        places = {
            "combination": (self.combination, range(len(self.combinations))),
            "group": ([each.group for each in self.combinations if not each.left_out], range(len(self.groups))),
            "kind": (self.kinds, range(ALL_KINDS + 1)),
            "tied parameter": (self.tied, range(count)),
            "size": ([size for shape in self.shapes for size in shape], range(2**63)),
        }
        wrong = [what for what, (numbers, known) in places.items() if not all(number in known for number in numbers)]
        return f"there is no such {wrong[0]}" if wrong else ""


def from_json(text: str) -> dict[str, Any]:
    """What a plan is made of, as it was saved: the arguments of Plan.

    Raises:
        ConfigError: The text is no plan.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        said = json.loads(text)
        if not isinstance(said, dict) or said.pop("scepter_opt plan", None) != _FORMAT:
            raise _no_plan(f"it is not of format {_FORMAT}")
        document: _Document = TypeAdapter(_Document).validate_python(said)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(map(str, fault["loc"]))
        raise _no_plan(f"{place}: {fault['msg']}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, ConfigError):
            raise
        raise _no_plan(reason_of(error)) from error
    if document.fault():
        raise _no_plan(document.fault())
    columns = {field.name: getattr(document, field.name) for field in dataclasses.fields(ParameterColumns)}
    return {
        "optimizer": document.optimizer,
        "rules": document.rules,
        "group_settings": document.groups,
        "combinations": document.combinations,
        "column": array("I", document.combination),
        "steps": document.steps,
        "columns": ParameterColumns(**columns),
    }


def _no_plan(reason: str) -> ConfigError:
    return ConfigError([Problem("", f"this text is no plan that to_json wrote: {reason}.")])


@dataclass(frozen=True)
class Difference:
    """What differs between two plans; false where nothing does."""

    added: tuple[str, ...]
    """Parameters that only the first plan has."""
    removed: tuple[str, ...]
    """Parameters that only the other has."""
    changed: dict[str, dict[str, tuple[Any, Any]]]
    """By parameter and key the other plan's value and the first one's."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def __str__(self) -> str:
        lines = [f"+ {name}" for name in self.added] + [f"- {name}" for name in self.removed]
        for name, keys in self.changed.items():
            pairs = ", ".join(f"{key} {before} -> {after}" for key, (before, after) in keys.items())
            lines.append(f"~ {name}: {pairs}")
        return "\n".join(lines) or "no difference"


def diff(rows: Rows, other: Rows) -> Difference:
    """What is new in a plan against another, by the names of parameters."""
    new, old = {row.name: settings_of(row) for row in rows}, {row.name: settings_of(row) for row in other}
    changed = {}
    for name in new.keys() & old.keys():
        keys = dict.fromkeys([*old[name], *new[name]])
        pairs = {key: (old[name].get(key), new[name].get(key)) for key in keys}
        if different := {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}:
            changed[name] = different
    return Difference(
        tuple(name for name in new if name not in old),
        tuple(name for name in old if name not in new),
        {name: changed[name] for name in new if name in changed},
    )


def settings_of(row: Row) -> dict[str, Any]:
    """What a parameter gets, in values that JSON gives back."""
    if row.group is None:
        return {"shape": row.shape, "frozen": True, "left out": True}
    settings = {"LEARNING_RATE": row.group.learning_rate, "WEIGHT_DECAY": row.group.weight_decay} | row.group.settings
    part = {"part": row.group.part} if row.group.part else {}
    # a plan that was read has lists for tuples and texts for enums
    plain = json.loads(json.dumps(settings, default=_json_value))
    return {"shape": row.shape, "frozen": row.frozen, **part, **plain}
