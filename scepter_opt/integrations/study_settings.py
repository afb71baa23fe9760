"""The settings of a study, as a sweeper's configuration says them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import ConfigError, Problem, did_you_mean
from .optuna_parts import pruner_of, sampler_of

DIRECTIONS = ("minimize", "maximize")


@dataclass(frozen=True)
class Settings:
    """The keys of conf/hydra/sweeper/optuna_study.yaml, which documents them."""

    n_trials: int = 20
    direction: str = "minimize"
    sampler: Any = "tpe"
    pruner: Any = None
    storage: str | None = None
    study_name: str = "study"
    seed: int | None = None
    n_jobs: int = 1
    params: Any = None
    custom_search_space: str | None = None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Settings:
        """The settings that a configuration says.

        Raises:
            ConfigError: With all problems, keys relative to the node.
        """
        names = [field.name for field in fields(cls)]
        problems = [
            Problem(key, f"the sweeper has no such key.{did_you_mean(key, names)} It has {', '.join(names)}.", value)
            for key, value in said.items()
            if key not in names
        ]
        problems += _wrong(said)
        for make, key in ((sampler_of, "sampler"), (pruner_of, "pruner")):
            try:
                # the grid is made of what is swept
                make(said.get(key), **({"search_space": {}} if key == "sampler" else {}))
            except ConfigError as error:
                problems += error.problems
        if problems:
            raise ConfigError(problems)
        return cls(**said)

    def url(self, folder: Path) -> str:
        """The URL of the storage, whose folder is made."""
        if self.storage is not None and "://" in self.storage:
            return self.storage
        path = Path(self.storage).expanduser() if self.storage else folder / "study.db"
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{path.absolute()}"


def _wrong(said: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems with values that are no part of Optuna's."""
    for key, least in (("n_trials", 1), ("n_jobs", 1), ("seed", 0)):
        value = said.get(key)
        if (value is not None or key != "seed") and (type(value) is not int or value < least):
            null = " or null" if key == "seed" else ""
            yield Problem(key, f"must be a whole number of at least {least}{null}.", value)
    direction = said.get("direction")
    if direction not in DIRECTIONS:
        several = " Several at once are hydra-optuna-sweeper's." if isinstance(direction, list) else ""
        near = did_you_mean(direction, DIRECTIONS)
        yield Problem("direction", f"must be minimize or maximize.{near}{several}", direction)
    for key in ("storage", "study_name", "custom_search_space"):
        value = said.get(key)
        if not (isinstance(value, str) and value) and (value is not None or key == "study_name"):
            yield Problem(key, "must be a text.", value)
