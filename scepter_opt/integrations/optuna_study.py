"""A sweep as a study of Optuna: its settings, and the trials that it still lacks."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from ..components.places import find as places_of
from ..config.imports import resolve
from ..errors import ConfigError, Problem, below, reason_of
from . import optuna
from .composition import refusal, refusals
from .hydra_check import problems_of_sweep
from .optuna_draws import Draw, Drawing, read
from .optuna_parts import class_of, sampler_of
from .study_jobs import Job
from .study_settings import Settings
from .sweeps import with_params

log = logging.getLogger("scepter_opt")

LIMIT = 500
"""Combinations that are looked at before the first trial: an interval at its ends."""
ONE_SEQUENCE = ("GridSampler", "QMCSampler")
"""Samplers of which each trial takes the next point of a sequence that the seed makes."""
RESULTS = "optimization_results.yaml"
"""What is written at the end, as hydra-optuna-sweeper writes it."""


def run_study(
    said: Mapping[str, Any], arguments: Sequence[str], config: Any, context: Any, launcher: Any, job: Job
) -> Any:
    """Run the trials that a study lacks.

    Args:
        said: The settings of the sweeper.
        arguments: The overrides of the command line.
        config: The sweep's, with Hydra's node.
        context: Hydra's, with its loader of configs.
        launcher: What runs jobs.
        job: What it runs.

    Returns:
        The best trial.

    Raises:
        ConfigError: A setting or an override is wrong, or no trial has a result.
    """
    optuna.library().logging.set_verbosity(optuna.library().logging.WARNING)  # what it would say is said here
    with below("hydra.sweeper"):
        settings = Settings.of({key: _plain(value) for key, value in said.items()})
    fixed, draws = read(with_params(config.hydra, arguments), context.config_loader)
    if not draws and settings.custom_search_space is None:
        message = "nothing is swept: say ranges, such as +search_space=chosen, or optimizer.LEARNING_RATE=0.1,0.01."
        raise ConfigError([Problem("hydra.sweeper", message)])
    wrong = problems_of_sweep(config, context.config_loader, most=LIMIT) if places_of(config, None)[0] else ""
    if wrong:
        raise ConfigError([Problem("hydra.sweeper", "\n    ".join(["the sweep is wrong:", *wrong.splitlines()]))])
    custom = _custom(settings.custom_search_space)
    if class_of("sampler", settings.sampler) == "GridSampler":
        settings = _on_a_grid(settings, draws, custom)
    url = settings.url(Path(config.hydra.sweep.dir).absolute())
    with optuna.alone(url):
        study = Study(settings, url, draws, custom, fixed, config, context, launcher, job)
        study.run()
        return study.write()


class Study:
    """The study of a sweep, and what runs its trials.

    Args:
        settings: Of the sweeper.
        url: Of the storage.
        draws: What each trial draws.
        custom: A function that draws further keys, or None.
        fixed: Overrides of every trial.
        config: The sweep's.
        context: Hydra's.
        launcher: Runs jobs.
        job: What it runs.
    """

    def __init__(
        self,
        settings: Settings,
        url: str,
        draws: Sequence[Draw],
        custom: Any,
        fixed: Sequence[str],
        config: Any,
        context: Any,
        launcher: Any,
        job: Job,
    ) -> None:
        self.settings, self.draws, self.custom, self.fixed = settings, draws, custom, fixed
        self.config, self.context, self.launcher = config, context, launcher
        self.folder = Path(config.hydra.sweep.dir).absolute()
        name = settings.study_name
        self.study = optuna.create_study(url, name, settings.direction)
        job.storage, job.study, job.pruner = url, name, settings.pruner
        before = self.study.user_attrs.setdefault("overrides", [*fixed])
        if before != [*fixed]:
            log.warning("Earlier trials of the study ran with %s, and now it is %s", " ".join(before), " ".join(fixed))
        self.study.set_user_attr("overrides", [*fixed])
        done = len(optuna.finished(self.study))
        log.info("Study %s in %s: %d of %d trials are done", name, url, done, self.settings.n_trials)
        if settings.storage is None:
            log.info("To go on after a stop: the same command with hydra.sweep.dir=%s", config.hydra.sweep.dir)

    def run(self) -> None:
        """Run trials until there are as many as there are to be; those that a kill has ended come first."""
        again = optuna.recover(self.study)
        while (missing := self.settings.n_trials - len(optuna.finished(self.study))) > 0:
            batch = [self._ask(again) for _ in range(min(missing, self.settings.n_jobs))]
            runs = {number: overrides for number, overrides in batch if self._composes(number, overrides)}
            for chunk in _in_a_row(sorted(runs)):
                self._launch({number: runs[number] for number in chunk})
            for number, _ in batch:
                # its job has told, unless it came to no word
                self._say(number, optuna.finish(self.study, number, error="the job ended without a word"))

    def write(self) -> Any:
        """Say what is best, and write it into the sweep's folder."""
        trials = optuna.finished(self.study)
        best = optuna.best_of(trials, self.settings.direction)
        if best is None:
            errors = [each.user_attrs[optuna.ERROR] for each in trials if optuna.ERROR in each.user_attrs]
            first = f" The first failed: {errors[0]}" if errors else ""
            raise ConfigError([Problem("hydra.sweeper", f"none of {len(trials)} trials has a result.{first}")])
        overrides = best.user_attrs.get("overrides", [])
        log.info("Best of %d trials is %d with %s: %s", len(trials), best.number, best.value, " ".join(overrides))
        found = {
            "name": "optuna",
            "best_params": dict(one.split("=", 1) for one in overrides),
            "best_value": best.value,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(OmegaConf.create(found), self.folder / RESULTS)
        return best

    def _ask(self, again: list[Any]) -> tuple[int, list[str]]:
        """A new trial: its number and its overrides; where some were killed, one of those once more."""
        killed = again.pop(0) if again else None
        if killed is not None:
            self.study.enqueue_trial(killed.params)
        self.study.sampler = self._sampler()
        trial = self.study.ask()
        if killed is not None:
            trial.set_user_attr(optuna.AGAIN, killed.number)
        drawing = Drawing(trial)
        try:
            for draw in self.draws:
                draw.suggest(drawing)
            if self.custom is not None:
                self.custom(self.config, drawing)
        except ValueError as error:
            if isinstance(error, ConfigError):
                raise
            message = f"the study has trials of other choices: {reason_of(error)} Give another study_name."
            raise ConfigError([Problem("hydra.sweeper.study_name", message, self.settings.study_name)]) from error
        texts = {draw.name: draw.text(drawing.params[draw.name]) for draw in self.draws}
        drawn = [texts.get(name, f"{name}={_text(value)}") for name, value in drawing.params.items()]
        trial.set_user_attr("overrides", drawn)
        return trial.number, [*self.fixed, *drawn]

    def _sampler(self) -> Any:
        """What draws the next trial."""
        seed = self.settings.seed
        if seed is not None and class_of("sampler", self.settings.sampler) not in ONE_SEQUENCE:
            # by how many trials there are: a study that goes on draws as one that was never stopped
            trials = self.study.get_trials(deepcopy=False)
            place = sum(not optuna.is_killed(each) for each in trials)
            from numpy.random import SeedSequence  # Optuna brings it

            seed = int(SeedSequence([seed, place]).generate_state(1)[0])
        return sampler_of(self.settings.sampler, search_space=_lists(self.draws), seed=seed)

    def _composes(self, number: int, overrides: list[str]) -> bool:
        """Whether Hydra takes a trial's overrides; else the trial has failed, and the others go on."""
        try:
            self.context.config_loader.load_sweep_config(self.config, overrides)
        except refusals() as error:
            optuna.finish(self.study, number, error=str(refusal(error)))
            return False
        return True

    def _launch(self, runs: Mapping[int, list[str]]) -> None:
        """Run jobs whose numbers follow each other."""
        try:
            self.launcher.launch(list(runs.values()), initial_job_idx=next(iter(runs)))
        except SystemExit as end:
            if not isinstance(end.code, str):  # by a signal
                raise
            self._failed(runs, end.code)  # as Check ends a job
        except Exception as error:  # a worker that died, or a cluster that refuses
            self._failed(runs, f"{type(error).__name__}: {reason_of(error)}")

    def _failed(self, numbers: Mapping[int, Any], error: str) -> None:
        for number in numbers:
            optuna.finish(self.study, number, error=error)

    def _say(self, number: int, state: str) -> None:
        trial = self.study.get_trials(deepcopy=False)[number]
        overrides = " ".join(trial.user_attrs.get("overrides", []))
        if state == "FAIL":
            log.error("Trial %d failed: %s\n%s", number, overrides, trial.user_attrs.get(optuna.ERROR))
        else:
            what = "ended early at" if state == "PRUNED" else "has"
            log.info("Trial %d %s %s: %s", number, what, trial.value, overrides)


def _on_a_grid(settings: Settings, draws: Sequence[Draw], custom: Any) -> Settings:
    """The settings of a study that goes through lists: it has as many trials as there are points at most.

    Raises:
        ConfigError: There are intervals, or keys that not all trials have.
    """
    problems = [
        Problem(draw.name, "is an interval, and a grid goes through lists: 0.1,0.01.")
        for draw in draws
        if draw.choices is None
    ]
    if custom is not None:
        problems.append(Problem("hydra.sweeper.sampler", "a grid has the same keys in all trials.", "grid"))
    if problems:
        raise ConfigError(problems)
    return replace(settings, n_trials=min(settings.n_trials, prod(map(len, _lists(draws).values()))))


def _lists(draws: Sequence[Draw]) -> dict[str, list[Any]]:
    """What a grid goes through, by the names of parameters."""
    return {draw.name: list(draw.choices or ()) for draw in draws}


def _custom(path: str | None) -> Any:
    """The function that draws further keys.

    Raises:
        ConfigError: There is none at the path.
    """
    try:
        return None if path is None else resolve(path)
    except ImportError as error:
        raise ConfigError([Problem("hydra.sweeper.custom_search_space", str(error), path)]) from error


def _plain(value: Any) -> Any:
    """A setting as plain Python."""
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _text(value: Any) -> str:
    """What a function has drawn, as Hydra reads it."""
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)


def _in_a_row(numbers: Sequence[int]) -> Iterator[list[int]]:
    """Numbers in pieces that have no gap: a launcher counts on from the first."""
    chunk: list[int] = []
    for number in numbers:
        if chunk and number != chunk[-1] + 1:
            yield chunk
            chunk = []
        chunk.append(number)
    if chunk:
        yield chunk
