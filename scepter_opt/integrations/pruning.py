"""What a training loop reports of itself while it runs, to the study that it is a trial of. Imports no Optuna."""

from __future__ import annotations

import os
from typing import Any

from ..errors import ConfigError, Problem, say
from .trial_address import TRIAL

_DEAF = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"


class Reporting:
    """Has a method that reports a value to the study whose trial this process is, if there is one. Abstract."""

    steps: int
    """Optimizer steps that were made."""
    _has_reported = False

    def report(self, value: Any, step: int | None = None) -> None:
        """Report how well the training does, to a sweep of `hydra/sweeper=optuna_study`; elsewhere do nothing.

        Where its pruner finds no hope in the trial, this ends the job: the exception is the sweeper's to catch.

        Args:
            value: What the job is to return in the end, as it is now: a number, or a tensor of one.
            step: What it is reported at, the same in all trials; by default the optimizer steps that were made.

        Raises:
            optuna.TrialPruned: The trial is to end here.
            ConfigError: The value is no number, or the step no whole one.
        """
        text = os.environ.get(TRIAL)
        if text is None:
            if not self._has_reported:
                self._has_reported = True
                _say_who_is_deaf()
            return
        from .optuna import report

        try:
            number = float(value)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ConfigError([Problem("driver.report", "takes a number.", value)]) from error
        at = self.steps if step is None else step
        if type(at) is not int or at < 0:
            raise ConfigError([Problem("driver.report", "is given a step that is no whole number from 0.", at)])
        report(text, number, at)


def _say_who_is_deaf() -> None:
    """Say that the sweeper that hydra-optuna-sweeper brings knows no trial that ends early."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    if not HydraConfig.initialized():
        return
    hydra: Any = HydraConfig.get()
    if hydra.mode == RunMode.MULTIRUN and hydra.sweeper.get("_target_") == _DEAF:
        message = "counts a trial that ends early as a failure, so that nothing is reported: take optuna_study."
        say(Problem("hydra/sweeper", message, "optuna"))
