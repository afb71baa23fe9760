"""Whose state is whose, by name: parameters here and in a checkpoint, and those of a group that is added later."""

from __future__ import annotations

import difflib
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from typing import Any, TypeVar

from ..errors import Problem
from .modules import clean_names, own_parameters

T = TypeVar("T")

ONE_VECTOR = "the state of LBFGS is one vector over all parameters, and their order differs."
_MOST_SHOWN = 5
# difflib compares a word with each of these
_MOST_CANDIDATES = 1000


@dataclass
class Names:
    """The names of an optimizer's parameters, by group."""

    groups: list[list[str]]
    """For each group the name of each parameter; without the parts that wrappers add."""
    find_others: Callable[[], dict[str, list[str]]] = dict
    """Finds `others`, which takes a walk through the model, and which only a name that is not found needs."""

    @cached_property
    def others(self) -> dict[str, list[str]]:
        """The further names of a tensor that has several, by its name in its group."""
        return self.find_others()

    def flat(self) -> Iterator[str]:
        """All names in order."""
        return chain.from_iterable(self.groups)


@dataclass
class Match:
    """Where the parameters of each group were in a checkpoint."""

    sources: list[list[int | None]]
    """For each group here and each of its parameters the position in the checkpoint; None of one that was not there."""
    missing: list[str]
    """Names here that the checkpoint does not have."""
    left: list[str]
    """Names in the checkpoint that nothing here has."""


def match(here: Names, saved: Names) -> Match:
    """Find parameters by any of their names.

    >>> found = match(Names([["b"], ["a", "new"]]), Names([["a", "b", "gone"]]))
    >>> found.sources, found.missing, found.left
    ([[1], [0, None]], ['new'], ['gone'])
    """
    own = list(saved.flat())
    position = {name: i for i, name in enumerate(own)}
    # a tensor that was tied is found under each of its names
    for name, others in saved.others.items():
        for other in others:
            position.setdefault(other, position[name])
    sources, missing = [], []
    used = set()
    for names in here.groups:
        row = [position.get(name) for name in names]
        for place, name in enumerate(names):
            if row[place] is None:
                row[place] = next((position[other] for other in here.others.get(name, ()) if other in position), None)
            if row[place] is None:
                missing.append(name)
        used.update(row)
        sources.append(row)
    return Match(sources, missing, [name for i, name in enumerate(own) if i not in used])


def for_each(values: Iterable[T], sizes: Iterable[int]) -> list[T]:
    """What groups have, for each of their parameters.

    >>> for_each(["a", "b"], [2, 1])
    ['a', 'a', 'b']
    """
    return list(chain.from_iterable([value] * size for value, size in zip(values, sizes, strict=True)))


def part_of(optimizer: Any, group: Mapping[str, Any]) -> Any:
    """Who makes the steps of a group: of a Hybrid one of its parts."""
    return getattr(optimizer, "parts", {}).get(group.get("optimizer"), optimizer)


def is_another_order(optimizer: Any, sources: Iterable[Iterable[int | None]], count: int) -> bool:
    """Whether a state cannot be taken apart by name, and its parameters come otherwise here: LBFGS has one vector."""
    from torch.optim import LBFGS

    return isinstance(optimizer, LBFGS) and list(chain.from_iterable(sources)) != list(range(count))


def other_classes(
    here: Sequence[str], saved: Sequence[str], sources: Iterable[Iterable[int | None]], how: str
) -> Iterator[Problem]:
    """Problems with state of a class that is not the one it would be given to.

    Args:
        here: The name of each group's class; empty where it is not known.
        saved: The same for each parameter in the checkpoint.
        sources: For each group here the positions of its state in the checkpoint, None of one that has none.
        how: What lets it, in words.
    """
    known = ((own, saved[i]) for own, row in zip(here, sources, strict=True) for i in row if i is not None)
    for (own, other), count in Counter(pair for pair in known if all(pair) and pair[0] != pair[1]).items():
        message = (
            f"the state of {count} parameter{'s' * (count > 1)} is {other}'s, which {own} cannot go on with. {how}"
        )
        yield Problem("NAME", message, own)


def unmatched(missing: Sequence[str], left: Sequence[str], how: str) -> Iterator[Problem]:
    """Problems with names on one side only, each with the nearest on the other.

    Args:
        missing: Those that the checkpoint does not have.
        left: Those that only the checkpoint has.
        how: What lets them, in words.
    """
    for names, others, what in (
        (missing, left, "the checkpoint has no {} of {}"),
        (left, missing, "the checkpoint has {} of {}, and nothing here is called so"),
    ):
        if names:
            count = f"{len(names)} parameters" if len(names) > 1 else "the parameter"
            yield Problem("", f"{what.format('state', count)}: {_with_nearest(names, others)}. {how}")


def _with_nearest(names: Sequence[str], others: Sequence[str]) -> str:
    shown = []
    for name in names[:_MOST_SHOWN]:
        close = difflib.get_close_matches(name, others[:_MOST_CANDIDATES], n=1, cutoff=0.6)
        shown.append(f"{name} (the nearest is {close[0]})" if close else name)
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


# The modules that an optimizer was built over


def remember_roots(optimizer: Any, roots: Iterable[tuple[str, Any]]) -> None:
    """Keep weakly which modules an optimizer was built over, with the prefix of their names; a copy forgets them."""
    optimizer._roots = [(prefix, weakref.ref(root)) for prefix, root in roots]


def remember_scales(optimizer: Any, scales: Mapping[str, float]) -> None:
    """Keep by part what LR_SCALING has made its rates greater by; a copy forgets it."""
    optimizer._lr_scales = dict(scales)


def scale_of(optimizer: Any, part: str = "") -> float:
    """The factor that LR_SCALING has put on the rates of a part; 1 where it has put none."""
    return float(getattr(optimizer, "_lr_scales", {}).get(part, 1.0))


def names_of(optimizer: Any, roots: Iterable[tuple[str, Any]] = ()) -> Names | None:
    """The names of an optimizer's parameters, None where one has no name.

    Args:
        optimizer: Any of torch's kind.
        roots: Modules that hold its parameters, with the prefix of their names, for one that does not know over which
            it was built.
    """
    groups = optimizer.param_groups
    holders = roots_of(optimizer) or list(roots)
    if all("param_names" in group for group in groups):
        listed = [list(group["param_names"]) for group in groups]
        if not any("rules" in group for group in groups):  # a plan's are clean
            cleaned = iter(clean_names(list(chain.from_iterable(listed))))
            listed = [[next(cleaned) for _ in names] for names in listed]
    else:
        every = _every_name(holders)
        listed = [[every[id(tensor)][0] for tensor in group["params"] if id(tensor) in every] for group in groups]
        if any(len(names) != len(group["params"]) for names, group in zip(listed, groups, strict=True)):
            return None
    return Names(listed, partial(_others, listed, groups, holders))


def _others(
    listed: list[list[str]], groups: list[dict[str, Any]], roots: list[tuple[str, Any]]
) -> dict[str, list[str]]:
    """The further names of the parameters of groups, by the name that each has there."""
    every, others = _every_name(roots), {}
    tensors = chain.from_iterable(group["params"] for group in groups)
    for name, tensor in zip(chain.from_iterable(listed), tensors, strict=True):
        further = [other for other in every.get(id(tensor), ()) if other != name]
        if further:
            others[name] = further
    return others


def _every_name(roots: Iterable[tuple[str, Any]]) -> dict[int, list[str]]:
    names: dict[int, list[str]] = {}
    for prefix, root in roots:
        for name, tensor, _ in own_parameters(root, prefix):
            names.setdefault(id(tensor), []).append(name)
    return names


def roots_of(optimizer: Any) -> list[tuple[str, Any]]:
    """The modules that an optimizer was built over and that are still there, with the prefix of their names."""
    kept = getattr(optimizer, "_roots", ())
    return [(prefix, root) for prefix, reference in kept if (root := reference()) is not None]


# Groups that are added later


def take_nameless_groups(optimizer: Any) -> None:
    """Let groups without names be added to an optimizer whose groups have names, which torch refuses.

    Names are those that parameters have in the modules that it was built over when a group is added; what is in none
    of them gets a name.
    """
    optimizer.add_param_group = _adder(weakref.ref(optimizer))


def _adder(reference: Callable[[], Any]) -> Callable[[dict[str, Any]], None]:
    # weak references: a cycle would keep the optimizer's state in memory until the next garbage collection
    def add_param_group(param_group: dict[str, Any]) -> None:
        optimizer = reference()
        named = any("param_names" in group for group in optimizer.param_groups)
        if named and "params" in param_group and "param_names" not in param_group:
            members = param_group["params"]
            # sets and other things that torch refuses are left for it to refuse
            members = members if hasattr(members, "device") or isinstance(members, set) else list(members)
            listed = [members] if hasattr(members, "device") else members
            if listed and not any(isinstance(member, tuple) for member in listed):
                param_group["params"] = members
                param_group["param_names"] = _made_up(optimizer, listed)
        type(optimizer).add_param_group(optimizer, param_group)

    return add_param_group


def _made_up(optimizer: Any, tensors: Any) -> list[str]:
    known: Mapping[int, list[str]] = _every_name(roots_of(optimizer))
    number = len(optimizer.param_groups)
    return [known.get(id(t), [f"param_groups[{number}].{position}"])[0] for position, t in enumerate(tensors)]
