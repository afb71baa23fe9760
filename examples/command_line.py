"""What the examples do before torch is imported: check their configuration, and find the run to continue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.utils import to_absolute_path
from omegaconf import DictConfig, OmegaConf
from processes import wrong_parallel
from run_folder import CHECKPOINTS, CONFIG, METRICS, SavedRun

import scepter_opt
from scepter_opt import ConfigError, Problem

# The greatest whole number of a configuration: what torch takes for a seed.
GREATEST = 2**32 - 1
# Who can hold where a resumed run and its checkpoint differ.
POLICIES = ("error", "config", "checkpoint")
# What a resumed run does not take over.
OF_THIS_RUN = ("resume", "stop_after", "policy", "parallel")
# What it can have otherwise where its policy is no error.
CHANGEABLE = ("optimizer", "optimizers", "lr_scheduler", "lr_schedulers", "epochs", "steps_per_epoch", "batch_size")
# What torch cannot do with parameters in shards.
NOT_IN_SHARDS = {
    "LBFGS": "takes all parameters as one vector, which it cannot make of shards: parallel=ddp can have it.",
    "Adafactor": "takes norms of whole rows, which it cannot of shards: parallel=ddp can have it.",
}


def run_configuration(cfg: DictConfig, own_problems: Callable[[DictConfig], Iterable[Problem]]) -> DictConfig:
    """The checked configuration of the run: `cfg`, or with `resume` the one of the run to continue.

    Raises:
        ConfigError: An app's own keys or its nodes are wrong, with all problems; or the run cannot be continued.
    """
    if cfg.resume is not None:
        cfg = _continued(cfg)
    problems = [*own_problems(cfg), *wrong_parallel(cfg), *_wrong_keep(cfg), *_without_beginning(cfg)]
    if cfg.get("parallel") == "fsdp":
        for node in ("optimizer", *(f"optimizers.{name}" for name in cfg.get("optimizers", ()))):
            problems += refused(cfg, node, NOT_IN_SHARDS)
    if cfg.policy not in POLICIES:
        problems.append(Problem("policy", f"must be one of {', '.join(POLICIES)}.", cfg.policy))
    try:
        scepter_opt.check(cfg)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)
    return cfg


def total_given(cfg: DictConfig, steps: int) -> int | None:
    """The steps of the run as the builds are given them: None where a FINISH says its own length."""
    return None if OmegaConf.select(cfg, "lr_scheduler.FINISH.LENGTH") is not None else steps


def _wrong_keep(cfg: DictConfig) -> Iterator[Problem]:
    if cfg.keep is not None and not (type(cfg.keep) is int and cfg.keep > 0):
        yield Problem("keep", "must be a whole number of at least 1, or null for all.", cfg.keep)


def _without_beginning(cfg: DictConfig) -> Iterator[Problem]:
    """The problem with a FINISH in a run that loads nothing."""
    finish = OmegaConf.select(cfg, "lr_scheduler.FINISH")
    if isinstance(finish, DictConfig) and finish.get("AT") is None and cfg.resume is None:
        yield Problem("lr_scheduler.FINISH", "begins where a checkpoint is loaded: give resume=, or its AT.")


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
    """The configuration of the run that `resume` names, with what the command line changes in it.

    Raises:
        ConfigError: There is no such run, or what the command line sets differs and may not.
    """
    run = _run_to_continue(cfg)
    # both of plain values: what refers to Hydra's choices is written out
    saved, given = OmegaConf.load(run.folder / CONFIG), OmegaConf.create(OmegaConf.to_yaml(cfg, resolve=True))
    assert isinstance(saved, DictConfig)
    assert isinstance(given, DictConfig)
    # `+group@key=option` sets what stands at `key`
    keys = [override.lstrip("+~").partition("=")[0].rpartition("@")[2] for override in HydraConfig.get().overrides.task]
    changed = [
        key for key in keys if key not in OF_THIS_RUN and OmegaConf.select(given, key) != OmegaConf.select(saved, key)
    ]
    policy = given.policy if "policy" in keys else saved.policy
    parallel = given.parallel if "parallel" in keys else saved.get("parallel")
    problems = list(_refused_changes(cfg, run, saved, changed, policy))
    if problems:
        raise ConfigError(problems)
    titles = [f"chosen.{key}" for key in changed if key in given.get("chosen", ())]
    for key in (*changed, *titles):
        OmegaConf.update(saved, key, OmegaConf.select(given, key), merge=False)
    own = {"resume": str(run.checkpoint), "stop_after": cfg.stop_after, "policy": policy, "parallel": parallel}
    for key, value in own.items():
        saved[key] = value
    return saved


def _run_to_continue(cfg: DictConfig) -> SavedRun:
    """The run that `resume` names by its folder, by that of its checkpoints, or by one of them."""
    run = SavedRun.at(Path(to_absolute_path(str(cfg.resume))).resolve())
    saved = run.checkpoints()
    is_there = run.checkpoint in saved or (saved and run.checkpoint == run.folder / CHECKPOINTS)
    if not is_there or not all((run.folder / name).is_file() for name in (CONFIG, METRICS)):
        message = "is no run with a checkpoint: give the folder of one, or one of its checkpoints."
        hint = f" There is {saved[-1]}." if saved else ""
        raise ConfigError([Problem("resume", message + hint, cfg.resume)])
    return run


def _refused_changes(
    cfg: DictConfig, run: SavedRun, saved: DictConfig, changed: list[str], policy: str
) -> Iterator[Problem]:
    """Problems with what a resumed run would have otherwise than the one that it continues."""
    for key in changed:
        # a run that is ended begins a curve of its own, and whose files stay is nobody else's business
        if key == "keep" or (key == "lr_scheduler.FINISH" and OmegaConf.select(saved, key) is None):
            continue
        message = f"differs from the run in {cfg.resume}; leave it out to continue with that run's"
        if key.partition(".")[0] not in CHANGEABLE:
            yield Problem(key, f"{message}.")
        elif policy == "error":
            yield Problem(key, f"{message}, or say who holds: policy=config or policy=checkpoint.")
    is_newest = run.checkpoint in (run.folder / CHECKPOINTS, run.checkpoints()[-1])
    # until the next save, rows and configuration there would be of one run, and the newest checkpoint of another
    if run.folder == output_folder().resolve() and (changed or not is_newest):
        message = "is the folder of the run to continue, which goes on there only as it is, from its newest checkpoint."
        yield Problem("hydra.run.dir", f"{message} Give another folder.")
