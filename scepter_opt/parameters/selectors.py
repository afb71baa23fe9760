"""Which parameters a selection matches."""

from __future__ import annotations

import fnmatch
import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from ..errors import ConfigError, Problem, below, show
from .named_parameters import Parameters
from .where import Kind, Selection, Where, given, listed


def select(where: Selection, parameters: Parameters) -> set[int]:
    """Positions of the parameters that match."""
    sets = [_SELECT[key](listed(getattr(where, key)), parameters) for key in given(where)]
    positions = set.intersection(*sets) if sets else set(range(len(parameters)))
    if isinstance(where, Where) and where.EXCEPT is not None:
        with below("EXCEPT"):
            positions -= select(where.EXCEPT, parameters)
    return positions


def lacking(where: Selection, parameters: Parameters) -> list[Problem]:
    """Selectors that ask for names or modules which are not known here, or for what is no mark."""
    problems = []
    kinds = {kind.name for kind in listed(where.KINDS)}
    if not parameters.has_names:
        message = "needs names, and these are tensors alone: pass the module, or named_parameters()."
        problems += [Problem("NAMES", message)] if where.NAMES else []
        problems += [Problem("KINDS", message)] if "bias" in kinds else []
    if not parameters.roots:
        message = "needs the modules that own the parameters, which only the module tells: pass it."
        problems += [Problem("MODULES", message)] if where.MODULES else []
        problems += [Problem("KINDS", message)] if kinds & {"norm", "embedding"} and not problems else []
    problems += [problem for mark in listed(where.MARKED) for problem in _no_mark(mark)]
    if isinstance(where, Where) and where.EXCEPT is not None:
        problems += [problem.under("EXCEPT") for problem in lacking(where.EXCEPT, parameters)]
    return problems


def _no_mark(mark: str) -> Iterator[Problem]:
    """Refuse what every tensor or module has: each would be marked, and calling it might change the model."""
    import torch

    for one, names in ((torch.nn.Module(), [mark]), (torch.nn.Parameter(), [mark, f"_{mark}"])):
        for name in set(names).intersection(dir(one)):
            yield Problem("MARKED", f"is no mark of yours: every torch {type(one).__name__} has a `{name}`.", mark)
            return


def select_names(patterns: list[str], parameters: Parameters) -> set[int]:
    """Positions of the parameters of which any name matches any pattern."""
    positions: set[int] = set()
    for pattern in patterns:
        piece, matches = matcher(pattern)
        beginning = _beginning(pattern)
        if beginning and parameters.sorted_names is not None:
            # thousands of rules, each for few parameters, are not to look at every name each
            names = parameters.sorted_names
            first = bisect_left(names, (beginning,))
            while first < len(names) and names[first][0].startswith(beginning):
                if matches(names[first][0]):
                    positions.add(names[first][1])
                first += 1
            continue
        positions.update([i for i, name in enumerate(parameters.names) if piece in name and matches(name)])
        for i, others in parameters.tied.items():
            if any(matches(name) for name, _ in others):
                positions.add(i)
    return positions


def _beginning(pattern: str) -> str:
    """The text that every matching name begins with."""
    return "" if pattern.startswith("re:") else re.split(r"[*?[]", pattern, maxsplit=1)[0]


@lru_cache(maxsize=1024)
def matcher(pattern: str) -> tuple[str, Callable[[str], Any]]:
    """A text that every matching name has, which is quickly asked for, and whether a name matches."""
    if pattern.startswith("re:"):
        return "", re.compile(pattern[3:]).search
    if not any(wildcard in pattern for wildcard in "*?["):
        return pattern, re.compile(rf"{re.escape(pattern)}(\.|\Z)").match
    # of many names few hold the longest piece, and asking for a piece is ten times faster than matching
    literal = max(re.split(r"[*?]", pattern), key=len) if "[" not in pattern else ""
    return literal, re.compile(fnmatch.translate(pattern)).match


def _select_modules(names: list[str], parameters: Parameters) -> set[int]:
    answers: dict[type, bool] = {}
    return _by_owner(parameters, lambda owner: _is_any(type(owner), names, answers))


def _is_any(cls: type, names: list[str], answers: dict[type, bool]) -> bool:
    if cls not in answers:
        answers[cls] = any(_is_called(base, name) for base in cls.__mro__ for name in names)
    return answers[cls]


def _is_called(cls: type, name: str) -> bool:
    if "." not in name:
        return fnmatch.fnmatchcase(cls.__name__, name)
    module, _, last = name.rpartition(".")
    # torch.nn.Linear is where people know it, torch.nn.modules.linear where it says it is
    public = getattr(sys.modules.get(module), last, None)
    return public is cls or fnmatch.fnmatchcase(f"{cls.__module__}.{cls.__qualname__}", name)


def _by_owner(parameters: Parameters, holds: Callable[[Any], bool]) -> set[int]:
    positions = {i for i, owner in enumerate(parameters.owners) if holds(owner)}
    positions.update(i for i, others in parameters.tied.items() if any(holds(owner) for _, owner in others))
    return positions


def _select_kinds(kinds: list[Kind], parameters: Parameters) -> set[int]:
    mask = sum(_BITS[kind] for kind in set(kinds))
    return {i for i, bits in enumerate(kind_bits(parameters)) if bits & mask}


_BITS = {kind: 1 << place for place, kind in enumerate(Kind)}
ALL_KINDS = sum(_BITS.values())
"""The bits of all kinds together."""


def kinds_of(bits: int) -> list[str]:
    """The names of the kinds in bits of `kind_bits`."""
    return [kind.name for kind, bit in _BITS.items() if bits & bit]


def kind_bits(parameters: Parameters) -> list[int]:
    """Per parameter the bits of its kinds, found once for all rules."""
    known: list[int] | None = parameters.__dict__.get("_kind_bits")
    if known is None:
        # few different answers for many parameters
        bits_of: dict[tuple[Any, type, bool], int] = {}
        known = []
        for name, tensor, owner in zip(parameters.names, parameters.tensors, parameters.owners, strict=True):
            key = (tensor.shape, type(owner), "bias" in name and (name.endswith(".bias") or _is_called_bias(name)))
            bits = bits_of.get(key)
            if bits is None:
                bits = bits_of[key] = _bits(*key)
            known.append(bits)
        for i, others in parameters.tied.items():
            for name, owner in others:
                known[i] |= _bits(parameters.tensors[i].shape, type(owner), _is_called_bias(name))
        parameters.__dict__["_kind_bits"] = known
    return known


def _is_called_bias(name: str) -> bool:
    """Whether `bias` is a word of the last part of a name, or of the tensor's whose parametrization it is of."""
    last = name[name.rfind(".") + 1 :]
    if last.startswith("original"):
        last = _ORIGINAL.sub(r"\1", name).rpartition(".")[2]
    return _says_bias(last)


@lru_cache(maxsize=1024)
def _says_bias(word: str) -> bool:
    return re.search(r"(?<![A-Za-z])bias(?![A-Za-z])", word) is not None


# torch.nn.utils.parametrize keeps of `bias` what it computes it from: parametrizations.bias.original
_ORIGINAL = re.compile(r"parametrizations\.([^.]+)\.original\d*\Z")


def _bits(shape: Any, owner: type, called_bias: bool) -> int:
    bits = _class_bits(owner)
    if len(shape) <= 2:
        bits |= _BITS[(Kind.scalar, Kind.vector, Kind.matrix)[len(shape)]]
    # a fused layer holds matrices beside its norm, and a table of position biases is no bias
    if sum(size > 1 for size in shape) > 1:
        return bits & ~_BITS[Kind.norm]
    return bits | (_BITS[Kind.bias] if called_bias else 0)


def _class_bits(owner: type) -> int:
    from torch import nn

    norms = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)
    bits = 0
    if issubclass(owner, norms) or re.search(r"Norm(?![a-z])", owner.__name__):
        bits |= _BITS[Kind.norm]
    if issubclass(owner, (nn.Embedding, nn.EmbeddingBag)) or re.search(r"Embedding(?![a-z])", owner.__name__):
        bits |= _BITS[Kind.embedding]
    return bits


def _select_ndim(numbers: list[int], parameters: Parameters) -> set[int]:
    wanted = set(numbers)
    return {i for i, tensor in enumerate(parameters.tensors) if tensor.ndim in wanted}


def _select_marked(marks: list[str], parameters: Parameters) -> set[int]:
    positions: set[int] = set()
    for mark in marks:
        hidden = mark if mark.startswith("_") else f"_{mark}"
        positions.update(
            i
            for i, tensor in enumerate(parameters.tensors)
            if getattr(tensor, mark, False) or getattr(tensor, hidden, False)
        )
        with below("MARKED"):
            named = set(_named_by_modules(mark, parameters))
        if named:
            positions.update(i for i in range(len(parameters)) if not named.isdisjoint(parameters.all_names(i)))
    return positions


def _named_by_modules(mark: str, parameters: Parameters) -> Iterator[str]:
    """The names that modules give in a method of the mark's name.

    A plan changes no model, and what a method does cannot be known before it is called. So only those are that say what
    shall not be done to some parameters, as `no_weight_decay` does, and none that torch defines: `no_sync`, say.
    """
    if not mark.startswith("no_"):
        return
    for place, module in parameters.modules():
        if has_method(module, mark):
            names = ask(module, mark)
            if names is not None and not (isinstance(names, Iterable) and all(isinstance(n, str) for n in names)):
                message = f"{type(module).__name__}.{mark} gives {show(names)}, which are no names of parameters."
                raise ConfigError([Problem("", message)])
            yield from (f"{place}.{name}" if place else name for name in names or ())


def has_method(module: Any, name: str) -> bool:
    """Whether a module has a method of its own by this name, none of torch's."""
    method = getattr(module, name, None)
    # a module is called by its forward, and a class makes an object
    if not callable(method) or isinstance(method, type) or hasattr(method, "_parameters"):
        return False
    return not str(getattr(method, "__module__", "")).startswith("torch.")


def ask(module: Any, name: str, *arguments: Any, **keywords: Any) -> Any:
    """What a method of a model says of its parameters.

    Raises:
        ConfigError: It fails, since it takes other arguments or for reasons of its own.
    """
    try:
        return getattr(module, name)(*arguments, **keywords)
    except Exception as error:  # the model's own code
        message = f"{type(module).__name__}.{name} fails: {type(error).__name__}: {error}".splitlines()[0]
        raise ConfigError([Problem("", message)]) from error


_SELECT: dict[str, Callable[[list[Any], Parameters], set[int]]] = {
    "NAMES": select_names,
    "MODULES": _select_modules,
    "KINDS": _select_kinds,
    "NDIM": _select_ndim,
    "MARKED": _select_marked,
}
