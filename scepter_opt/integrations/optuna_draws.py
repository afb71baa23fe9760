"""What a trial draws: the overrides of a sweep as ranges of Optuna's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Transformer
from hydra.errors import HydraException

from ..errors import ConfigError, Problem, reason_of


@dataclass(frozen=True)
class Draw:
    """One override of a sweep that stands for several values."""

    name: str
    """The key, with the marks before it: the name of the parameter in the study."""
    choices: Mapping[Any, str] | None
    """Values of Optuna's kind with their text; None of a range."""
    low: float = 0
    high: float = 0
    step: int | None = None
    is_log: bool = False

    def suggest(self, trial: Any) -> None:
        """Let a trial draw it."""
        if self.choices is not None:
            trial.suggest_categorical(self.name, list(self.choices))
        elif self.step is not None:
            trial.suggest_int(self.name, int(self.low), int(self.high), step=self.step, log=self.is_log)
        else:
            trial.suggest_float(self.name, self.low, self.high, log=self.is_log)

    def text(self, value: Any) -> str:
        """A drawn value as an override."""
        return f"{self.name}={self.choices[value] if self.choices is not None else value}"


def read(overrides: Sequence[str], config_loader: Any) -> tuple[list[str], list[Draw]]:
    """The overrides that hold for every job, and those that each trial draws.

    Args:
        overrides: As on the command line.
        config_loader: Hydra's, which knows the options of a group.

    Raises:
        ConfigError: One cannot be read, or stands for no value.
    """
    try:
        parsed = OverridesParser.create(config_loader=config_loader).parse_overrides(list(overrides))
    except HydraException as error:
        raise ConfigError([Problem("", f"an override cannot be read: {reason_of(error)}")]) from error
    fixed = [str(each.input_line) for each in parsed if not each.is_sweep_override()]
    return fixed, [_draw(each) for each in parsed if each.is_sweep_override()]


def _draw(override: Override) -> Draw:
    name = override.get_key_element()
    if override.is_interval_sweep():
        value: Any = override.value()
        low, high, is_log = value.start, value.end, "log" in value.tags
        whole = isinstance(low, int) and isinstance(high, int)
        if low > high or (is_log and low <= 0):
            message = "is no interval: the first number is to be the smaller one" + (
                ", and above 0." if is_log else "."
            )
            raise ConfigError([Problem(name, message, f"{low} to {high}")])
        return Draw(name, None, low, high, 1 if whole else None, is_log)
    values = list(override.sweep_iterator(transformer=Transformer.identity))
    if not values:
        raise ConfigError([Problem(name, "stands for no value.", override.input_line)])
    choices = {Transformer.encode(each): Transformer.str(each) for each in values}
    return Draw(name, choices)


class Drawing:
    """An Optuna trial that writes down what it draws as overrides; `custom_search_space` is given one.

    Args:
        trial: Optuna's.
        scope: Words behind the name of a parameter: what is drawn for one optimizer is another parameter than what is
            drawn for the next, whose range and whose good values are elsewhere.
    """

    def __init__(self, trial: Any, scope: str = "", params: dict[str, Any] | None = None) -> None:
        self._trial, self._scope = trial, scope
        self.params: dict[str, Any] = {} if params is None else params
        """What was drawn, by the key of the override."""

    def scoped(self, scope: str) -> Drawing:
        """The same, whose parameters have these words behind their names."""
        return Drawing(self._trial, scope, self.params)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trial, name)

    def suggest_float(self, name: str, *arguments: Any, **keywords: Any) -> Any:
        """As Optuna's."""
        return self._suggest("suggest_float", name, arguments, keywords)

    def suggest_int(self, name: str, *arguments: Any, **keywords: Any) -> Any:
        """As Optuna's."""
        return self._suggest("suggest_int", name, arguments, keywords)

    def suggest_categorical(self, name: str, *arguments: Any, **keywords: Any) -> Any:
        """As Optuna's."""
        return self._suggest("suggest_categorical", name, arguments, keywords)

    def _suggest(self, method: str, name: str, arguments: Any, keywords: Any) -> Any:
        full = f"{name} ({self._scope})" if self._scope else name
        self.params[name] = getattr(self._trial, method)(full, *arguments, **keywords)
        return self.params[name]
