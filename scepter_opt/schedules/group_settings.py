"""A setting of an optimizer as its groups hold it: where it stands, what it was before any schedule, how it is set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, final

from ..config.names import keyword_of

_BETAS = {"MOMENTUM": 0, "BETA2": 1}


@final
@dataclass(frozen=True)
class Setting:
    """A number in each group, found by the optimizer's key."""

    name: str
    """The optimizer's key; MOMENTUM is the first beta where there are betas, BETA2 the second."""

    @property
    def base_key(self) -> str:
        """Where a group keeps the value before any schedule."""
        return f"initial_{keyword_of(self.name)}"

    def key(self, group: dict[str, Any]) -> str:
        """Where the value stands in a group."""
        return "betas" if self.name in _BETAS and "betas" in group else keyword_of(self.name)

    def is_in(self, group: dict[str, Any]) -> bool:
        """Whether a group has the setting, as a number."""
        value = self._read(group, group.get(self.key(group)))
        return (isinstance(value, Real) and not isinstance(value, bool)) or _is_tensor(value)

    def is_plain(self, group: dict[str, Any]) -> bool:
        """Whether the value is a number of its own, that is set by writing it."""
        return self.key(group) != "betas" and not _is_tensor(group[self.key(group)])

    def base(self, group: dict[str, Any]) -> Any:
        """The value before any schedule. A group that has had none keeps its present one as that."""
        if self.base_key not in group:
            value = self._read(group, group[self.key(group)])
            # a schedule writes into a tensor
            group[self.base_key] = value.clone() if _is_tensor(value) else value
        return group[self.base_key]

    def write(self, group: dict[str, Any], value: Any) -> None:
        """Set the value; a tensor in place."""
        key = self.key(group)
        present = self._read(group, group[key])
        if _is_tensor(present):
            present.copy_(value if _is_tensor(value) else present.new_tensor(value))
        elif key == "betas":
            betas = list(group[key])
            betas[_BETAS[self.name]] = value
            group[key] = tuple(betas)
        else:
            group[key] = value

    def own(self, optimizer: Any, group: dict[str, Any]) -> float:
        """The optimizer's own value, without the multipliers of groups; of the part of a Hybrid that a group is in."""
        part = getattr(optimizer, "parts", {}).get(group.get("optimizer"), optimizer)
        key = self.key(group)
        defaults = part.defaults if key in part.defaults else optimizer.defaults
        return float(self._read(group, defaults[key]) if key in defaults else self.base(group))

    def _read(self, group: dict[str, Any], value: Any) -> Any:
        if self.name in _BETAS and "betas" in group:
            return value[_BETAS[self.name]]
        return value


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "copy_")


RATE = Setting("LEARNING_RATE")
"""The learning rate."""


def rules_of(group: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """The rules of PARAM_GROUPS that all parameters of a group have, and those that only some have.

    Read from the data that a plan puts into the group. What another made a group of has its name alone.

    >>> rules_of({"name": "head+slow|slow", "rules": [["head", "slow"], ["slow"]]})
    ({'slow'}, {'head'})
    """
    named = [[str(group["name"])]] if "name" in group else [[]]
    alternatives = [set(rules) for rules in group.get("rules", named)]
    every = set.intersection(*alternatives)
    return every, set.union(*alternatives) - every
