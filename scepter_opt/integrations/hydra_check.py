"""Check: a callback of Hydra's that ends an app, or a sweep, whose configuration is wrong before its first job."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from ..checking import check
from ..errors import ConfigError, ConfigWarning
from .composition import hydra_of, refusal, refusals, without_hydra
from .sweeps import Sweep, check_combinations, said_of, with_params

LIMIT = 10_000
"""Combinations of a sweep that are looked at before its first job; each job looks at its own."""


class Check(Callback):
    """Checks an app that calls nothing of this package: a run, and every combination of a sweep before its first job.

    In the app's config::

        hydra:
          callbacks:
            check:
              _target_: scepter_opt.Check

    What is wrong is printed, and the exit status is 1. Launchers' workers check their own jobs as well, for sweepers
    that choose while they run.

    Args:
        imports: Whether keys that are import paths are imported (True), left to the build (None) or refused (False).
    """

    def __init__(self, imports: bool | None = None) -> None:
        self._imports = imports
        self._is_checked = False

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Check the config of the one job that there is.

        Raises:
            SystemExit: It is wrong; Hydra makes warnings of other exceptions, and goes on.
        """
        self._check(config)
        self._is_checked = True

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Check every combination of a sweep, an interval at its ends.

        Raises:
            SystemExit: One is wrong, or an override cannot be read.
        """
        from hydra.core.global_hydra import GlobalHydra

        with _ending():
            wrong = problems_of_sweep(config, GlobalHydra.instance().config_loader(), self._imports)
        if wrong:
            _end(wrong)

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Check a job of a sweep, in the process that it runs in.

        Raises:
            SystemExit: It is wrong.
        """
        if not self._is_checked:
            self._check(config)

    def _check(self, config: DictConfig) -> None:
        # Hydra's own node holds the names of options under the names of their groups, which are no nodes
        own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
        with _ending(), hydra_of(_as_of_a_job(config)):
            check(own, imports=self._imports)


def problems_of_sweep(config: DictConfig, loader: Any, imports: bool | None = None, most: int = LIMIT) -> str:
    """What is wrong with the combinations of a sweep, as a text of several lines; empty where nothing is.

    Args:
        config: The sweep's, with Hydra's node.
        loader: Hydra's, of configs.
        imports: Whether import paths are resolved.
        most: Combinations that are looked at.

    Raises:
        ConfigError: An override cannot be read.
    """
    # as they are written: an interpolation is resolved in a job
    said: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    sweep = Sweep(with_params(config.hydra, said), [], _composer(loader, config), loader)
    found = check_combinations(sweep, sweep.combinations(most), imports)
    if not sweep.total:
        return "the sweep has no combination: nothing would be run"
    lines = (" " * indent + text for text, indent in said_of(found, sweep.total))
    return "\n".join(lines) if found.problems else ""


def _composer(loader: Any, master: DictConfig) -> Callable[[Sequence[str]], DictConfig]:
    """Composes as Hydra does for the jobs of a sweep."""

    def compose(overrides: Sequence[str]) -> DictConfig:
        try:
            return without_hydra(_as_of_a_job(loader.load_sweep_config(master, list(overrides))))
        except refusals() as error:
            raise ConfigError([refusal(error)]) from error

    return compose


def _as_of_a_job(config: DictConfig) -> DictConfig:
    """A copy with what Hydra says of a job only when it begins."""
    config = copy.deepcopy(config)
    OmegaConf.set_readonly(config, False)
    OmegaConf.set_struct(config, False)
    hydra = config.hydra
    for node, key, value in ((hydra.job, "id", "0"), (hydra.job, "num", 0), (hydra.runtime, "output_dir", ".")):
        if OmegaConf.is_missing(node, key):
            node[key] = value
    return config


@contextmanager
def _ending() -> Iterator[None]:
    """End the program where a configuration is wrong, or where warnings of it are to be errors."""
    try:
        yield
    except (ConfigError, ConfigWarning) as error:
        _end(str(error))


def _end(text: str) -> NoReturn:
    # no exception of another kind passes through Hydra's callbacks; Python prints this one's text, and no traceback
    raise SystemExit(text)
