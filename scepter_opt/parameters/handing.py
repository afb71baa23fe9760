"""From a plan to what torch is handed: group dicts, and how each group's step is computed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ..optimizers.base_optimizer import OptimizerConfig
from ..optimizers.implementation import Implementation, Step, decide
from ..signatures import keyword_of, keywords_of, target_class

if TYPE_CHECKING:
    from .grouping import Group
    from .plan import Plan


def group_dicts(plan: Plan) -> list[dict[str, Any]]:
    """torch's list of group dicts."""
    found = plan.parameters
    made = []
    for group, members, step in zip(plan.settings, plan.members, plan.steps, strict=True):
        entries = [(found.names[i], found.tensors[i]) if found.has_names else found.tensors[i] for i in members]
        part = {"optimizer": group.part} if group.part else {}
        settings = _settings(plan, group, step)
        if "lr" in settings and getattr(_config_of(plan, group), "tensor_rates", False):
            settings["lr"] = _tensor(settings["lr"], found.tensors[members[0]].device)
        made.append({"params": entries, "name": group.name, **part, **settings})
    return made


def decide_steps(plan: Plan) -> list[Step]:
    """Per group how its step is computed, and why."""
    found = plan.parameters
    made = []
    for group, members in zip(plan.settings, plan.members, strict=True):
        config = _config_of(plan, group)
        if config is None:
            made.append(Step(Implementation.torch, "the class decides"))
            continue
        tensors, owners = [found.tensors[i] for i in members], [found.owners[i] for i in members]
        made.append(decide(config, _component_of(config), tensors, owners))
    return made


def _settings(plan: Plan, group: Group, step: Step) -> dict[str, Any]:
    """The settings of a group under the names of the optimizer's class."""
    config = _config_of(plan, group)
    if config is None:
        return {keyword_of(key): value for key, value in group.settings.items()}
    component = _component_of(config)
    asked = {**group.settings, **({"LEARNING_RATE": config.LEARNING_RATE} if config.tensor_rates else {})}
    made = {keyword_of(key): getattr(config, key) for key in asked}
    if component.target:
        made = keywords_of(config, OptimizerConfig, target_class(component.target), asked)
    return made | step.flags(component.implementations)


def _tensor(rate: float, device: Any) -> Any:
    """A rate that a captured or compiled step reads anew."""
    import torch

    return torch.tensor(rate, dtype=torch.float32, device=device)


def _config_of(plan: Plan, group: Group) -> Any:
    """The Config of a group: the optimizer's or its part's, with the group's settings. None of an untyped class."""
    if not isinstance(plan.config, OptimizerConfig):
        return None
    config = plan.config.parts()[group.part]
    return dataclasses.replace(config, **group.settings) if group.settings else config


def _component_of(config: Any) -> Any:
    from ..optimizers.registry import OPTIMIZERS

    return OPTIMIZERS.entry(config.NAME).component
