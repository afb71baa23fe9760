"""Objects become plain state by name: what a checkpoint holds, in memory or in a file."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from ..components.signatures import parameters_of
from ..errors import ConfigError, Problem, show
from ..parameters.merging import SETTINGS, said_of
from ..parameters.modes import wrong_mode
from ..parameters.modules import clean_names
from ..parameters.replaced import replaced
from ..parameters.state import names_of, part_of
from ..schedules.record import BUILT_FROM
from .objects import Objects, inner, inner_scheduler, place
from .randomness import random_states

NAMELESS = "has parameters without names: give model= too, or build it over the model or its named_parameters()."
PLAIN = (type(None), bool, int, float, str, bytes)


def collect_state(objects: Objects, extra: Any, step: int | None, random: bool) -> dict[str, Any]:
    """The state of everything, by kind and name; tensors are those that are in use. Nothing is changed.

    Raises:
        ConfigError: Parameters have no names, something cannot be read back, or the step is not known.
    """
    problems: list[Problem] = []
    state: dict[str, Any] = {"step": _step(objects, step, problems)}
    state["model"] = {name: model_state(model) for name, model in objects.model.items()}
    state["optimizer"], state["groups"] = {}, {}
    for name, optimizer in objects.optimizer.items():
        state["optimizer"][name], state["groups"][name] = _optimizer_state(optimizer, objects, name, problems)
    state["scheduler"] = {}
    for name, scheduler in objects.scheduler.items():
        own = inner_scheduler(scheduler)
        owner = objects.optimizer_of(own)
        if owner is None and hasattr(own, "optimizer"):  # its rates stand in groups, whoever saves them
            owner = name if name not in objects.optimizer else f"{name} of the scheduler"
            _, state["groups"][owner] = _optimizer_state(own.optimizer, objects, owner, problems)
        state["scheduler"][name] = {
            "optimizer": owner,
            "class": type(own).__name__,
            BUILT_FROM: getattr(own, BUILT_FROM, None),
            "state": own.state_dict(),
        }
    for kind in ("driver", "scaler"):
        state[kind] = {name: item.state_dict() for name, item in getattr(objects, kind).items()}
    state["extra"] = extra
    state["random"] = random_states() if random else None
    for key in ("scheduler", "driver", "scaler", "extra"):
        problems += unreadable(state[key], key)
    problems += unreadable(_without_names(state["groups"]), "groups")
    for kind in ("model", "optimizer"):
        for name, values in state[kind].items():
            problems += _odd_values(values, place(kind, name))
    if problems:
        raise ConfigError(problems)
    return state


def _without_names(groups: Mapping[str, Any]) -> dict[str, Any]:
    """What of groups may be anything: names and shapes are texts and numbers, and there may be a hundred thousand."""
    return {
        name: {"groups": [{k: v for k, v in group.items() if k != "param_names"} for group in own.get("groups", ())]}
        for name, own in groups.items()
    }


def _step(objects: Objects, step: Any, problems: list[Problem]) -> int:
    counted = [driver.steps for driver in objects.driver.values() if hasattr(driver, "steps")]
    if step is None and not counted:
        problems.append(Problem("step", "is needed: how many optimizer steps were made; a driver would know.", None))
    elif step is not None and (isinstance(step, bool) or not isinstance(step, int) or step < 0):
        problems.append(Problem("step", "must be a whole number of at least 0.", step))
    else:
        return max(counted) if step is None else step
    return 0


def model_state(model: Any) -> dict[str, Any]:
    """A model's parameters and buffers by their names without wrappers."""
    own = model.state_dict()
    return dict(zip(clean_names(list(own)), own.values(), strict=True))


def _optimizer_state(
    optimizer: Any, objects: Objects, name: str, problems: list[Problem]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The state by parameter, and the groups with the names, shapes and classes that it belongs to."""
    own = inner(optimizer)
    names = names_of(own, objects.roots())
    problem = replaced_here(own, objects, name)
    if problem is not None or names is None:
        problems.append(problem or Problem(place("optimizer", name), NAMELESS))
        return {}, {}
    if refusals := list(wrong_mode(own, place("optimizer", name))):
        problems += refusals
        return {}, {}
    written = own.state_dict()
    planned = any(SETTINGS in group for group in own.param_groups)
    groups = [
        {**(group if planned else with_settings(group, own)), "param_names": listed}
        for group, listed in zip(written["param_groups"], names.groups, strict=True)
    ]
    classes = [class_name(own, group) for group in groups]
    for group in groups:
        del group["params"]
    # a state_dict numbers parameters in the order of the groups
    numbered = chain.from_iterable(group["params"] for group in written["param_groups"])
    name_of = dict(zip(numbered, names.flat(), strict=True))
    state: dict[str, Any] = {name_of[i]: value for i, value in written["state"].items() if i in name_of}
    others = {key: value for key, value in written["state"].items() if key not in name_of}
    tensors = chain.from_iterable(group["params"] for group in own.param_groups)
    shapes = {each: list(tensor.shape) for each, tensor in zip(names.flat(), tensors, strict=True)}
    return {"state": state, "others": others}, {
        "groups": groups,
        "classes": classes,
        "others": names.others,
        "shapes": shapes,
    }


def replaced_here(optimizer: Any, objects: Objects, name: str) -> Problem | None:
    """The problem with an optimizer that does not train the models it is saved or loaded with."""
    problem = replaced(optimizer, objects.roots()) if objects.model else None
    return problem and replace(problem, key=place("optimizer", name))


def with_settings(group: Mapping[str, Any], optimizer: Any) -> dict[str, Any]:
    """A group of an optimizer that no plan made, with what it began with for what a configuration says."""
    cls = class_of(optimizer, group)
    return {**group, SETTINGS: {"NAME": cls.__name__, **said_of(group, parameters_of(cls))}}


def class_name(optimizer: Any, group: Mapping[str, Any]) -> str:
    """The name of the class that makes the steps of a group, as configurations say it where one did."""
    return str(group.get(SETTINGS, {}).get("NAME") or class_of(optimizer, group).__name__)


def class_of(optimizer: Any, group: Mapping[str, Any]) -> type:
    """The class that makes the steps of a group: of a Hybrid the part's."""
    return type(part_of(optimizer, group))


# What torch.load(weights_only=True) reads


def unreadable(value: Any, key: str) -> Iterator[Problem]:
    """Problems with what could not be read back, each at the deepest place.

    Tensors are left out of the trial, so that it costs nothing.
    """
    import torch

    file = io.BytesIO()
    try:
        torch.save(_without_tensors(value), file)
        file.seek(0)
        torch.load(file, weights_only=True)
    except Exception:  # whatever pickle and torch say of it
        inside = list(_inside(value, key))
        deeper = [problem for place, item in inside for problem in unreadable(item, place)]
        if deeper:
            yield from deeper
        else:
            message = f"cannot be kept: torch.load(weights_only=True) reads no {type(value).__name__}."
            yield Problem(key, f"{message} Give numbers, texts, tensors, lists and mappings.", show(value))


def _inside(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((f"{key}.{name}" if name != "" else key, item) for name, item in value.items())
    elif isinstance(value, (list, tuple)):
        yield from ((f"{key}[{position}]", item) for position, item in enumerate(value))


def _without_tensors(value: Any) -> Any:
    import torch

    if isinstance(value, torch.Tensor):
        return None
    if type(value) is dict:
        return {key: _without_tensors(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_without_tensors(item) for item in value)
    return value


def _odd_values(values: Any, key: str) -> Iterator[Problem]:
    """Problems with what stands in states of parameters and is neither a tensor nor plain."""
    import torch

    if isinstance(values, Mapping):
        for name, value in values.items():
            if not isinstance(value, (torch.Tensor, *PLAIN)):
                yield from _odd_values(value, f"{key}.{name}")
    else:
        yield from unreadable(values, key)


def cloned(value: Any) -> Any:
    """The same with tensors of its own."""
    import torch

    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, Mapping):
        copied = {key: cloned(item) for key, item in value.items()}
        cls: Any = type(value)
        return copied if cls is dict else cls(copied)
    if type(value) in (list, tuple):
        return type(value)(cloned(item) for item in value)
    return value
