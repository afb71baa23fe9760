"""A study of Optuna in its storage, of any version from 2.10 on: opened, told and asked from any process."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import ConfigError, Problem, reason_of
from .optuna_parts import module_of, pruner_of
from .trial_address import Address

log = logging.getLogger("scepter_opt")

ERROR = "error"
"""The attribute of a trial that failed by itself, and was not killed."""
AGAIN = "again"
"""The attribute of a trial that repeats one that was killed: the number of that."""


def library() -> Any:
    """Optuna.

    Raises:
        ConfigError: It is not installed, or cannot work with the SQLAlchemy that is.
    """
    optuna = module_of("optuna")
    if _major(optuna) < 3 and _major(module_of("sqlalchemy")) > 1:
        message = f"Optuna {optuna.__version__} needs an older SQLAlchemy: pip install 'sqlalchemy<2' 'alembic<1.15'"
        raise ConfigError([Problem("hydra.sweeper", message)])
    return optuna


def _major(module: Any) -> int:
    return int(module.__version__.partition(".")[0])


@lru_cache(maxsize=4)
def storage_of(url: str) -> Any:
    """The storage at a URL, opened once in each process.

    Raises:
        ConfigError: It cannot be opened.
    """
    optuna = library()
    # jobs that end together wait for each other: SQLite lets in one writer at a time
    arguments = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}
    try:
        return optuna.storages.RDBStorage(url, engine_kwargs=arguments)
    except Exception as error:  # of Optuna's, SQLAlchemy's and the database's driver, as they like
        message = f"cannot be opened: {reason_of(error)}"
        raise ConfigError([Problem("hydra.sweeper.storage", message, url)]) from error


@contextmanager
def alone(url: str) -> Iterator[None]:
    """While the block runs, no other program runs trials in a file of SQLite.

    It would take those of this one for trials that were killed. The lock goes with its program, however that ends.

    Raises:
        ConfigError: Another program does.
    """
    if not url.startswith("sqlite:///") or find_spec("fcntl") is None:  # which Windows lacks
        yield
        return
    import fcntl

    path = Path(url.removeprefix("sqlite:///"))
    with path.with_name(f"{path.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = "another program is running trials in it: wait for its end, or give another storage."
            raise ConfigError([Problem("hydra.sweeper.storage", message, str(path))]) from error
        yield


@lru_cache(maxsize=4)
def study_of(url: str, name: str, pruner: str = "") -> Any:
    """A study that is there, for one that tells it something: what draws for it is the sweeper's.

    Args:
        url: Of its storage.
        name: Its own.
        pruner: As `repr` writes what the sweeper's configuration says of it.
    """
    import ast

    optuna = library()
    chosen = pruner_of(ast.literal_eval(pruner) if pruner else None)
    sampler = optuna.samplers.RandomSampler()
    return _unbuffered(optuna.load_study(study_name=name, storage=storage_of(url), sampler=sampler, pruner=chosen))


def create_study(url: str, name: str, direction: str) -> Any:
    """The study of a sweep, new or as it stands.

    Raises:
        ConfigError: It is there, and goes the other way; or its storage cannot be opened.
    """
    optuna, storage = library(), storage_of(url)
    study = optuna.create_study(storage=storage, study_name=name, direction=direction, load_if_exists=True)
    known = study.direction.name.lower()
    if known != direction:
        message = f"the study {name} in {url} is there to {known}: give another study_name."
        raise ConfigError([Problem("hydra.sweeper.direction", message, direction)])
    return _unbuffered(study)


def _unbuffered(study: Any) -> Any:
    """The study, without what older versions keep of the trials that they began: others end them here."""
    if _major(library()) < 4:
        study._storage = getattr(study._storage, "_backend", study._storage)
    return study


def trial_of(study: Any, number: int) -> Any:
    """A trial of a study by its number, to report to and to write down attributes of."""
    return library().trial.Trial(study, study.get_trials(deepcopy=False)[number]._trial_id)


@lru_cache(maxsize=4)
def _running(text: str) -> Any:
    address = Address.of(text)
    return trial_of(study_of(address.storage, address.study, repr(address.pruner)), address.number)


def report(text: str, value: float, step: int) -> None:
    """Report a value of the trial at an address.

    Raises:
        optuna.TrialPruned: The trial is to end.
    """
    trial = _running(text)
    trial.report(value, step)
    if trial.should_prune():
        raise library().TrialPruned(f"{value:g} at step {step}")


def finish(study: Any, number: int, *, value: float | None = None, error: str = "") -> str:
    """Say how a trial ended, unless it is known: with a value, with an error, or with neither early.

    Returns:
        What became of it: COMPLETE, FAIL or PRUNED.
    """
    states = library().trial.TrialState
    known = study.get_trials(deepcopy=False)[number]
    if known.state.is_finished():
        return str(known.state.name)
    if error:
        # first: a trial that failed without an error is taken for one that was killed, and repeated
        trial_of(study, number).set_user_attr(ERROR, error[:1000])
    state = states.FAIL if error else states.PRUNED if value is None else states.COMPLETE
    study.tell(number, value, state)
    return str(state.name)


def is_killed(trial: Any) -> bool:
    """Whether a trial ended with its program, before anybody could say how."""
    return trial.state.name == "FAIL" and ERROR not in trial.user_attrs


def finished(study: Any) -> list[Any]:
    """The trials that count: those with a result, those that ended early and those that failed by themselves."""
    return [each for each in study.get_trials(deepcopy=False) if each.state.is_finished() and not is_killed(each)]


def recover(study: Any) -> list[Any]:
    """Mark the trials of a program that is no more as failed.

    Returns:
        Those that were killed, by this or an earlier end, and were not repeated yet.
    """
    states = library().trial.TrialState
    for trial in study.get_trials(deepcopy=False):
        if trial.state is states.RUNNING:
            study.tell(trial.number, state=states.FAIL)
    trials = study.get_trials(deepcopy=False)
    repeated = {trial.user_attrs.get(AGAIN) for trial in trials}
    return [each for each in trials if is_killed(each) and each.params and each.number not in repeated]


def best_of(trials: Sequence[Any], direction: str) -> Any:
    """The best of the trials with a result; None where there is none."""
    complete = [each for each in trials if each.state.name == "COMPLETE"]
    return (max if direction == "maximize" else min)(complete, key=lambda each: each.value, default=None)
