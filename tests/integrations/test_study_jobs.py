"""How a job ends, as its study is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from scepter_opt import ConfigError, Problem
from scepter_opt.integrations.optuna import storage_of
from scepter_opt.integrations.study_jobs import Job

optuna = pytest.importorskip("optuna")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A storage for all: making one takes longest."""
    return f"sqlite:///{tmp_path_factory.mktemp('studies')}/study.db"


@pytest.fixture
def study(url: str, request: pytest.FixtureRequest) -> Any:
    """A study with one trial that is running."""
    made = optuna.create_study(storage=storage_of(url), study_name=request.node.name)
    made.ask()
    return made


@pytest.fixture
def run(study: Any, url: str) -> Iterator[Callable[[Any], Any]]:
    """Runs a function as the first job of a sweep."""
    known = HydraConfig.instance().cfg
    HydraConfig.instance().cfg = OmegaConf.create({"hydra": {"job": {"num": 0}}})  # type: ignore[assignment]  # as much as is read

    def running(task: Any) -> Any:
        job = Job(task)
        job.storage, job.study = url, study.study_name
        return job(None)

    yield running
    HydraConfig.instance().cfg = known


def raising(error: BaseException, context: BaseException | None = None) -> Callable[[Any], NoReturn]:
    """A job that ends so."""

    def task(_: Any) -> NoReturn:
        error.__context__ = context
        raise error

    return task


def test_what_it_returns_is_its_value(run: Any, study: Any) -> None:
    assert run(lambda _: 0.5) == 0.5
    assert (study.trials[0].state.name, study.trials[0].value) == ("COMPLETE", 0.5)


@pytest.mark.parametrize(
    ("task", "error"),
    [
        (raising(ConfigError([Problem("lr", "must be at least 0.", -1)])), "lr = -1: must be at least 0."),
        (raising(RuntimeError("out of memory\nand more")), "RuntimeError: out of memory"),
        (raising(SystemExit("1 problem in the configuration")), "1 problem in the configuration"),
        (raising(SystemExit(1)), "the job ended itself without a result"),
        (lambda _: None, "ValueError: a job of a study returns a number, and this one returned None"),
        (lambda _: float("nan"), "ValueError: the job returned NaN"),
    ],
)
def test_a_failure_is_told_with_its_words_and_kept_for_hydra(task: Any, error: str, run: Any, study: Any) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011  # whatever it is, Hydra takes it
        run(task)
    assert study.trials[0].state.name == "FAIL"
    assert error in study.trials[0].user_attrs["error"]


@pytest.mark.parametrize(
    "task", [raising(SystemExit(143)), raising(KeyboardInterrupt()), raising(SystemExit(1), BrokenPipeError())]
)
def test_what_ends_the_sweep_leaves_the_trial_to_be_repeated(task: Any, run: Any, study: Any) -> None:
    with pytest.raises((SystemExit, KeyboardInterrupt)):
        run(task)
    assert study.trials[0].state.name == "RUNNING"


def test_one_that_ends_early_is_pruned_and_returns_what_it_has_come_to(run: Any, study: Any) -> None:
    from scepter_opt.integrations.pruning import Reporting

    def task(_: Any) -> None:
        reporting = Reporting()
        reporting.steps = 3
        reporting.report(0.25)
        raise optuna.TrialPruned

    assert run(task) == 0.25
    (trial,) = study.trials
    assert (trial.state.name, trial.value, trial.intermediate_values) == ("PRUNED", 0.25, {3: 0.25})
