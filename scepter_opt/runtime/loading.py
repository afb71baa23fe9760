"""torch's own `load_state_dict` by name: state finds its parameter, and what differs from the configuration is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, zip_longest
from typing import Any, final

import torch
from torch.optim import LBFGS, Optimizer

from ..errors import ConfigError, Problem, say
from ..parameters.merging import DECIDED, FLAGS, RULES, SETTINGS, Difference, merge
from ..parameters.state import (
    ONE_VECTOR,
    Names,
    for_each,
    is_another_order,
    match,
    names_of,
    other_classes,
    part_of,
    unmatched,
)
from .layouts import lay_state

RATES = ("lr", "initial_lr")
# What torch need not copy, value by value, into the groups.
_DATA = (SETTINGS, "rules")
_COLD = "MISSING_STATE: cold on the optimizer's node lets new parameters begin anew, and drops what is left over."

_ASKED = 'scepter_opt.checkpoint.load(..., missing="cold") takes what the two share.'


@final
class Loading:
    """Follows every load of an optimizer.

    Between a checkpoint of this package's and the optimizer parameters are matched by name, whatever groups they are in
    and in whatever order; the checkpoint's settings hold, as in torch, and one warning says where they are not the
    configuration's. Any other checkpoint loads as in torch. The implementation of a step and the rules of a group are
    the configuration's; a rate that is a tensor stays the same tensor, which a captured or compiled step reads.

    Args:
        own_flags: Whether the flags of a step are the configuration's; a class without a Config has its own.
        cold: Whether parameters may be on one side only.
        key: Full key of the optimizer's node.
    """

    def __init__(self, own_flags: bool = True, cold: bool = False, key: str = "optimizer") -> None:
        self._kept = (*FLAGS, *RULES) if own_flags else RULES
        self._cold = cold
        self._key = key
        self._rates: list[dict[str, Any]] = []
        self._withheld: list[dict[str, Any]] = []

    def before_load(self, optimizer: Optimizer, state_dict: dict[str, Any]) -> dict[str, Any]:
        """A load_state_dict pre-hook: the checkpoint as this optimizer would have written it.

        Raises:
            ConfigError: Names are missing on one side, or state is of another class or shape; nothing was changed.
        """
        saved = state_dict["param_groups"]
        if not state_dict.get(DECIDED) and _is_ours(optimizer, saved):
            state_dict = self._by_name(optimizer, state_dict)
        groups, self._rates, self._withheld = [], [], []
        for own, loaded in zip_longest(optimizer.param_groups, state_dict["param_groups"]):
            if own is None or loaded is None:
                return state_dict  # torch refuses another number of groups
            others = {key: value for key, value in loaded.items() if key not in self._kept}
            group = others | {key: own[key] for key in self._kept if key in own}
            self._withheld.append({key: group.pop(key) for key in _DATA if key in group})
            self._rates.append({key: own[key] for key in RATES if key in own})
            groups.append(group)
        return {**state_dict, "param_groups": groups}

    def after_load(self, optimizer: Optimizer) -> None:
        """A load_state_dict post-hook: rates of the kind that they were, and state that lies as its parameters do."""
        for group, rates, withheld in zip(optimizer.param_groups, self._rates, self._withheld, strict=True):
            group.update(withheld)
            for key in RATES:
                if key in group and "lr" in rates:
                    group[key] = _as_was(group[key], rates.get(key, rates["lr"]))
            if isinstance(rates.get("lr"), torch.Tensor):
                group["lr"] = rates["lr"].copy_(group["lr"])
            lay_state(group["params"], optimizer.state)
        self._rates, self._withheld = [], []

    def _by_name(self, optimizer: Optimizer, state_dict: dict[str, Any]) -> dict[str, Any]:
        groups, saved = optimizer.param_groups, state_dict["param_groups"]
        here, there = names_of(optimizer), Names([list(group["param_names"]) for group in saved])
        assert here is not None  # by _is_ours
        found = match(here, there)
        problems = [] if self._cold else list(unmatched(found.missing, found.left, _COLD))
        classes = for_each(map(_class_of, saved), (len(group["params"]) for group in saved))
        problems += other_classes(list(map(_class_of, groups)), classes, found.sources, _ASKED)
        indices = list(chain.from_iterable(group["params"] for group in saved))
        state = state_dict["state"]
        if is_another_order(optimizer, found.sources, len(indices)):
            problems.append(Problem("", ONE_VECTOR))
        taken = [[None if i is None else state.get(indices[i]) for i in row] for row in found.sources]
        problems += _other_shapes(optimizer, taken, here)
        if problems:
            raise ConfigError(problem.under(self._key) for problem in problems)
        merged, differences = merge(groups, saved, found.sources, lambda _: "checkpoint")
        if differences:
            say(_told(differences, self._key))
        count, numbered = 0, dict[Any, Any]()
        for one, own in zip(merged, taken, strict=True):
            members = range(count, count := count + len(own))
            numbered |= {i: value for i, value in zip(members, own, strict=True) if value is not None}
            one["params"] = members  # torch looks each parameter up here, which in a list takes quadratic time
            del one["param_names"]  # torch leaves the group's own
        known = set(indices)
        others = {key: value for key, value in state.items() if key not in known}
        return {**state_dict, "state": numbered | others, "param_groups": merged}


def _class_of(group: Mapping[str, Any]) -> str:
    """The NAME of the class that a configuration gave a group to; empty where none did."""
    return str(group.get(SETTINGS, {}).get("NAME", ""))


def _is_ours(optimizer: Optimizer, saved: list[dict[str, Any]]) -> bool:
    """Whether both sides have names, and a configuration's settings, or else the same names in some order."""
    groups = optimizer.param_groups
    if not all("param_names" in group for group in (*groups, *saved)):
        return False
    return any(SETTINGS in group for group in saved) or sorted(
        chain.from_iterable(group["param_names"] for group in groups)
    ) == sorted(chain.from_iterable(group["param_names"] for group in saved))


def _other_shapes(optimizer: Optimizer, taken: list[list[Any]], names: Names) -> Iterator[Problem]:
    """Problems with state that cannot be of its parameter, of torch's own classes: others' may have any shape."""
    if isinstance(optimizer, LBFGS):
        return
    for group, states, own in zip(optimizer.param_groups, taken, names.groups, strict=True):
        if not type(part_of(optimizer, group)).__module__.startswith("torch.optim"):
            continue
        for parameter, state, name in zip(group["params"], states, own, strict=True):
            if not isinstance(state, Mapping):
                continue
            expected = parameter.shape
            for key, value in state.items():
                if isinstance(value, torch.Tensor) and value.shape != expected and not _fits(value.shape, expected):
                    message = f"{name} has the shape {tuple(expected)}, and its {key} is of {tuple(value.shape)}."
                    yield Problem("", message)
                    break


def _fits(state: torch.Size, parameter: torch.Size) -> bool:
    """Whether state of one shape can be of a parameter of another: factored, it has 1 where a dimension is summed."""
    return (
        state.numel() == 1
        or (len(state) == len(parameter) and all(s in (1, p) for s, p in zip(state, parameter, strict=True)))
        or (len(state) < len(parameter) and state.numel() < parameter.numel())
    )


def _told(differences: list[Difference], key: str) -> Problem:
    """All differences in one text, with what holds and how that is decided."""
    lines = []
    for one in differences:
        why = f", since {one.reason}" if one.reason else ""
        where = f" ({', '.join(one.groups)})" if any(one.groups) else ""
        lines.append(
            f"{one.key}{where}: configuration {one.config}, checkpoint {one.checkpoint}; the {one.held}'s holds{why}"
        )
    message = (
        "the loaded state differs from the configuration. "
        + "; ".join(lines)
        + ('. To decide it, load by scepter_opt.checkpoint.load(..., policy="config") or {"KEY": "config"}.')
    )
    return Problem(key, message)


def _as_was(loaded: Any, rate: Any) -> Any:
    """A loaded rate as a tensor where the group's is one, else as a number."""
    if isinstance(rate, torch.Tensor):
        return torch.as_tensor(loaded, dtype=rate.dtype, device=rate.device)
    return loaded.item() if isinstance(loaded, torch.Tensor) else loaded
