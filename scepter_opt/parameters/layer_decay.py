"""LAYER_DECAY: how many blocks lie between a parameter and the end of its model."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from ..errors import ConfigError, Problem
from .named_parameters import Parameters, walk

# timm's sign for "in the same layer as what comes before"
_WITH_THE_ONE_BEFORE = 99999
_AFTER = (math.inf,)


def exponents(patterns: list[str], parameters: Parameters, matched: Iterable[int]) -> dict[int, int]:
    """Per matched position the power of the decay: N - i in block i of N, N + 1 in the stem, 0 in what comes after.

    Args:
        patterns: Regular expressions whose numbered groups, as a tuple, order the blocks. Without any the model's
            `group_matcher` or `get_layer_id` is asked, then blocks are found by the numbers in names.
        parameters: All parameters.
        matched: Positions of those that are asked for.

    Raises:
        ConfigError: There are no blocks, or only the module can tell what comes before them.
    """
    wanted = sorted(matched)
    if not patterns:
        told = _told_by_model(parameters)
        if told:
            return {i: next((told[n] for n in parameters.all_names(i) if n in told), 0) for i in wanted}
    names = {i: parameters.names[i] for i in wanted}
    block_of = _by_patterns(patterns, names) if patterns else _by_numbers(names)
    if not block_of:
        how = rf"LAYERS fit no name such as {names[wanted[0]]}" if patterns else "the names number none"
        message = rf"finds no blocks: {how}. Say in LAYERS where the number of a block stands: blocks\.(\d+)."
        raise ConfigError([Problem("", message)])
    rest = [i for i in wanted if i not in block_of]
    if rest and not parameters.roots:
        message = f"cannot tell whether {names[rest[0]]} comes before or after the blocks: pass the module."
        raise ConfigError([Problem("", message)])
    order = {block: number for number, block in enumerate(sorted(set(block_of.values())))}
    first = min(block_of)
    # positions follow the order in which a module was put together, which is the order in which it runs
    outside = {i: len(order) + 1 if i < first else 0 for i in rest}
    return {i: len(order) - order[block] for i, block in block_of.items()} | outside


def _by_patterns(patterns: list[str], names: dict[int, str]) -> dict[int, tuple[int, ...]]:
    """By position the number of the block that the first fitting pattern reads in the name."""
    found = {}
    compiled = [re.compile(pattern) for pattern in patterns]
    for i, name in names.items():
        match = next(filter(None, (pattern.search(name) for pattern in compiled)), None)
        if match is not None:
            try:
                found[i] = tuple(int(number) for number in match.groups() if number is not None)
            except ValueError:
                message = f"reads {match.groups()} in {name}, which are no numbers."
                raise ConfigError([Problem("", message)]) from None
    return found


def _by_numbers(names: dict[int, str]) -> dict[int, tuple[int, ...]]:
    """By position the number of the block, where one kind of numbered name is found more often than any other.

    A number ends the kind's name: in `layer1.0.conv.weight` the block is (1, 0) of `layer#.#`.
    """
    kinds: dict[str, dict[int, tuple[int, ...]]] = defaultdict(dict)
    for i, name in names.items():
        head = re.match(r"((?:[^.]*\.)*?\d+)\.", name)
        if head:
            numbers = tuple(int(number) for number in re.findall(r"\d+", head[1]))
            kinds[re.sub(r"\d+", "#", head[1])][i] = numbers
    return max(kinds.values(), key=lambda found: (len(set(found.values())), len(found)), default={})


def _told_by_model(parameters: Parameters) -> dict[str, int]:
    """What the outermost modules that know their layers say, by name; empty where none does."""
    found: dict[str, int] = {}
    told: list[str] = []
    for place, module in parameters.modules():
        if any(place == other or place.startswith(f"{other}." if other else "") for other in told):
            continue
        layer_of = _asked(module)
        if layer_of is not None:
            told.append(place)
            names = [f"{below}.{part}".lstrip(".") for below, inner in walk(module) for part in inner._parameters]
            layers = _numbered({name: layer_of(name) for name in sorted(names)})
            last = max(layers.values(), default=0)
            found |= {f"{place}.{name}".lstrip("."): last - layer for name, layer in layers.items()}
    return found


def _asked(module: Any) -> Callable[[str], Any] | None:
    """How a module numbers its parameters: timm's `group_matcher`, or `get_layer_id`."""
    matcher = getattr(module, "group_matcher", None)
    if callable(matcher):
        return _from_matcher(matcher(coarse=False))
    get_layer_id = getattr(module, "get_layer_id", None)
    if callable(get_layer_id):
        return lambda name: (float(get_layer_id(name)),)
    return None


def _from_matcher(matcher: Any) -> Callable[[str], Any]:
    """timm's matcher as a function from a name to its place in the order, as timm reads it."""
    if callable(matcher):
        return lambda name: tuple(listed) if isinstance(listed := matcher(name), Iterable) else (listed,)
    entries = [
        (re.compile(pattern), ordinal, suffix)
        for ordinal, said in enumerate(matcher.values())
        if said is not None
        for pattern, suffix in (said if isinstance(said, (list, tuple)) else [(said, None)])
    ]

    def place(name: str) -> tuple[float, ...]:
        for pattern, ordinal, suffix in entries:
            match = pattern.match(name)
            if match:
                numbers = [number for number in match.groups() if number is not None]
                return tuple(map(float, (ordinal, *numbers, *(suffix or ()))))
        return _AFTER

    return place


def _numbered(places: dict[str, tuple[float, ...]]) -> dict[str, int]:
    """Layers by name, counted from 0 in the order of their places."""
    number = -1
    layer_of: dict[tuple[float, ...], int] = {}
    for place in sorted(set(places.values())):
        if number < 0 or place[-1] != _WITH_THE_ONE_BEFORE:
            number += 1
        layer_of[place] = number
    return {name: layer_of[place] for name, place in places.items()}
