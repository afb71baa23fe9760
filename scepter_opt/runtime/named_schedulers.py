"""torch's schedulers with a state by group: what torch keeps as lists beside the groups finds its group again."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import torch
from torch.optim import lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from ..config.plain import flat
from ..errors import Problem, say
from ..parameters.state import Names, match, names_of
from ..schedules.group_settings import copied

GROUPS = "groups"
"""Entry of a state: the groups that it was saved beside, without parameters and with their names."""
BUILT_FROM = "built_from"
"""Attribute that keeps what a scheduler was built from: its node and the length of the run."""
# Lists with an entry for each group; base_lrs and _last_lr are of every scheduler.
_BY_GROUP = ("base_lrs", "_last_lr", "min_lrs", "max_lrs", "base_momentums", "max_momentums", "lr_lambdas")
# What schedulers write into groups.
_WRITTEN = ("lr", "initial_lr", "momentum", "betas", "max_lr", "min_lr", "max_momentum", "base_momentum")


class ByName(LRScheduler):
    """Saves the groups beside the state, and reads lists by them; it writes the saved rates into the groups. Abstract.

    So the order in which an optimizer and its scheduler are built and loaded does not matter, and groups may have come
    in another order or of other parameters. A state without groups, as plain torch writes it, is read as torch does,
    and plain torch reads this one.
    """

    def state_dict(self) -> dict[str, Any]:
        """The state as torch has it, with the groups."""
        return {**super().state_dict(), GROUPS: groups_beside(self.optimizer)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state.

        Warns:
            ConfigWarning: It was saved of another node; its settings hold, as in torch.
        """
        state = {key: value for key, value in state_dict.items() if key != GROUPS}
        say_differences(self, state_dict)
        groups = self.optimizer.param_groups
        origins = origins_of(self.optimizer, state_dict.get(GROUPS))
        for key in _BY_GROUP if origins is not None else ():
            own, saved = getattr(self, key, None), state.get(key)
            if isinstance(own, list) and isinstance(saved, list) and len(saved) == len(state_dict[GROUPS]):
                # LambdaLR's entries are what its callables hold, and None leaves one as it is
                kept = [None] * len(groups) if key == "lr_lambdas" else self._own(key, own)
                state[key] = [kept[i] if j is None else saved[j] for i, j in enumerate(origins or ())]
        super().load_state_dict(state)
        for group, j in zip(groups, origins or (), strict=False):
            if j is not None:
                _write(group, state_dict[GROUPS][j])
        self._last_lr = [copied(group["lr"]) for group in groups]

    def _own(self, key: str, own: list[Any]) -> list[Any]:
        groups = self.optimizer.param_groups
        if len(own) == len(groups):
            return own
        return [group.get("initial_lr", group["lr"]) for group in groups]


def groups_beside(optimizer: Any) -> list[dict[str, Any]]:
    """The group dicts of an optimizer without parameters, with rates as they are now."""
    return [
        {key: copied(value) for key, value in group.items() if key != "params"} | {"size": len(group["params"])}
        for group in optimizer.param_groups
    ]


def origins_of(optimizer: Any, saved: list[dict[str, Any]] | None) -> list[int | None] | None:
    """Per group here the saved one that its parameters come from.

    None for a group that is new, or whose parameters come from several that differ in what a schedule writes; None
    altogether where nothing was saved of the groups, or neither names nor numbers tell.
    """
    if saved is None:
        return None
    here = names_of(optimizer)
    if here is None or not all("param_names" in group for group in saved):
        sizes = [len(group["params"]) for group in optimizer.param_groups]
        return list(range(len(sizes))) if sizes == [group["size"] for group in saved] else None
    sources = match(here, Names([list(group["param_names"]) for group in saved])).sources
    group_of = list(chain.from_iterable([i] * group["size"] for i, group in enumerate(saved)))
    origins: list[int | None] = []
    for row in sources:
        known = list(dict.fromkeys(group_of[source] for source in row if source is not None))
        alike = all(_equal(saved[known[0]], saved[other]) for other in known[1:])
        origins.append(known[0] if known and alike else None)
    return origins


def _equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(key) == other.get(key) for key in _WRITTEN)


def _write(group: dict[str, Any], saved: Mapping[str, Any]) -> None:
    """Set what a schedule writes to what it was; a tensor in place."""
    for key in _WRITTEN:
        if key in saved and key in group:
            if isinstance(group[key], torch.Tensor):
                group[key].fill_(float(saved[key]))
            else:
                group[key] = saved[key].item() if isinstance(saved[key], torch.Tensor) else saved[key]


def say_differences(scheduler: Any, state_dict: Mapping[str, Any], held: str = "checkpoint") -> bool:
    """Say once in what the node of a scheduler differs from that of a loaded state; returns whether it does.

    Warns:
        ConfigWarning: It does.
    """
    own, saved = getattr(scheduler, BUILT_FROM, None), state_dict.get(BUILT_FROM)
    if not own or not saved or own["fitted"] == saved["fitted"]:
        return False
    here, there = flat(own["fitted"]), flat(saved["fitted"])
    keys = [key for key in {**here, **there} if here.get(key) != there.get(key)]
    lines = [f"{key}: configuration {here.get(key)}, checkpoint {there.get(key)}" for key in keys]
    message = (
        f"the loaded state is of another schedule; the {held}'s holds. {'; '.join(lines)}. To decide it, load by "
        'scepter_opt.checkpoint.load(..., policy="config") or "checkpoint".'
    )
    say(Problem(own["key"], message))
    return True


def by_name(cls: type) -> type:
    """torch's scheduler class with a state by name; any other class as it is."""
    return _CLASSES.get(cls, cls)


# Made once for each class of the installed torch, and found here by pickle.
_CLASSES: dict[type, type] = {
    cls: type(name, (ByName, cls), {"__module__": __name__, "__qualname__": name, "__doc__": cls.__doc__})
    for name in lr_scheduler.__all__
    if isinstance(cls := getattr(lr_scheduler, name), type) and issubclass(cls, LRScheduler) and cls is not LRScheduler
}
globals().update({cls.__name__: cls for cls in _CLASSES.values()})
