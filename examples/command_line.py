"""What the examples do before torch is imported: check their configuration, and find the run to continue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.utils import to_absolute_path
from omegaconf import DictConfig, OmegaConf
from run_folder import CHECKPOINT, METRICS

import scepter_opt
from scepter_opt import ConfigError, Problem

CONFIG = "config.yaml"
# The greatest whole number of a configuration: what torch takes for a seed.
GREATEST = 2**32 - 1
# What a resumed run does not take over.
OF_THIS_RUN = ("resume", "stop_after")


def run_configuration(cfg: DictConfig, own_problems: Iterable[Problem]) -> DictConfig:
    """The checked configuration of the run: `cfg`, or with `resume` the one of the run to continue.

    Raises:
        ConfigError: An app's own keys or its nodes are wrong; with all problems.
    """
    problems = list(own_problems)
    try:
        scepter_opt.check(cfg)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)
    return cfg if cfg.resume is None else _continued(cfg)


def wrong_numbers(cfg: DictConfig, least: Mapping[str, int]) -> Iterator[Problem]:
    """Problems with an app's whole numbers, each with the least that it may be; `stop_after` may be null."""
    for key, smallest in {**least, "stop_after": 1}.items():
        value = cfg.get(key)
        optional = key == "stop_after" and value is None
        if not optional and not (type(value) is int and smallest <= value <= GREATEST):
            yield Problem(key, f"must be a whole number from {smallest} to {GREATEST}.", value)


def wrong_monitor(cfg: DictConfig, metrics: Iterable[str]) -> Iterator[Problem]:
    """The problem with a MONITOR that an app does not measure."""
    monitor = OmegaConf.select(cfg, "lr_scheduler.MONITOR")
    if monitor not in (None, *metrics):
        yield Problem("lr_scheduler.MONITOR", f"must be one of {', '.join(metrics)}.", monitor)


def missing(cfg: DictConfig, *nodes: str) -> Iterator[Problem]:
    """Problems with nodes that an app needs."""
    for node in nodes:
        if OmegaConf.select(cfg, node) is None:
            yield Problem(node, "is missing.")


def refused(cfg: DictConfig, node: str, why: Mapping[str, str]) -> Iterator[Problem]:
    """The problem with an optimizer whose NAME is among those that an app cannot use."""
    name = OmegaConf.select(cfg, f"{node}.NAME")
    if name in why:
        yield Problem(f"{node}.NAME", why[name], name)


def output_folder() -> Path:
    """Hydra's folder for this job."""
    return Path(HydraConfig.get().runtime.output_dir)


def _continued(cfg: DictConfig) -> DictConfig:
    """The configuration of the run that `resume` names; what the command line sets has to agree with it."""
    folder = Path(to_absolute_path(str(cfg.resume)))
    if not all((folder / name).is_file() for name in (CONFIG, CHECKPOINT, METRICS)):
        raise ConfigError([Problem("resume", "is not the folder of a run with a checkpoint.", cfg.resume)])
    saved = OmegaConf.load(folder / CONFIG)
    given = OmegaConf.create(OmegaConf.to_yaml(cfg, resolve=True))  # plain values, as the saved ones are
    # `+group@key=option` sets what stands at `key`
    keys = [override.lstrip("+~").partition("=")[0].rpartition("@")[2] for override in HydraConfig.get().overrides.task]
    problems = [
        Problem(key, f"differs from the run in {cfg.resume}; leave it out to continue with that run's.")
        for key in keys
        if key not in OF_THIS_RUN and OmegaConf.select(given, key) != OmegaConf.select(saved, key)
    ]
    if problems:
        raise ConfigError(problems)
    merged = OmegaConf.merge(saved, {"resume": str(folder), "stop_after": cfg.stop_after})
    assert isinstance(merged, DictConfig)
    return merged
