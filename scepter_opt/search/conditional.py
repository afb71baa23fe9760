"""Draws the keys of whichever optimizer a trial has drawn: `search_space=chosen`."""

from __future__ import annotations

from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from ..errors import ConfigError, Problem
from .spaces import space_of

KIND = "optimizer"


def suggest(cfg: DictConfig, trial: Any) -> None:
    """Draw the searched keys of the optimizer of a trial, but those that the command line sets or sweeps by itself.

    As `hydra.sweeper.custom_search_space` of both of Optuna's sweepers. Options of an app's own are known by what they
    compose to.

    Args:
        cfg: The sweep's config, with Hydra's node.
        trial: Optuna's, which has drawn what the command line sweeps.

    Raises:
        ConfigError: There is no node of an optimizer at the place that the choice is for.
    """
    said = OverridesParser.create().parse_overrides(list(cfg.hydra.overrides.task))
    drawn = {name: value for name, value in trial.params.items() if _is_choice(name)}
    fixed = [one for one in said if not one.is_sweep_override()]
    places = {_place(name) for name in (*drawn, *(one.get_key_element() for one in fixed)) if _is_choice(name)}
    overrides = [*(str(one.input_line) for one in fixed), *(f"{name}={value}" for name, value in drawn.items())]
    composed = GlobalHydra.instance().config_loader().load_sweep_config(cfg, overrides)
    known = {one.get_key_element().lstrip("+~") for one in said} | {name.lstrip("+~") for name in trial.params}
    for place in sorted(places) or [KIND]:
        node = OmegaConf.select(composed, place)
        if not isinstance(node, DictConfig):
            message = "holds no optimizer, whose keys search_space=chosen could draw."
            raise ConfigError([Problem(place, message)])
        space = space_of(OmegaConf.to_container(node, resolve=False))  # type: ignore[arg-type]  # of a DictConfig a dict
        # what is drawn for one optimizer is no guide to another, and this package's own sweeper keeps them apart
        scope = ", ".join(str(value) for name, value in drawn.items() if _place(name) == place)
        own = trial.scoped(scope) if hasattr(trial, "scoped") else trial
        for key, each in space.items():
            if f"{place}.{key}" not in known:
                each.suggest(own, f"{place}.{key}")


def _is_choice(name: str) -> bool:
    """Whether an override chooses an option of the group of optimizers, at whatever place."""
    return name.lstrip("+").partition("@")[0].rpartition("/")[2] == KIND


def _place(name: str) -> str:
    """Where the option of a choice stands: `optimizer@optim` at `optim`, `model/optimizer` at `model.optimizer`."""
    group, _, package = name.lstrip("+").partition("@")
    return package or group.replace("/", ".")
