"""What people call: save and load a folder of checkpoints, and the same without files."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError, Problem, reason_of
from ..parameters.processes import Processes
from .contents import read, write
from .loading import Restoration
from .objects import Objects
from .renaming import Renaming
from .report import LoadReport
from .saving import cloned, collect_state

_OF_ONE = "Call it in every process; where one alone is to do it, say alone=True there."


def save(
    path: str | Path,
    *,
    model: Any = None,
    optimizer: Any = None,
    scheduler: Any = None,
    driver: Any = None,
    scaler: Any = None,
    extra: Any = None,
    step: int | None = None,
    keep: int | None = None,
    random: bool = True,
    timeout: float = 300,
    alone: bool = False,
) -> Path:
    """Save a run into a new entry of a folder. Nothing of the run is changed, before its first step neither.

    Where torch.distributed has several processes each of them calls it, and all return when the entry is there: the
    first one writes, each its part of distributed tensors, and the random states of all are kept.

    Args:
        path: The folder, made where it does not exist.
        model: A module, or several by name.
        optimizer: An optimizer, or several by name.
        scheduler: A scheduler, or several by name.
        driver: A driver, or several by name.
        scaler: A GradScaler, or several by name.
        extra: What else is to be kept: numbers, texts, tensors, lists and mappings of them.
        step: Optimizer steps that were made; by default what the driver counted.
        keep: Entries that stay, the newest; by default all.
        random: Whether the states of random numbers are saved: torch's, CUDA's, numpy's and Python's.
        timeout: Seconds that a process waits for the others to call it.
        alone: Whether this process saves what it has without the others, which do not call it.

    Returns:
        The entry: `path/step-00001200`. It is there when it is complete, and not before.

    Raises:
        ConfigError: Something cannot be kept, or another process failed or did not come; nothing was written.

    >>> import tempfile, torch
    >>> model = torch.nn.Linear(2, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     entry = save(folder, model=model, step=1200)
    ...     entry.name, load(folder, model=model).step
    ('step-00001200', 1200)
    """
    if keep is not None and (type(keep) is not int or keep < 1):
        raise ConfigError([Problem("keep", "must be a whole number of at least 1: how many entries stay.", keep)])

    def collect() -> dict[str, Any]:
        objects = Objects.of(model=model, optimizer=optimizer, scheduler=scheduler, driver=driver, scaler=scaler)
        return collect_state(objects, extra, step, random)

    try:
        return write(Path(path), collect, keep, Processes("checkpoint.save", timeout, _OF_ONE, alone))
    except (FileExistsError, NotADirectoryError) as error:
        raise ConfigError([Problem("path", f"is no folder: {reason_of(error)}", str(path))]) from error


def load(
    path: str | Path,
    *,
    model: Any = None,
    optimizer: Any = None,
    scheduler: Any = None,
    driver: Any = None,
    scaler: Any = None,
    policy: str | Mapping[str, str] = "error",
    missing: str = "error",
    rename: Mapping[str, str] | None = None,
    random: bool = True,
    logger: Any = None,
    timeout: float = 300,
    alone: bool = False,
) -> LoadReport:
    """Bring objects to where a saved run was. They may be built and loaded in any order.

    Where torch.distributed has several processes each of them calls it: all read the same entry, or refuse alike.

    Args:
        path: The folder, of which the newest entry that is whole is read; or one entry.
        model: A module, or several by name, wrapped (DDP, compile) or not.
        optimizer: An optimizer, or several by name: each parameter finds its state by its name, in whatever group.
        scheduler: A scheduler, or several by name.
        driver: A driver, or several by name.
        scaler: A GradScaler, or several by name.
        policy: Where configuration and checkpoint differ (rates, betas, lengths, classes of schedulers ...): `config`
            or `checkpoint` holds, or it is an `error`; or one of them per key (`{"LEARNING_RATE": "config"}`).
        missing: Parameters and objects that only one side has: an `error`, or `cold`, with which they begin anew, or
            are left. With `cold` an optimizer of another class takes what state the two share.
        rename: Names in the checkpoint with the names here; a module's stands for all below it.
        random: Whether the states of random numbers are restored.
        logger: Told what was done; anything with `info`.
        timeout: Seconds that a process waits for the others to call it.
        alone: Whether this process loads without the others, which do not call it.

    Returns:
        What came from where, and in what the two sides differ.

    Raises:
        ConfigError: There is no whole entry, or the two sides differ in what was not decided; nothing was changed.
    """
    processes = Processes("checkpoint.load", timeout, _OF_ONE, alone)

    def given() -> tuple[Objects, Renaming]:
        objects = Objects.of(model=model, optimizer=optimizer, scheduler=scheduler, driver=driver, scaler=scaler)
        return objects, Renaming(rename)

    objects, renaming = processes.all_must(given)
    saved, entry, passed_over = read(Path(path), objects, renaming, processes)
    log = logger or logging.getLogger("scepter_opt")
    for place, reason in passed_over:
        (log.warning if hasattr(log, "warning") else log.info)(f"passed over {place}: {reason}")
    # nothing is changed anywhere unless all can
    planned = processes.all_must(lambda: Restoration(saved, objects, policy, missing, rename))
    return planned.apply(random, logger, entry=str(entry.path), passed_over=tuple(passed_over))


def state(
    *,
    model: Any = None,
    optimizer: Any = None,
    scheduler: Any = None,
    driver: Any = None,
    scaler: Any = None,
    extra: Any = None,
    step: int | None = None,
    random: bool = True,
) -> dict[str, Any]:
    """What `save` would write, as a value: training that goes on does not change it.

    Args:
        model: As in `save`, and so are the others.
        optimizer: As in `save`.
        scheduler: As in `save`.
        driver: As in `save`.
        scaler: As in `save`.
        extra: As in `save`.
        step: As in `save`.
        random: As in `save`.

    Raises:
        ConfigError: Something cannot be kept.
    """
    objects = Objects.of(model=model, optimizer=optimizer, scheduler=scheduler, driver=driver, scaler=scaler)
    copied: dict[str, Any] = cloned(collect_state(objects, extra, step, random))
    return copied


def restore(
    state: Mapping[str, Any],
    *,
    model: Any = None,
    optimizer: Any = None,
    scheduler: Any = None,
    driver: Any = None,
    scaler: Any = None,
    policy: str | Mapping[str, str] = "error",
    missing: str = "error",
    rename: Mapping[str, str] | None = None,
    random: bool = True,
    logger: Any = None,
) -> LoadReport:
    """Bring objects to where a run was when its state was taken. The state can be restored again.

    Args:
        state: What `state` returned.
        model: As in `load`, and so are the others.
        optimizer: As in `load`.
        scheduler: As in `load`.
        driver: As in `load`.
        scaler: As in `load`.
        policy: As in `load`.
        missing: As in `load`.
        rename: As in `load`.
        random: As in `load`.
        logger: As in `load`.

    Raises:
        ConfigError: As in `load`; nothing was changed.
    """
    if not {"step", "model", "optimizer", "groups"} <= set(state):
        raise ConfigError([Problem("state", "is no state that scepter_opt.checkpoint.state returned.")])
    objects = Objects.of(model=model, optimizer=optimizer, scheduler=scheduler, driver=driver, scaler=scaler)
    # what is loaded becomes the optimizer's own
    copied = {**state, **{key: cloned(state[key]) for key in ("optimizer", "groups", "scheduler")}}
    return Restoration(copied, objects, policy, missing, rename).apply(random, logger)
