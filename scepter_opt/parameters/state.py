"""Whose a parameter is, by name, where a group is added after the plan."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

from .modules import own_parameters


def take_nameless_groups(optimizer: Any, roots: Iterable[tuple[str, Any]] = ()) -> None:
    """Let groups without names be added to an optimizer whose groups have names, which torch refuses.

    Args:
        optimizer: Any of torch's kind.
        roots: The modules that it was built over, with the prefix of their names: names are those that they have when
            a group is added, and what is in none of them gets a name.
    """
    references = [(prefix, weakref.ref(root)) for prefix, root in roots]
    optimizer.add_param_group = _adder(weakref.ref(optimizer), references)


def _adder(reference: Callable[[], Any], roots: list[tuple[str, Any]]) -> Callable[[dict[str, Any]], None]:
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
                param_group["param_names"] = _names(optimizer, roots, listed)
        type(optimizer).add_param_group(optimizer, param_group)

    return add_param_group


def _names(optimizer: Any, roots: list[tuple[str, Any]], tensors: Any) -> list[str]:
    known = {
        id(tensor): name
        for prefix, reference in reversed(roots)
        if (root := reference()) is not None
        for name, tensor, _ in reversed(list(own_parameters(root, prefix)))
    }
    number = len(optimizer.param_groups)
    return [known.get(id(tensor), f"param_groups[{number}].{position}") for position, tensor in enumerate(tensors)]
