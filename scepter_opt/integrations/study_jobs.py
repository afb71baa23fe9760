"""What a launcher runs in the place of an app's function: the same, as a trial that tells its study how it ended."""

from __future__ import annotations

import logging
import math
from typing import Any, final

from ..errors import ConfigError, reason_of
from .trial_address import Address

log = logging.getLogger("scepter_opt")


@final
class Job:
    """An app's function, run as a trial whose number is the job's.

    It tells the study itself, wherever a launcher runs it: what has ended is known there at once, whatever becomes of
    the program that started it.

    Args:
        task: The app's own.
    """

    def __init__(self, task: Any) -> None:
        self.task = task
        self.storage = self.study = ""
        self.pruner: Any = None

    def __call__(self, cfg: Any) -> Any:
        """Run the job.

        Raises:
            Exception: What the app raises, for Hydra to keep; the study knows of it.
        """
        from hydra.core.hydra_config import HydraConfig

        from .optuna import finish, library, study_of

        address = Address(self.storage, self.study, int(HydraConfig.get().job.num), self.pruner)
        study, number = study_of(address.storage, address.study, repr(address.pruner)), address.number
        try:
            with address.in_environment():
                value = self.task(cfg)
            finish(study, number, value=_number(value))
        except library().TrialPruned as pruned:
            finish(study, number)
            log.info("Trial %d ends early: %s", number, pruned)
            # what it has come to, so that whoever looks at the job's end finds no failure
            return study.get_trials(deepcopy=False)[number].value
        except SystemExit as end:
            # by a signal, or since nobody reads what it prints: the sweep is to end, and the trial to be repeated
            if (isinstance(end.code, int) and end.code > 1) or isinstance(end.__context__, BrokenPipeError):
                raise
            text = str(end.code) if isinstance(end.code, str) else "the job ended itself without a result"
            finish(study, number, error=text)
            raise RuntimeError(text) from end  # which Hydra keeps, and goes on
        except Exception as error:
            finish(study, number, error=str(error) if isinstance(error, ConfigError) else _named(error))
            raise
        return value


def _number(value: Any) -> float:
    """What a job returned, as the study takes it.

    Raises:
        ValueError: It is no number.
    """
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"a job of a study returns a number, and this one returned {value!r}") from error
    if math.isnan(number):
        raise ValueError("the job returned NaN")
    return number


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {reason_of(error)}"
