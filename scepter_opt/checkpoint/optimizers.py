"""An optimizer's state and groups from a checkpoint, by the names of its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, final

from ..config.plain import plain
from ..errors import Problem
from ..parameters.merging import DECIDED, OF_CYCLES, SETTINGS, Difference, merge
from ..parameters.state import (
    ONE_VECTOR,
    Match,
    Names,
    for_each,
    is_another_order,
    match,
    names_of,
    other_classes,
    unmatched,
)
from .fresh_state import FreshState
from .objects import inner, place
from .policy import Policy
from .renaming import Renaming
from .saving import NAMELESS, class_name, cloned, with_settings
from .sharding import is_sharded, laid_as

_SCHEDULED = "_scheduler_is_loaded"
"""Attribute of an optimizer whose scheduler was loaded before it."""


def of_schedules(group: Mapping[str, Any]) -> dict[str, Any]:
    """What of a group a schedule writes: the rate, what has its first value beside it, and what torch's cycles move."""
    first = {key.removeprefix("initial_") for key in group if key.startswith("initial_")}
    cycled = (
        ("momentum", "betas", *OF_CYCLES)
        if group.keys() & set(OF_CYCLES) or {"beta1", "beta2", "momentum"} & first
        else ()
    )
    return {key: value for key, value in group.items() if key in first or key.startswith("initial_") or key in cycled}


@final
class OptimizerPlan:
    """What loading an optimizer will do; nothing is changed before `apply`.

    Args:
        name: Its name among several; empty of one.
        optimizer: Any of torch's kind.
        groups: What the checkpoint has of its groups.
        state: What it has of the state, by parameter; None loads the groups' values alone, for a scheduler.
        roots: The models with the prefix of their names.
        policy: Which side holds.
        renaming: New names.
        cold: Whether names may be on one side only, and state of another class be taken where the two share it.
    """

    def __init__(
        self,
        name: str,
        optimizer: Any,
        groups: Mapping[str, Any],
        state: Mapping[str, Any] | None,
        roots: list[tuple[str, Any]],
        policy: Policy,
        renaming: Renaming,
        cold: bool,
    ) -> None:
        self.name = name
        self.optimizer = inner(optimizer)
        self._key = place("optimizer", name).replace("optimizer.", "optimizers.")
        self._with_state = state is not None
        self.problems: list[Problem] = []
        self.of_names: list[Problem] = []
        """Problems with names and shapes, which the model has too."""
        self.notes: list[str] = []
        self.differences: list[Difference] = []
        self.keys: list[str] = []
        """The full keys of all settings."""
        self.merged: list[dict[str, Any]] = []
        """What the groups become, without parameters."""
        self._state: dict[int, Any] = {}
        self._others: dict[Any, Any] = {}
        here = names_of(self.optimizer, roots)
        if here is None:
            self.problems.append(Problem(self._key, NAMELESS))
            self.match = Match([], [], [])
            return
        renamed = [[renaming.new(each, name) for each in group["param_names"]] for group in groups["groups"]]
        others = {
            renaming.new(each, name): [renaming.new(o, name) for o in o_s] for each, o_s in groups["others"].items()
        }
        there = Names(renamed, lambda: others)
        self.match = match(here, there)
        if not cold:
            how = 'rename={old: new} finds them under another name, missing="cold" leaves them out.'
            self.of_names += [p.under(self._key) for p in unmatched(self.match.missing, self.match.left, how)]
        self._merge(groups["groups"], policy)
        self.of_names += self._shapes(here, renaming.applied(groups["shapes"], name))
        if state is not None:
            self._take_state(groups["classes"], state, here, there, renaming, cold)

    def _merge(self, saved: list[dict[str, Any]], policy: Policy) -> None:
        own = self.optimizer.param_groups
        planned = any(SETTINGS in group for group in own)
        told = [group if planned else with_settings(group, self.optimizer) for group in own]
        keys = dict.fromkeys(chain.from_iterable(group.get(SETTINGS, {}) for group in told))
        self.keys = [f"{self._key}.{key}" for key in keys if key != "NAME"]
        merged, found = merge(told, saved, self.match.sources, lambda key: policy.side(f"{self._key}.{key}"))
        for group, one in zip(own, merged, strict=True):
            if SETTINGS not in group:
                one.pop(SETTINGS, None)
        self.merged = merged
        self.differences = [
            Difference(f"{self._key}.{one.key}", one.config, one.checkpoint, one.held, one.groups, one.reason)
            for one in found
        ]

    def _shapes(self, here: Names, shapes: Mapping[str, list[int]]) -> Iterator[Problem]:
        saved = list(shapes.values())
        tensors = chain.from_iterable(group["params"] for group in self.optimizer.param_groups)
        sources = chain.from_iterable(self.match.sources)
        for name, tensor, source in zip(here.flat(), tensors, sources, strict=True):
            if source is not None and list(tensor.shape) != saved[source]:
                message = f"is of shape {tuple(tensor.shape)}, and in the checkpoint of {tuple(saved[source])}."
                yield Problem(f"{self._key}.{name}", message)

    def _take_state(
        self,
        classes: list[str],
        state: Mapping[str, Any],
        here: Names,
        there: Names,
        renaming: Renaming,
        cold: bool,
    ) -> None:
        """Find the state of each parameter, in the order of the groups here."""
        if is_another_order(self.optimizer, self.match.sources, sum(map(len, there.groups))):
            self.problems.append(Problem(f"{self._key}.NAME", ONE_VECTOR, "LBFGS"))
        by_name = renaming.applied(state["state"], self.name)
        listed = [by_name.get(name) for name in there.flat()]
        class_there = for_each(classes, map(len, there.groups))
        class_here = [class_name(self.optimizer, group) for group in self.optimizer.param_groups]
        changed = any(one.held == "config" for one in self.differences)
        if not cold:
            with_state = [
                [i if i is not None and listed[i] is not None else None for i in row] for row in self.match.sources
            ]
            refused = other_classes(class_here, class_there, with_state, 'missing="cold" takes what the two share.')
            self.problems += [problem.under(self._key) for problem in refused]
        fresh, used = FreshState(self.optimizer), set[int]()
        index = 0
        for group, own, one, row, names in zip(
            self.optimizer.param_groups, class_here, self.merged, self.match.sources, here.groups, strict=True
        ):
            for parameter, source, name in zip(group["params"], row, names, strict=True):
                index += 1
                if source is None or listed[source] is None:
                    continue
                is_same = class_there[source] == own
                # two that were one tensor go separate ways from here on
                value = cloned(listed[source]) if source in used else listed[source]
                used.add(source)
                if not (is_same or cold):
                    continue
                if changed or not is_same:
                    value, why = fresh.fit(value, group, one, parameter, same=is_same)
                    if why:
                        self.notes.append(f"{name} begins anew: {why}")
                if value is not None:
                    self._state[index - 1] = value
        self._others = dict(state["others"])
        self._lay()

    def _lay(self) -> None:
        """Bring the state into shards, or make it whole, as the parameters are."""
        members = list(chain.from_iterable(group["params"] for group in self.optimizer.param_groups))
        if not any(hasattr(member, "device_mesh") for member in members) and not is_sharded(
            next(iter(self._state.values()), None)
        ):
            return
        for index, state in self._state.items():
            if isinstance(state, Mapping):
                self._state[index] = {key: laid_as(value, members[index]) for key, value in state.items()}

    @property
    def moved_rates(self) -> bool:
        """Whether a group's rate is not the checkpoint's any more."""
        return any(one.held == "config" for one in self.differences) or bool(self.match.missing)

    def apply(self) -> None:
        """Give the optimizer its state and its groups' values."""
        if not self._with_state:
            self.write_values()
            # who loads the optimizer later than its scheduler is not to undo what that has made of the rates
            vars(self.optimizer)[_SCHEDULED] = True
            return
        scheduled = vars(self.optimizer).pop(_SCHEDULED, False)
        groups, count = [], 0
        for group, one in zip(self.optimizer.param_groups, self.merged, strict=True):
            # torch looks each parameter up in these, which in a list takes quadratic time
            members = range(count, count := count + len(group["params"]))
            values = {**one, **of_schedules(group)} if scheduled else dict(one)
            values.pop("param_names", None)  # which torch would copy, and leaves as they are
            groups.append({**values, "params": members})
        state = {"state": self._state | self._others, "param_groups": groups, DECIDED: True}
        self.optimizer.load_state_dict(state)

    def write_values(self) -> None:
        """Write the values of the settings into the groups; a tensor in place."""
        for group, one in zip(self.optimizer.param_groups, self.merged, strict=True):
            write_group(group, one)


def write_group(group: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Write values into a group; a rate that is a tensor stays the same tensor."""
    for key, value in values.items():
        if hasattr(group.get(key), "fill_") and key in ("lr", "initial_lr"):
            group[key].fill_(plain(value))
        else:
            group[key] = plain(value) if key in ("lr", "initial_lr") else value
