"""The combinations of a sweep, each composed as its job would be, and what is wrong with them. No torch."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, filterfalse, islice, product
from math import prod
from typing import Any, TypeAlias

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..checking import check as check_config
from ..errors import ConfigError, ConfigWarning, Problem, reason_of

Compose: TypeAlias = Callable[[Sequence[str]], Any]
"""What overrides make of an app's configs; it raises a ConfigError where Hydra refuses them."""
Combination: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
"""Overrides that Hydra composes with, and those that set a value in what it composed."""


@dataclass
class Found:
    """What was found in all combinations."""

    combinations: int = 0
    wrong: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    remarks: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    """For each problem the overrides of the first combination that has it."""


class Sweep:
    """The combinations of a sweep. Hydra, which takes most of the time, composes once for those that differ in values.

    Args:
        swept: Overrides that may stand for several.
        fixed: Further ones.
        compose: Composes the app's configs.
        config_loader: Hydra's, for overrides that stand for all options of a group (`optimizer=glob(*)`).

    Raises:
        ConfigError: An override cannot be read.
    """

    def __init__(self, swept: Sequence[str], fixed: Sequence[str], compose: Compose, config_loader: Any = None) -> None:
        self._composer = compose
        self._example: Any = None
        self._composed: dict[tuple[str, ...], tuple[Any, dict[str, ConfigError]]] = {}
        self.added: dict[str, ConfigError] = {}
        """The keys that the last config has only because they were said, each with Hydra's refusal."""
        self._refused: dict[tuple[tuple[str, ...], str], ConfigError] = {}
        choices = [list(choices_of(override, config_loader)) for override in swept]
        self.total = prod(map(len, choices))
        several = [each for each in choices if len(each) > 1]
        self._first = (*fixed, *(each[0] for each in choices if len(each) == 1))
        values = [each for each in several if self._sets_a_value(each[0], [each[0] for each in several])]
        self._values = values
        self._others = [each for each in several if each not in values]

    def combinations(self, most: int) -> Iterator[Combination]:
        """All of them, those of one composition after each other.

        Args:
            most: Where there are more, so many are given; those that differ from the first in one override come first.
        """
        if not self.total:  # one of them stands for none
            return
        lists = [*self._others, *self._values]
        every: Iterator[Any] = (
            each for others in product(*self._others) for each in product([others], product(*self._values))
        )
        if self.total > most:
            first = [each[0] for each in lists]
            varied = [(*first[:at], each, *first[at + 1 :]) for at, one in enumerate(lists) for each in one[1:]]
            split = [(tuple(each[: len(self._others)]), tuple(each[len(self._others) :])) for each in (first, *varied)]
            every = islice(chain(split, filterfalse(set(split).__contains__, every)), most)
        for others, values in every:
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
                return self._composer(overrides), added
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
            self._composer(overrides)
        except ConfigError as refused:
            return refused
        return ConfigError([Problem(key, reason_of(error), value)])

    def _sets_a_value(self, override: str, others: Sequence[str]) -> bool:
        """Whether an override sets what is no node: neither a choice of a group, nor a key that is new or goes."""
        key = override.partition("=")[0]
        if "." not in key or not key.replace(".", "").replace("_", "").isalnum():
            return False
        try:
            self._example = self._example or self._composer((*self._first, *others))
            return not OmegaConf.is_config(OmegaConf.select(self._example, key))
        except (ConfigError, OmegaConfBaseException):
            return False


@cache
def _parsed(override: str) -> tuple[str, Any]:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parsed = OverridesParser.create().parse_override(override)
    return parsed.key_or_group, parsed.value()


def choices_of(override: str, config_loader: Any = None) -> Iterator[str]:
    """The overrides that one of a sweep stands for; an interval stands for its ends.

    Args:
        override: As on the command line.
        config_loader: Hydra's, which knows the options of a group.

    Raises:
        ConfigError: It cannot be read.

    >>> list(choices_of("optimizer=sgd,adamw")), list(choices_of("lr=interval(0.1,0.5)"))
    (['optimizer=sgd', 'optimizer=adamw'], ['lr=0.1', 'lr=0.5'])
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import IntervalSweep, Override
    from hydra.errors import HydraException

    try:
        # only the plural gives an override the loader, and only its values ask for it
        (parsed,) = OverridesParser.create(config_loader=config_loader).parse_overrides([override])
        if not parsed.is_sweep_override():
            yield override
            return
        key = override.partition("=")[0]
        if parsed.is_interval_sweep():
            sweep: Any = parsed.value()
            assert isinstance(sweep, IntervalSweep)
            yield from (f"{key}={Override._get_value_element_as_str(end)}" for end in (sweep.start, sweep.end))
        else:
            yield from (f"{key}={value}" for value in list(parsed.sweep_string_iterator()))
    except HydraException as error:
        raise ConfigError([Problem("", f"the override {override} cannot be read: {reason_of(error)}")]) from error


def with_params(hydra: Any, overrides: Sequence[str]) -> list[str]:
    """The overrides of a sweep: those that a config has for its sweeper, and what the command line says, which wins.

    Args:
        hydra: Hydra's own node.
        overrides: Those of the command line.
    """
    params = hydra.get("sweeper", {}).get("params") or {}
    said = {override.lstrip("+~").partition("=")[0] for override in overrides}
    own = [f"{key}={value}" for key, value in params.items() if str(key).lstrip("+~") not in said]
    return [*own, *overrides]


def check_combinations(sweep: Sweep, combinations: Iterable[Combination], imports: bool | None = None) -> Found:
    """Everything that is wrong with combinations of a sweep, and that is to be known of them."""
    found = Found()
    for combination in combinations:
        _check_one(combination, sweep, found, imports)
    return found


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


def said_of(found: Found, total: int) -> Iterator[tuple[str, int]]:
    """What was found, as lines of text with their indents.

    Args:
        found: What was found.
        total: The combinations of the sweep, of which some may not have been looked at.
    """
    several = total > 1
    for texts, what in ((found.problems, "wrong"), (found.remarks, "to know")):
        for text, count in texts.items():
            share = f" ({count} of {found.combinations} combinations)" if several else ""
            yield f"{what}{share}: {text}", 0
            if several and text in found.examples:
                yield f"first in: {' '.join(found.examples[text])}", 2
    if several:
        yield f"{found.combinations} combinations, {found.wrong} of them wrong", 0
    elif not found.problems:
        yield "nothing is wrong", 0
    if total > found.combinations:
        yield f"{total - found.combinations} further combinations were not looked at", 0
