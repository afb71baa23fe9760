"""Whether every parameter that trains is in one group of one optimizer, and nothing else is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from .facts import Facts, Group, inside
from .finding import Finding, fault, many, note, some


def in_no_group(facts: Facts) -> Iterator[Finding]:
    """Trainable parameters that no optimizer has."""
    missing = [i for i in range(len(facts.parameters)) if facts.trainable(i) and i not in facts.holders]
    # where tensors of another model stand in for them, that is the finding
    if not missing or any(group.strangers for group in facts.groups):
        return
    names = facts.names(missing)
    what = f"{many(len(missing), 'trainable parameter')} with {many(facts.values(missing), 'value')}: {some(names)}"
    yield fault(
        "parameters in no group",
        f"{what}.{_cause(facts, missing)}",
        "They get gradients, and no step ever changes them.",
        "Hand the optimizer all of model.parameters(), or freeze them (requires_grad_(False)) if that is meant.",
        names,
    )


def _cause(facts: Facts, missing: list[int]) -> str:
    """What may have left them out, where their places tell."""
    owners = [facts.parameters.owners[i] for i in missing]
    if all(owner is not None and any(True for _ in owner.children()) for owner in owners):
        return " Their modules hold other modules too: a collector that visits leaf modules only misses them."
    held = {id(facts.parameters.owners[i]) for i in facts.holders}
    if held and not any(id(owner) in held for owner in owners):
        return " Nothing of their modules is in a group: were they frozen, or not there, when the optimizer was built?"
    return ""


def in_two_groups(facts: Facts) -> Iterator[Finding]:
    """Parameters that are stepped more than once."""
    twice = {i: groups for i, groups in facts.holders.items() if len(groups) > 1}
    within: list[int] = []
    across: list[int] = []
    for i, groups in twice.items():
        (across if len({id(group.optimizer) for group in groups}) > 1 else within).append(i)
    for positions, name, place in (
        (across, "a parameter in two optimizers", "optimizers"),
        (within, "a parameter in two groups", "groups"),
    ):
        if positions:
            names = facts.names(positions)
            places = list(dict.fromkeys(group.label for i in positions for group in twice[i]))
            yield fault(
                name,
                f"{many(len(positions), 'parameter')}: {some(names)}; in {some(places)}.",
                "Each step changes them as often, with as many states and rates.",
                f"Let only one of the {place} have them; tied parameters count once.",
                names,
                places,
            )


def of_another_model(facts: Facts) -> Iterator[Finding]:
    """Tensors in groups that are none of the model's."""
    groups = [group for group in facts.groups if group.strangers]
    strangers = [tensor for group in groups for tensor in group.strangers]
    if not strangers:
        return
    places = [group.label for group in groups]
    left = [i for i in range(len(facts.parameters)) if facts.trainable(i) and i not in facts.holders]
    be = "is" if len(strangers) == 1 else "are"
    what = f"{many(len(strangers), 'tensor')} in {some(places)} {be} none of the model's"
    if not left:
        yield note(
            "parameters of another module",
            f"{what}; all that trains in the model is in groups.",
            "What is in no module that the audit was given cannot be named.",
            "Pass all modules: audit({'model': model, 'loss': loss}, optimizer).",
            places=places,
        )
        return
    names = facts.names(left)
    yield fault(
        "parameters of another model",
        f"{what}, and {many(len(left), 'parameter')} of the model in no group: {some(names)}. "
        + _origin(facts, left, strangers),
        "Steps change tensors that the model does not use, and the model stays as it is.",
        "Build the optimizer over the model that is trained, after it was copied, wrapped, sharded or moved.",
        names,
        places,
    )


def _origin(facts: Facts, left: list[int], strangers: list[Any]) -> str:
    """Where the other tensors may come from."""
    tensors = [facts.parameters.tensors[i] for i in left]
    if any(hasattr(tensor, "device_mesh") for tensor in tensors):
        return "fully_shard has replaced them since the optimizer was built."
    if Counter(tuple(tensor.shape) for tensor in tensors) == Counter(tuple(tensor.shape) for tensor in strangers):
        return "Their shapes are the same: one of them is a copy (deepcopy, EMA), or was given new tensors."
    return "They may be of a wrapper, of another model, or replaced."


def lost_by_a_wrapper(facts: Facts) -> Iterator[Finding]:
    """Groups of a wrapper that are not those which its optimizer steps, and groups whose names a wrapper changed."""
    for optimizer in facts.optimizers.values():
        apart = [group for group in facts.groups_of(optimizer) if _is_apart(group, optimizer)]
        if apart:
            places = [group.label for group in apart]
            yield fault(
                "groups lost by a wrapper",
                f"{type(optimizer).__name__} has {many(len(apart), 'group')} that the optimizer inside it does not: "
                f"{some(places)}.",
                "A scheduler changes the rates of the outer groups, and the steps go by the inner ones.",
                "Let both share one list of groups, also after loading: inner.param_groups = outer.param_groups.",
                places=places,
            )
    empty = [group.label for group in facts.groups if not group.members and not group.strangers]
    if empty and facts.wrapped:
        yield fault(
            "groups lost by a wrapper",
            f"{many(len(empty), 'group')} without parameters, {some(empty)}, and a wrapper adds to the model's names.",
            "A rule by the beginning of a name matches nothing there, and its parameters train at others' settings.",
            "Sort parameters by the names of the model inside the wrapper, or sort them before wrapping.",
            places=empty,
        )


def _is_apart(group: Group, optimizer: Any) -> bool:
    """Whether an optimizer inside another steps none of its groups."""
    held = [settings for each in inside(optimizer) for settings in each.param_groups]
    return bool(held) and not any(settings is group.settings for settings in held)
