"""From a plan to what torch is handed: group dicts, and how each group's step is computed."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..components.keywords import keywords_of, target_class
from ..config.base import OpenConfig
from ..config.names import keyword_of
from ..config.plain import plain
from ..config.validation import fields
from .grouping import Group
from .implementation import Implementation, StepChoice, choose_step
from .merging import SETTINGS
from .rows import Rows


def group_dicts(rows: Rows, config: Any, steps: list[StepChoice]) -> list[dict[str, Any]]:
    """torch's list of group dicts.

    `rules` and `settings` are plain values, which torch.load(weights_only=True) reads, and JSON too: of a group in a
    checkpoint they tell what the configuration said, whatever a schedule had made of it by then.
    """
    parameters = rows.parameters
    dicts = []
    for group, members, step in zip(rows.group_settings, rows.members, steps, strict=True):
        tensors = [parameters.tensors[i] for i in members]
        entries = list(zip([parameters.names[i] for i in members], tensors, strict=True))
        part = {"optimizer": group.part} if group.part else {}
        own = _config_of(config, group)
        settings = _settings(own, group, step)
        if settings.get("lr") is not None and getattr(own, "tensor_rates", False):
            settings["lr"] = _tensor(settings["lr"], tensors[0].device)
        dicts.append(
            {
                "params": entries if parameters.has_names else tensors,
                "name": group.name,
                "rules": [list(names) for names in group.rules],
                SETTINGS: _written(config if own is None else own, group),
                **part,
                **settings,
            }
        )
    return dicts


def _written(config: Any, group: Group) -> dict[str, Any]:
    """What the configuration says of a group, by its keys: the class's NAME and all keys of the class's own."""
    common = fields(config.component.common)
    own = {key: value for key, value in config.items() if key not in common}
    # the rate of a group has its multipliers in it, and of a class without a Config only rules tell the others
    return {"NAME": config.NAME, **plain({**own, **group.settings})}


def choose_steps(rows: Rows, config: Any) -> list[StepChoice]:
    """Per group how its step is computed, and why."""
    parameters = rows.parameters
    choices = []
    for group, members in zip(rows.group_settings, rows.members, strict=True):
        own = _config_of(config, group)
        if own is None:
            choices.append(StepChoice(Implementation.torch, "the class decides"))
            continue
        # a frozen weight of whole numbers is to slow nobody; once it trains, it has become another tensor
        trained = [i for i in members if not rows.combinations[rows.column[i]].frozen] or members
        tensors, owners = [parameters.tensors[i] for i in trained], [parameters.owners[i] for i in trained]
        choices.append(choose_step(own, tensors, owners))
    return choices


def _settings(config: Any, group: Group, step: StepChoice) -> dict[str, Any]:
    """The settings of a group under the names of the optimizer's class; `config` has them already."""
    if config is None:
        return {keyword_of(key): value for key, value in group.settings.items()}
    component = config.component
    asked = {**group.settings, **({"LEARNING_RATE": config.LEARNING_RATE} if config.tensor_rates else {})}
    # only of a class that is named can be asked how it spells its keywords
    if component.target:
        settings = keywords_of(config, component.common, target_class(component.target), asked)
    else:
        settings = {keyword_of(key): getattr(config, key) for key in asked}
    if "learning_rate" in settings:
        settings["lr"] = settings.pop("learning_rate")  # what schedulers and the class itself read in a group
    return settings | step.flags(component.implementations)


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
