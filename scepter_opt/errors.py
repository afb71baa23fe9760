"""The one exception for everything a user can get wrong, with its problems as data."""

from __future__ import annotations

import enum
import re
import reprlib
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from hydra.errors import CompactHydraException

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = 60
_repr.maxlist = _repr.maxtuple = _repr.maxdict = 5


class _Absent:
    """Says that a problem has no value to show; None is a value."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __reduce__(self) -> str:
        return "ABSENT"


ABSENT: Any = _Absent()


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, what was written, what would be right."""

    key: str
    """Full key, such as `optimizer.MOMENTUM`."""
    message: str
    """The rule that is broken and what would be right."""
    value: Any = ABSENT
    """What was written there."""
    documentation: str = ""
    """The key's own documentation."""

    def __str__(self) -> str:
        head = self.key or "configuration"
        if self.value is not ABSENT:
            head += f" = {show(self.value)}"
        return f"{head}: {self.message}" + (f" ({self.documentation})" if self.documentation else "")

    def under(self, prefix: str) -> Problem:
        """The same problem with its key below `prefix`."""
        return replace(self, key=join_key(prefix, self.key))


class ConfigError(CompactHydraException, ValueError):
    """Everything that is wrong with a configuration, in the order of its keys.

    A Hydra app shows it without a traceback, as it shows Hydra's own; HYDRA_FULL_ERROR=1 brings the traceback.

    >>> print(ConfigError([Problem("optimizer.MOMENTUM", "must be at least 0.", -0.5)]))
    1 problem in the configuration
      optimizer.MOMENTUM = -0.5: must be at least 0.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        title = f"{count} problem{'s' if count != 1 else ''} in the configuration"
        super().__init__("\n  ".join([title, *map(str, self.problems)]))

    def __reduce__(self) -> Any:
        return type(self), (self.problems,)


class ConfigWarning(UserWarning):
    """What a configuration says to no effect, or to another than it seems; it begins with the full key."""


# the key of the node that is being worked on, for what is said of keys below it
_node_key: ContextVar[str] = ContextVar("_node_key", default="")


def node_key() -> str:
    """The full key of the node that is being worked on; empty where there is none."""
    return _node_key.get()


@contextmanager
def below(prefix: str) -> Iterator[None]:
    """Put `prefix` before the keys of a ConfigError that leaves the block, and of what is said in it."""
    outer = _node_key.set(join_key(_node_key.get(), prefix))
    try:
        yield
    except ConfigError as error:
        raise ConfigError(problem.under(prefix) for problem in error.problems) from error.__cause__
    finally:
        _node_key.reset(outer)


_said: set[str] = set()


def say(problem: Problem) -> None:
    """Warn of a problem that is no error, under its full key: once, whether check says it, or a build, or both.

    Warns:
        ConfigWarning: The problem.
    """
    text = str(problem.under(_node_key.get()))
    # Python forgets what it has shown as soon as anybody changes a filter. Importing torch does, and so does each step
    # of torch's schedulers, so that check and the build after it would say the same.
    if _is_shown_once(text):
        if text in _said:
            return
        _said.add(text)
    warnings.warn(text, ConfigWarning, stacklevel=1)


def _is_shown_once(text: str) -> bool:
    """Whether the filter that holds for a text shows it once: it may also be an error, always shown, or never."""
    for action, message, category, module, _ in warnings.filters:
        its_text, its_place = re.match(message or "", text), re.match(module or "", __name__)
        if issubclass(ConfigWarning, category) and its_text and its_place:
            return action in ("default", "module", "once")
    return True


def join_key(prefix: str, key: str) -> str:
    """One full key of two parts: `a` and `b` make `a.b`, `a` and `[0]` make `a[0]`."""
    return prefix + key if not prefix or not key or key.startswith("[") else f"{prefix}.{key}"


def reason_of(error: BaseException) -> str:
    """An exception's first line, or its name where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def text_of(key: Any) -> str:
    """A key as text, whatever it is: a mapping may have numbers of any size, or objects, for keys."""
    try:
        return str(key)
    except Exception:  # an integer of thousands of digits, or an object that fails to describe itself
        return show(key)


def show(value: Any) -> str:
    """A value as it stands in a message: short, on one line, whatever it is."""
    try:
        text = _repr.repr(value.name if isinstance(value, enum.Enum) else value)
        return " ".join(text.split()) if "\n" in text else text  # as tensors are printed
    except Exception:  # a user's own object may fail to describe itself
        return f"<{type(value).__name__}>"


def nearest(word: object, names: Iterable[str] | Mapping[str, str]) -> str | None:
    """The name that was most likely meant, or None.

    Args:
        word: What was written.
        names: What there is; a mapping gives other spellings (such as torch's) and the name each stands for.

    >>> nearest("lr", {"LEARNING_RATE": "LEARNING_RATE", "lr": "LEARNING_RATE"})
    'LEARNING_RATE'
    >>> nearest("adamw", ["Adam", "AdamW"])
    'AdamW'
    """
    import difflib  # only where there is a mistake

    spellings = names if isinstance(names, Mapping) else {name: name for name in names}
    folded = {spelling.casefold(): name for spelling, name in spellings.items()}
    close = difflib.get_close_matches(text_of(word)[:100].casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def did_you_mean(word: object, names: Iterable[str] | Mapping[str, str]) -> str:
    """` Did you mean X?`, or nothing where no name is near."""
    name = nearest(word, names)
    return f" Did you mean {name}?" if name else ""
