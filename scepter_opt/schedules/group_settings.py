"""A setting of an optimizer as its groups hold it: where it stands, what it was before any schedule, how it is set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, final

from ..config.names import keyword_of

RATE = "LEARNING_RATE"
"""The optimizer's key of the learning rate."""
BETAS = {"BETA1": 0, "BETA2": 1}
"""Settings that are one of two betas, each with its place."""


@final
@dataclass(frozen=True)
class Setting:
    """A number in each group, found by the optimizer's key."""

    name: str
    """The optimizer's key; BETA1 and BETA2 are the numbers of its BETAS."""
    beta: int | None = None
    """Which of the betas it is, if it is one."""

    @classmethod
    def of(cls, name: str, groups: Iterable[Mapping[str, Any]]) -> Setting:
        """The setting of an optimizer with these groups.

        MOMENTUM is the first beta only where no group has a momentum: over Muon and AdamW it is Muon's alone.
        """
        # of all groups, not of one: Adam's group alone would not tell that Muon's momentum is meant
        is_beta = name == "MOMENTUM" and not any("momentum" in group for group in groups)
        return cls(name, 0 if is_beta else BETAS.get(name))

    @property
    def base_key(self) -> str:
        """Where a group keeps the value before any schedule."""
        return f"initial_{keyword_of(self.name)}"

    @property
    def key(self) -> str:
        """Where the value stands in a group."""
        return keyword_of(self.name) if self.beta is None else "betas"

    def is_in(self, group: Mapping[str, Any]) -> bool:
        """Whether a group has the setting, as a number."""
        if self.key not in group:
            return False
        value = self._read(group[self.key])
        return (isinstance(value, Real) and not isinstance(value, bool)) or _is_tensor(value)

    def is_plain(self, group: Mapping[str, Any]) -> bool:
        """Whether the value is a number of its own, that is set by writing it."""
        return self.beta is None and not _is_tensor(group[self.key])

    def base(self, group: dict[str, Any]) -> Any:
        """The value before any schedule. A group that has had none keeps its present one as that."""
        if self.base_key not in group:
            group[self.base_key] = copied(self._read(group[self.key]))
        return group[self.base_key]

    def write(self, group: dict[str, Any], value: Any) -> None:
        """Set the value; a tensor in place."""
        present = self._read(group[self.key])
        if _is_tensor(present):
            present.copy_(value if _is_tensor(value) else present.new_tensor(value))
        elif self.beta is not None:
            betas = list(group[self.key])
            betas[self.beta] = value
            group[self.key] = tuple(betas)
        else:
            group[self.key] = value

    def own(self, optimizer: Any, group: dict[str, Any]) -> float:
        """The optimizer's own value, without the multipliers of groups; of the part of a Hybrid that a group is in."""
        # groups hold values with their multipliers; the defaults hold what was written
        part = getattr(optimizer, "parts", {}).get(group.get("optimizer"), optimizer)
        defaults = part.defaults if self.key in part.defaults else optimizer.defaults
        return float(self._read(defaults[self.key]) if self.key in defaults else self.base(group))

    def _read(self, value: Any) -> Any:
        return value if self.beta is None else value[self.beta]


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "copy_")


def copied(value: Any) -> Any:
    """A setting's value that stays: a schedule writes into a tensor."""
    return value.clone() if _is_tensor(value) else value


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
