"""torch's schedulers with a state by group: what torch keeps as lists beside the groups finds its group again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import torch
from torch.optim import lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from ..config.plain import flat, unlike
from ..errors import Problem, say
from ..parameters.merging import OF_CYCLES, merge
from ..parameters.state import Names, for_each, match, names_of
from ..schedules.group_settings import copied
from ..schedules.record import BUILT_FROM, PARTS, position_of, same_kind, same_rates

GROUPS = "groups"
"""Entry of a state: the groups that it was saved beside, without parameters and with their names."""
# Lists with an entry for each group; base_lrs and _last_lr are of every scheduler.
_BY_GROUP = ("base_lrs", "_last_lr", "min_lrs", "max_lrs", "base_momentums", "max_momentums", "lr_lambdas")
# What a schedule has of any other: its place, and the rates there.
_PLACE = ("base_lrs", "_last_lr", "last_epoch", "_step_count")
_RATES = {"base_lrs": "initial_lr", "_last_lr": "lr"}
# What schedulers write into groups.
_WRITTEN = ("lr", "initial_lr", "momentum", "betas", *OF_CYCLES)


class ByName(LRScheduler):
    """Saves the groups beside the state, and reads lists by them; it writes the saved rates into the groups. Abstract.

    So the order in which an optimizer and its scheduler are built and loaded does not matter, and groups may have come
    in another order or of other parameters. A state without groups, as plain torch writes it, is read as torch does,
    and plain torch reads this one.
    """

    def state_dict(self) -> dict[str, Any]:
        """The state as torch has it, with the groups."""
        state = super().state_dict()
        if PARTS in state:
            state[PARTS] = [{k: v for k, v in part.items() if k != GROUPS} for part in state[PARTS]]
        return {**state, GROUPS: groups_beside(self.optimizer, position_of(state))}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state.

        Warns:
            ConfigWarning: It was saved of another node. Its settings hold, as in torch; of another class, or of another
                function, the configuration's do, from the place and the rates that were saved.
        """
        own, other = getattr(self, BUILT_FROM, None) or {}, state_dict.get(BUILT_FROM) or {}
        is_another = bool(own and other) and not same_kind(own, other)
        say_differences(self, state_dict, held="configuration" if is_another else "checkpoint")
        state = {key: value for key, value in state_dict.items() if key != GROUPS}
        if is_another:
            position = position_of(state)
            state = {key: value for key, value in state.items() if key in _PLACE and key in vars(self)}
        saved = Saved.of(self.optimizer, state_dict.get(GROUPS))
        if saved is not None:
            if PARTS in state:  # which find their groups, and leave the rates to the whole
                state[PARTS] = [{**part, GROUPS: {**state_dict[GROUPS], "at": None}} for part in state[PARTS]]
            for key in _BY_GROUP:
                if isinstance(state.get(key), list) and len(state[key]) == len(saved.groups):
                    state[key] = list(self._by_group(key, state[key], saved))
        if is_another:
            vars(self).update(state)
            _place_parts(self, position)
        else:
            super().load_state_dict(state)
        # plain torch keeps what it does not know, and saves it again as it was
        if saved is not None and saved.at == position_of(state_dict):
            saved.write(
                self.optimizer.param_groups, (*_RATES.values(), "momentum", "betas") if is_another else _WRITTEN
            )

    def _by_group(self, key: str, values: list[Any], saved: Saved) -> Iterator[Any]:
        """A list of the state in the order of the groups here, as far as each has a value."""
        own = getattr(self, key, [])
        for i, (origin, merged) in enumerate(zip(saved.origins, saved.merged, strict=True)):
            if origin is not None:
                yield values[origin]
            elif key == "lr_lambdas":
                yield None  # what its callable holds stays
            elif key in _RATES:
                yield copied(merged.get(_RATES[key], merged["lr"]))
            elif i < len(own):
                yield own[i]
            else:
                return


@dataclass(frozen=True)
class Saved:
    """The groups that a state was saved beside, and what they are here."""

    groups: list[dict[str, Any]]
    at: int | None
    """The scheduler's position then; None in a part of another."""
    origins: list[int | None]
    """Per group here the saved one that its parameters come from; None of one that is new or comes from several."""
    merged: list[dict[str, Any]]
    """What loading makes of each group here."""

    @classmethod
    def of(cls, optimizer: Any, written: Any) -> Saved | None:
        """Find the groups; None where nothing was saved of them, or neither names nor numbers tell."""
        if written is None:
            return None
        groups, here = written["groups"], names_of(optimizer)
        if here is not None and all("param_names" in group for group in groups):
            sources = match(here, Names([list(group["param_names"]) for group in groups])).sources
        elif [len(group["params"]) for group in optimizer.param_groups] == [group["size"] for group in groups]:
            numbers = count()
            sources = [[next(numbers) for _ in group["params"]] for group in optimizer.param_groups]
        else:
            return None
        group_of = for_each(range(len(groups)), (group["size"] for group in groups))
        origins: list[int | None] = []
        for row in sources:
            known = list(dict.fromkeys(group_of[source] for source in row if source is not None))
            alike = all(_equal(groups[known[0]], groups[other]) for other in known[1:])
            origins.append(known[0] if known and alike else None)
        beside = [{**group, "params": range(group["size"])} for group in groups]
        return cls(
            groups, written["at"], origins, merge(optimizer.param_groups, beside, sources, lambda _: "checkpoint")[0]
        )

    def write(self, groups: list[dict[str, Any]], keys: tuple[str, ...]) -> None:
        """Set what a schedule writes to what it was; a tensor in place."""
        for group, one in zip(groups, self.merged, strict=True):
            for key in keys:
                if key in one and isinstance(group.get(key), torch.Tensor):
                    group[key].fill_(float(one[key]))
                elif key in one:
                    group[key] = one[key].item() if isinstance(one[key], torch.Tensor) else one[key]


def groups_beside(optimizer: Any, at: int) -> dict[str, Any]:
    """The groups of an optimizer without parameters, with names without wrappers, rates as they are, and a position."""
    names = names_of(optimizer)
    groups = [
        {key: copied(value) for key, value in group.items() if key not in ("params", "param_names")}
        | ({} if names is None else {"param_names": names.groups[i]})
        | {"size": len(group["params"])}
        for i, group in enumerate(optimizer.param_groups)
    ]
    return {"at": at, "groups": groups}


def _equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(key) == other.get(key) for key in _WRITTEN)


def _place_parts(scheduler: Any, position: int) -> None:
    """Bring the parts of a scheduler that holds others to where a run of its own would have brought them."""
    milestones = getattr(scheduler, "_milestones", None)
    for i, part in enumerate(getattr(scheduler, PARTS, ())):
        begins, *ends = (0,) if milestones is None else (0, *milestones)[i : i + 2]
        if begins <= position:
            part.last_epoch = min([position, *(end - 1 for end in ends)]) - begins
            _place_parts(part, part.last_epoch)


def _told(here: Mapping[str, Any], there: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """In what two schedules differ; of two classes nothing can be compared but the names."""
    if here["NAME"] != there["NAME"]:
        return [("NAME", here["NAME"], there["NAME"])]
    first, second = flat(here), flat(there)
    keys = [key for key in {**first, **second} if first.get(key) != second.get(key)]
    # without any it is the order of something
    return [(key, first.get(key), second.get(key)) for key in keys] or list(unlike(here, there))


def say_differences(scheduler: Any, state_dict: Mapping[str, Any], held: str = "checkpoint") -> bool:
    """Say once in what the node of a scheduler differs from that of a loaded state; returns whether it does.

    Warns:
        ConfigWarning: It does.
    """
    own, saved = getattr(scheduler, BUILT_FROM, None), state_dict.get(BUILT_FROM)
    if not own or not saved or same_rates(own, saved):
        return False
    lines = [
        f"{key}: configuration {here}, checkpoint {there}" for key, here, there in _told(own["fitted"], saved["fitted"])
    ]
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
    cls: type(
        name,
        (ByName, cls),
        {"__module__": __name__, "__qualname__": name, "__doc__": f"torch's {name}, whose state finds its groups."},
    )
    for name in lr_scheduler.__all__
    if isinstance(cls := getattr(lr_scheduler, name), type) and issubclass(cls, LRScheduler) and cls is not LRScheduler
}
globals().update({cls.__name__: cls for cls in _CLASSES.values()})
