"""Every problem of an app's configuration, and of every combination of a sweep, before anything is run."""

from __future__ import annotations

import json as json_text
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice, product
from math import prod
from pathlib import Path
from typing import Annotated, Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..checking import check as check_config
from ..errors import ConfigError, ConfigWarning, Problem, reason_of
from .composing import compose, sweep_of
from .progress import track
from .tables import paragraphs

LIMIT = 100_000
"""Combinations that are looked at; a sweep of more is cut short, and that is said."""


@dataclass
class Found:
    """What was found in all combinations."""

    combinations: int = 0
    wrong: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    remarks: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    """For each problem the overrides of the first combination that has it."""


def check(
    overrides: Annotated[list[str], "As on the app's command line: optimizer=sgd optimizer.LEARNING_RATE=0.1."] = [],  # noqa: B006  # never changed
    app: Annotated[Path | None, "Folder of the app's configs; by default the package's own groups."] = None,
    config_name: Annotated[str | None, "The app's primary config."] = None,
    multirun: Annotated[bool, "Whether the overrides are of a sweep: every combination is checked."] = False,
    imports: Annotated[bool, "Resolve import paths too, which may import torch."] = False,
    json: Annotated[bool, "As JSON."] = False,
) -> int:
    """All problems of an app's config, or of a whole sweep."""
    swept = sweep_of(overrides, app, config_name) if multirun else []
    sweep = Sweep(swept, [] if multirun else overrides, app, config_name)
    found = Found()
    for combination in track(list(islice(sweep.combinations(), LIMIT)), "checking"):
        _check_one(combination, sweep, found, imports or None)
    print(json_text.dumps(_as_data(found), indent=2) if json else _as_text(found, sweep.total))
    return 1 if found.problems or not found.combinations else 0


Combination = tuple[tuple[str, ...], tuple[str, ...]]
"""Overrides that Hydra composes with, and those that set a value in what it composed."""


class Sweep:
    """The combinations of a sweep. Hydra, which takes most of the time, composes once for those that differ in values.

    Args:
        swept: Overrides that may stand for several.
        fixed: Further ones.
        app: Folder of the app's configs.
        config_name: The app's primary config.
    """

    def __init__(self, swept: Sequence[str], fixed: Sequence[str], app: Path | None, config_name: str | None) -> None:
        self._app, self._config_name = app, config_name
        self._example: Any = None
        self._composed: dict[tuple[str, ...], tuple[Any, dict[str, ConfigError]]] = {}
        self.added: dict[str, ConfigError] = {}
        """The keys that the last config has only because they were said, each with Hydra's refusal."""
        self._refused: dict[tuple[tuple[str, ...], str], ConfigError] = {}
        choices = [list(_choices(override)) for override in swept]
        self.total = prod(map(len, choices))
        several = [each for each in choices if len(each) > 1]
        self._first = (*fixed, *(each[0] for each in choices if len(each) == 1))
        values = [each for each in several if self._sets_a_value(each[0], [each[0] for each in several])]
        self._values = values
        self._others = [each for each in several if each not in values]

    def combinations(self) -> Iterator[Combination]:
        """All of them, those of one composition after each other."""
        if not self.total:  # one of them stands for none
            return
        for others in product(*self._others):
            for values in product(*self._values):
                yield (*self._first, *others), values

    def config(self, combination: Combination) -> Any:
        """The config of a combination; the next call changes it.

        Raises:
            ConfigError: Hydra refuses it.
        """
        others, values = combination
        if others not in self._composed:
            self._composed[others] = self._compose(others)
        composed, added = self._composed[others]
        self.added = {}
        if isinstance(composed, ConfigError):
            raise composed
        self.added = dict(added)
        for override in values:
            self._set(composed, others, override)
        return composed

    def _compose(self, overrides: tuple[str, ...]) -> tuple[Any, dict[str, ConfigError]]:
        """The config, or what is wrong with it; and the keys that were added to it, each with Hydra's refusal."""
        added: dict[str, ConfigError] = {}
        for _ in range(len(overrides) + 1):
            try:
                return compose(overrides, self._app, self._config_name), added
            except ConfigError as error:
                refused = error
            missing = re.search(r"Could not override '([^']+)'", str(refused))
            if missing is None:
                break
            added[missing[1]] = refused
            overrides = tuple(f"+{each}" if each.partition("=")[0] == missing[1] else each for each in overrides)
        return refused, added

    def _set(self, config: Any, others: tuple[str, ...], override: str) -> None:
        """Set a value as Hydra does, which says what is wrong where it cannot be."""
        key, value = _parsed(override)
        if (others, key) in self._refused:  # it is missing in this composition, whatever its value
            self.added[key] = self._refused[others, key]
        try:
            OmegaConf.update(config, key, value, merge=True, force_add=key in self.added)
        except OmegaConfBaseException as error:
            if (others, override) not in self._refused:
                self._refused[others, override] = self._refusal((*others, override), key, value, error)
            refused = self._refused[others, override]
            if "Could not override" not in str(refused):
                raise refused from error
            self._refused[others, key] = self.added[key] = refused
            OmegaConf.update(config, key, value, merge=True, force_add=True)

    def _refusal(self, overrides: tuple[str, ...], key: str, value: Any, error: Exception) -> ConfigError:
        """What is wrong with an override, in the words of a composition with it."""
        try:
            compose(overrides, self._app, self._config_name)
        except ConfigError as refused:
            return refused
        return ConfigError([Problem(key, reason_of(error), value)])

    def _sets_a_value(self, override: str, others: Sequence[str]) -> bool:
        """Whether an override sets what is no node: neither a choice of a group, nor a key that is new or goes."""
        key = override.partition("=")[0]
        if "." not in key or not key.replace(".", "").replace("_", "").isalnum():
            return False
        try:
            self._example = self._example or compose((*self._first, *others), self._app, self._config_name)
            return not OmegaConf.is_config(OmegaConf.select(self._example, key))
        except (ConfigError, OmegaConfBaseException):
            return False


@cache
def _parsed(override: str) -> tuple[str, Any]:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parsed = OverridesParser.create().parse_override(override)
    return parsed.key_or_group, parsed.value()


def _choices(override: str) -> Iterator[str]:
    """The overrides that one of a sweep stands for; an interval stands for its ends.

    >>> list(_choices("optimizer=sgd,adamw")), list(_choices("lr=interval(0.1,0.5)"))
    (['optimizer=sgd', 'optimizer=adamw'], ['lr=0.1', 'lr=0.5'])
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import IntervalSweep, Override
    from hydra.errors import HydraException

    try:
        parsed = OverridesParser.create().parse_override(override)
    except HydraException as error:
        raise ConfigError([Problem("", f"the override {override} cannot be read: {reason_of(error)}")]) from error
    if not parsed.is_sweep_override():
        yield override
        return
    key = override.partition("=")[0]
    if parsed.is_interval_sweep():
        sweep: Any = parsed.value()
        assert isinstance(sweep, IntervalSweep)
        yield from (f"{key}={Override._get_value_element_as_str(end)}" for end in (sweep.start, sweep.end))
    else:
        yield from (f"{key}={value}" for value in parsed.sweep_string_iterator())


def _check_one(combination: Combination, sweep: Sweep, found: Found, imports: bool | None) -> None:
    found.combinations += 1
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConfigWarning)
        problems: list[Problem] = []
        try:
            config = sweep.config(combination)
            check_config(config, imports=imports)
        except ConfigError as error:
            problems = list(error.problems)
        # of a key of a node of ours the check says more than Hydra; of any other it says nothing
        for key, refused in sweep.added.items():
            if not any(problem.key.startswith(key) for problem in problems):
                problems += refused.problems
    found.wrong += bool(problems)
    for text in dict.fromkeys(map(str, problems)):
        found.problems[text] += 1
        found.examples.setdefault(text, [*combination[0], *combination[1]])
    for text in dict.fromkeys(str(each.message) for each in caught if issubclass(each.category, ConfigWarning)):
        found.remarks[text] += 1


def _as_text(found: Found, total: int) -> str:
    if not total:
        return "the sweep has no combination: nothing would be run"
    several = total > 1
    lines = []
    for texts, what in ((found.problems, "wrong"), (found.remarks, "to know")):
        for text, count in texts.items():
            share = f" ({count} of {found.combinations} combinations)" if several else ""
            lines.append(paragraphs(f"{what}{share}: {text}", 0, 2))
            if several and text in found.examples:
                lines.append(paragraphs(f"first in: {' '.join(found.examples[text])}", 2, 4))
    if several:
        lines.append(f"{found.combinations} combinations, {found.wrong} of them wrong")
    elif not found.problems:
        lines.append("nothing is wrong")
    if total > found.combinations:
        lines.append(f"{total - found.combinations} further combinations were not looked at")
    return "\n".join(lines)


def _as_data(found: Found) -> dict[str, Any]:
    return {
        "combinations": found.combinations,
        "wrong": found.wrong,
        "problems": [
            {"message": text, "combinations": count, "first": found.examples[text]}
            for text, count in found.problems.items()
        ],
        "remarks": [{"message": text, "combinations": count} for text, count in found.remarks.items()],
    }
