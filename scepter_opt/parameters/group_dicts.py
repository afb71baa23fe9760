"""From a plan to what torch is handed: group dicts, and how each group's step is computed."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..components.keywords import keywords_of, target_class
from ..config.base import OpenConfig
from ..config.names import keyword_of
from .grouping import Group
from .implementation import Implementation, StepChoice, choose_step
from .rows import Rows


def group_dicts(rows: Rows, config: Any, steps: list[StepChoice]) -> list[dict[str, Any]]:
    """torch's list of group dicts."""
    found = rows.parameters
    made = []
    for group, members, step in zip(rows.group_settings, rows.members, steps, strict=True):
        entries = [(found.names[i], found.tensors[i]) if found.has_names else found.tensors[i] for i in members]
        part = {"optimizer": group.part} if group.part else {}
        own = _config_of(config, group)
        settings = _settings(own, group, step)
        if "lr" in settings and getattr(own, "tensor_rates", False):
            settings["lr"] = _tensor(settings["lr"], found.tensors[members[0]].device)
        made.append({"params": entries, "name": group.name, **part, **settings})
    return made


def choose_steps(rows: Rows, config: Any) -> list[StepChoice]:
    """Per group how its step is computed, and why."""
    found = rows.parameters
    made = []
    for group, members in zip(rows.group_settings, rows.members, strict=True):
        own = _config_of(config, group)
        if own is None:
            made.append(StepChoice(Implementation.torch, "the class decides"))
            continue
        tensors, owners = [found.tensors[i] for i in members], [found.owners[i] for i in members]
        made.append(choose_step(own, tensors, owners))
    return made


def _settings(config: Any, group: Group, step: StepChoice) -> dict[str, Any]:
    """The settings of a group under the names of the optimizer's class; `config` has them already."""
    if config is None:
        return {keyword_of(key): value for key, value in group.settings.items()}
    component = config.component
    asked = {**group.settings, **({"LEARNING_RATE": config.LEARNING_RATE} if config.tensor_rates else {})}
    made = {keyword_of(key): getattr(config, key) for key in asked}
    if component.target:
        made = keywords_of(config, component.common, target_class(component.target), asked)
    return made | step.flags(component.implementations)


def _tensor(rate: float, device: Any) -> Any:
    """A rate that a captured or compiled step reads anew."""
    import torch

    return torch.tensor(rate, dtype=torch.float32, device=device)


def _config_of(config: Any, group: Group) -> Any:
    """The Config of a group: the optimizer's or its part's, with the group's settings. None of an untyped class."""
    if isinstance(config, OpenConfig):
        return None
    config = config.parts()[group.part]
    return dataclasses.replace(config, **group.settings) if group.settings else config
