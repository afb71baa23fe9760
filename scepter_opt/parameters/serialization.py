"""Plans as JSON, and what differs between two."""

from __future__ import annotations

import dataclasses
import enum
import json
from array import array
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError, Problem
from .grouping import Group
from .implementation import Implementation, StepChoice
from .resolution import Combination
from .rows import ParameterColumns, Row, Rows, RuleUse

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


def from_json(text: str) -> dict[str, Any]:
    """What a plan is made of, as it was saved: the arguments of Plan.

    Raises:
        ConfigError: The text is no plan.
    """
    try:
        document = json.loads(text)
        if document.get("scepter_opt plan") != _FORMAT:
            raise _no_plan(f"it is not of format {_FORMAT}")
        return {
            "optimizer": document["optimizer"],
            "rules": tuple(RuleUse(**rule) for rule in document["rules"]),
            "group_settings": [
                Group(**{**group, "rules": tuple(map(tuple, group["rules"]))}) for group in document["groups"]
            ],
            "combinations": [
                Combination(
                    **{
                        **saved,
                        "rules": tuple(saved["rules"]),
                        "decided": {key: tuple(names) for key, names in saved["decided"].items()},
                    }
                )
                for saved in document["combinations"]
            ],
            "column": array("I", document["combination"]),
            "steps": [StepChoice(Implementation(step["implementation"]), step["reason"]) for step in document["steps"]],
            "columns": ParameterColumns(
                names=document["names"],
                tied={int(position): names for position, names in document["tied"].items()},
                shapes=[tuple(shape) for shape in document["shapes"]],
                owners=document["owners"],
                kinds=document["kinds"],
            ),
        }
    except ConfigError:
        raise
    # the text may be any JSON at all: what is missing or of another kind shows only here
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _no_plan(str(error)) from error


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
    new, old = {row.name: _settings(row) for row in rows}, {row.name: _settings(row) for row in other}
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


def _settings(row: Row) -> dict[str, Any]:
    """What a parameter gets, in values that JSON gives back."""
    if row.group is None:
        return {"shape": row.shape, "frozen": True, "left out": True}
    settings = {"LEARNING_RATE": row.group.learning_rate, "WEIGHT_DECAY": row.group.weight_decay} | row.group.settings
    part = {"part": row.group.part} if row.group.part else {}
    # a plan that was read has lists for tuples and texts for enums
    plain = json.loads(json.dumps(settings, default=_json_value))
    return {"shape": row.shape, "frozen": row.frozen, **part, **plain}
