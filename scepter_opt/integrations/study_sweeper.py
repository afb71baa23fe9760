"""The sweeper `hydra/sweeper=optuna_study`, as Hydra knows it; what it does is imported when a sweep begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@final
class StudySweeper(Sweeper):
    """Runs the jobs of a sweep as trials of a study of Optuna.

    Args:
        settings: The keys of conf/hydra/sweeper/optuna_study.yaml.
    """

    def __init__(self, **settings: Any) -> None:
        self._settings = settings

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what the sweep is made of."""
        from .study_jobs import Job

        self.hydra_context, self.config = hydra_context, config
        self._job = Job(task_function)
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=self._job, config=config
        )

    def sweep(self, arguments: Sequence[str]) -> Any:
        """Run trials until the study has as many as it is to have.

        Args:
            arguments: The overrides of the command line.

        Raises:
            ConfigError: A setting or an override is wrong, or no trial has a result.
        """
        from .optuna_study import run_study

        return run_study(self._settings, list(arguments), self.config, self.hydra_context, self.launcher, self._job)
