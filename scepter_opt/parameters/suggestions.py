"""What to say of a rule that matches nothing: what comes nearest to it in the model."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from .named_parameters import Parameters
from .selectors import kind_bits, kinds_of, select
from .where import Selection, given, listed

# difflib compares a word with each of these
_MOST_CANDIDATES = 5000


def explain(where: Selection, parameters: Parameters) -> str:
    """Why a selection matches nothing, with what there is instead."""
    # the selector at fault is the one that matches nothing alone; otherwise it is their combination
    empty = [key for key in given(where) if not select(_alone(where, key), parameters)]
    if not empty:
        single = len(given(where)) == 1
        return "everything it matches is left out by EXCEPT." if single else "no parameter has all of these together."
    return " ".join(f"{key}: {_NEAREST[key](listed(getattr(where, key)), parameters)}" for key in empty)


def _alone(where: Selection, key: str) -> Selection:
    return Selection(**{key: getattr(where, key)})


def nearest_names(patterns: Iterable[str], parameters: Parameters) -> str:
    """The names of parameters and modules that are nearest to patterns which match none."""
    names = [name for i in range(len(parameters)) for name in parameters.all_names(i)]
    places = {place: None for name in names for place in _places(name)}
    candidates = list(dict.fromkeys([*places, *names]))[:_MOST_CANDIDATES]
    close: dict[str, None] = {}
    for pattern in patterns:
        word = re.sub(r"[*?^$\\]|^re:", "", pattern).strip(".") or pattern
        close |= dict.fromkeys(difflib.get_close_matches(word, candidates, n=3, cutoff=0.5))
    if close:
        return f"the nearest names are {', '.join(close)}."
    return f"the names begin with {', '.join(dict.fromkeys(name.split('.')[0] for name in names[:1000]))}."


def _places(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _nearest_modules(names: Iterable[str], parameters: Parameters) -> str:
    classes = Counter(type(owner).__name__ for owner in parameters.owners if owner is not None)
    close = [match for name in names for match in difflib.get_close_matches(name.split(".")[-1], classes, n=3)]
    if close:
        return f"the nearest classes are {', '.join(dict.fromkeys(close))}."
    return f"the classes are {', '.join(name for name, _ in classes.most_common(10))}."


def _nearest_kinds(_: Iterable[Any], parameters: Parameters) -> str:
    counts = Counter(kind for bits in kind_bits(parameters) for kind in kinds_of(bits))
    return f"the kinds there are: {', '.join(f'{kind} ({count})' for kind, count in counts.most_common())}."


def _nearest_ndim(_: Iterable[Any], parameters: Parameters) -> str:
    counts = Counter(tensor.ndim for tensor in parameters.tensors)
    return f"the dimensions there are: {', '.join(f'{ndim} ({count})' for ndim, count in sorted(counts.items()))}."


def _nearest_marks(_: Iterable[Any], __: Parameters) -> str:
    return (
        "no parameter has this attribute, and no module a method of this name that names one (methods are asked where "
        "their name begins with no_)."
    )


_NEAREST: dict[str, Any] = {
    "NAMES": nearest_names,
    "MODULES": _nearest_modules,
    "KINDS": _nearest_kinds,
    "NDIM": _nearest_ndim,
    "MARKED": _nearest_marks,
}
