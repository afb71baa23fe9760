"""What an optimizer keeps of its plan when a state is loaded or a group is added."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any

from .modules import own_parameters
from .named_parameters import Parameters


def keep_rules(optimizer: Any) -> None:
    """Let the groups keep their rules when a state is loaded, which may lack them or be of other rules.

    Which rules match a parameter is for the configuration to say, not for a checkpoint.
    """
    # a class that wraps another optimizer may do without torch's constructor, and so without hooks
    if hasattr(optimizer, "_optimizer_load_state_dict_pre_hooks"):
        optimizer.register_load_state_dict_pre_hook(_with_rules)


def _with_rules(optimizer: Any, state_dict: Mapping[str, Any]) -> dict[str, Any] | None:
    own, saved = optimizer.param_groups, state_dict["param_groups"]
    if len(own) != len(saved):
        return None  # torch refuses it
    pairs = zip(own, saved, strict=True)
    groups = [{**theirs, "rules": ours["rules"]} if "rules" in ours else theirs for ours, theirs in pairs]
    return {**state_dict, "param_groups": groups}


def take_nameless_groups(optimizer: Any, parameters: Parameters) -> None:
    """Let groups without names be added to an optimizer whose groups have names, which torch refuses.

    Names are those in the modules that the optimizer was built over, as they are then; what is in none gets a name.
    """
    if not parameters.has_names:
        return
    roots = [(prefix, weakref.ref(root)) for prefix, root in parameters.roots]
    optimizer.add_param_group = _adder(weakref.ref(optimizer), roots)


def _adder(reference: Callable[[], Any], roots: list[tuple[str, Any]]) -> Callable[[dict[str, Any]], None]:
    # weak references: a cycle would keep the optimizer's state in memory until the next garbage collection
    def add_param_group(param_group: dict[str, Any]) -> None:
        optimizer = reference()
        if "params" in param_group and "param_names" not in param_group:
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
