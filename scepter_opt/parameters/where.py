"""WHERE: what a rule can tell parameters by, checked before there is a model."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge

from ..config.fields import CheckedAs, Texts
from ..errors import Problem


class Kind(str, enum.Enum):
    """What a parameter is to its model; it can be several of these."""

    bias = "bias"
    norm = "norm"
    embedding = "embedding"
    matrix = "matrix"
    vector = "vector"
    scalar = "scalar"


@dataclass(kw_only=True)
class Selection:
    """What parameters may be told by: all that is given must hold, and of a list any."""

    NAMES: Texts = None
    """Globs over the whole name, names of parameters or modules, or `re:` with a regular expression, searched."""
    MODULES: Texts = None
    """Class of the module that owns the parameter, or a base class of it, short or dotted."""
    KINDS: Annotated[Any, CheckedAs(Kind | list[Kind] | None)] = None
    """bias, norm, embedding, matrix, vector or scalar."""
    NDIM: Annotated[Any, CheckedAs(Annotated[int, Ge(0)] | list[Annotated[int, Ge(0)]] | None)] = None
    """Number of dimensions."""
    MARKED: Texts = None
    """Attribute of the parameter, or method of a module that names it and begins with no_, such as no_weight_decay."""


@dataclass(kw_only=True)
class Where(Selection):
    """A selection, without what another selects."""

    EXCEPT: Selection | None = None
    """Selectors of what is left out."""


SELECTORS = tuple(Selection.__dataclass_fields__)


def listed(value: Any) -> list[Any]:
    """One value or several as a list; None is none."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def given(selection: Selection) -> list[str]:
    """The selectors that a selection has."""
    return [key for key in SELECTORS if listed(getattr(selection, key))]


def check_selection(selection: Selection) -> list[Problem]:
    """What is wrong with a selection whose values have the right types."""
    problems = list(check_names("NAMES", selection.NAMES))
    if isinstance(selection, Where):
        if selection.EXCEPT is not None:
            problems += [problem.under("EXCEPT") for problem in check_selection(selection.EXCEPT)]
        elif not given(selection):
            problems.append(Problem("", f"is empty: say what the rule is for by {', '.join(SELECTORS)}."))
    elif not given(selection):
        problems.append(Problem("", "is empty: it would leave out nothing."))
    return problems


def check_names(key: str, patterns: Any) -> Iterator[Problem]:
    """What is wrong with one or several patterns of names that a key has."""
    # an empty pattern would be no pattern to fnmatch, and match nothing without a word
    for position, pattern in enumerate(listed(patterns)):
        where = key if isinstance(patterns, str) else f"{key}[{position}]"
        if not pattern:
            yield Problem(where, "is empty: it matches nothing.", pattern)
        elif pattern.startswith("re:") and (reason := broken(pattern[3:])):
            yield Problem(where, reason, pattern)


def broken(pattern: str) -> str:
    """Why a text is no regular expression; empty where it is one."""
    try:
        re.compile(pattern)
    # a count such as {99999999999} is more than `re` can count to, and no error of its own
    except (re.error, OverflowError) as error:
        return f"is not a regular expression: {error}."
    except RecursionError:
        return "is not a regular expression that can be read: it is nested too deeply."
    return ""
