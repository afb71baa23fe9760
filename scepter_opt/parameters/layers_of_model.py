"""What models say of their own layers: timm's `group_matcher`, and `get_layer_id` as in BEiT."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..errors import ConfigError, Problem, show
from .modules import own_parameters
from .named_parameters import Parameters
from .selectors import ask, has_method

# timm's sign for "in the same layer as what comes before"
_WITH_THE_ONE_BEFORE = 99999
_AFTER = (math.inf,)


def powers_by_model(
    parameters: Parameters, wanted: Iterable[int], count_blocks: Callable[[Iterable[str]], int]
) -> dict[int, int]:
    """Per position the power of the decay, for what lies in modules that know their layers.

    Args:
        parameters: All parameters.
        wanted: Positions of those that are asked for.
        count_blocks: The number of blocks by the names of a module's parameters.

    Raises:
        ConfigError: What a module says of a parameter is no layer.
    """
    powers_of: dict[str, int] = {}
    knowing: list[str] = []
    for place, module in parameters.modules():
        # the outermost that knows speaks for all below it
        if any(place == other or place.startswith(f"{other}." if other else "") for other in knowing):
            continue
        if not has_method(module, "group_matcher") and not has_method(module, "get_layer_id"):
            continue
        knowing.append(place)
        names = [name for name, _, _ in own_parameters(module)]
        if has_method(module, "group_matcher"):
            powers = _by_matcher(module, names)
        else:
            powers = _by_layer_id(module, names, count_blocks)
        powers_of |= {f"{place}.{name}" if place else name: power for name, power in powers.items()}
    powers_at = {}
    for i in wanted:
        power = next((powers_of[name] for name in parameters.all_names(i) if name in powers_of), None)
        if power is not None:
            powers_at[i] = power
    return powers_at


def _by_layer_id(module: Any, names: list[str], count_blocks: Callable[[Iterable[str]], int]) -> dict[str, int]:
    """Powers by BEiT's ids: 0 is the stem, i + 1 block i, N + 1 what follows."""
    counts = has_method(module, "get_num_layers")
    count = ask(module, "get_num_layers") if counts else count_blocks(names)
    if not _is_whole(count) or count < 1:
        where = "get_num_layers() gives" if counts else "without get_num_layers() the names tell"
        raise _no_layers(module, f"{where} {show(count)} as the number of blocks.")
    powers = {}
    for name in names:
        layer = ask(module, "get_layer_id", name)
        if not _is_whole(layer) or not 0 <= layer <= count + 1:
            message = f"get_layer_id({name!r}) gives {show(layer)}: a whole number from 0 to {count + 1} is needed."
            raise _no_layers(module, message)
        powers[name] = int(count + 1 - layer)
    return powers


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _by_matcher(module: Any, names: list[str]) -> dict[str, int]:
    """Powers as timm counts them: layers are numbered in the order of their places, and the last one has 0."""
    # a coarse matcher would put the blocks of a stage into one layer
    matcher = ask(module, "group_matcher", coarse=False)
    try:
        place_of = _from_matcher(matcher)
        places = {name: place_of(name) for name in sorted(names)}
        layers = _numbered(places)
    except Exception as error:  # whatever it is, it is of another form
        message = f"group_matcher gives {show(matcher)}, which is not of timm's form: {type(error).__name__}: {error}."
        raise _no_layers(module, message) from error
    last = max(layers.values(), default=0)
    return {name: last - layer for name, layer in layers.items()}


def _from_matcher(matcher: Any) -> Callable[[str], tuple[float, ...]]:
    """timm's matcher as a function from a name to its place in the order, as timm reads it."""
    if callable(matcher):
        return lambda name: tuple(listed) if isinstance(listed := matcher(name), Iterable) else (listed,)
    entries = [
        (re.compile(pattern), ordinal, suffix)
        for ordinal, patterns in enumerate(matcher.values())
        if patterns is not None
        for pattern, suffix in (patterns if isinstance(patterns, (list, tuple)) else [(patterns, None)])
    ]

    def place(name: str) -> tuple[float, ...]:
        for pattern, ordinal, suffix in entries:
            match = pattern.match(name)
            if match:
                numbers = [number for number in match.groups() if number is not None]
                return tuple(map(float, (ordinal, *numbers, *(suffix or ()))))
        return _AFTER

    return place


def _numbered(places: Mapping[str, tuple[float, ...]]) -> dict[str, int]:
    """Layers by name, counted from 0 in the order of their places."""
    number = -1
    layer_of: dict[tuple[float, ...], int] = {}
    for place in sorted(set(places.values())):
        if number < 0 or place[-1] != _WITH_THE_ONE_BEFORE:
            number += 1
        layer_of[place] = number
    return {name: layer_of[place] for name, place in places.items()}


def _no_layers(module: Any, what: str) -> ConfigError:
    message = f"{type(module).__name__}.{what} Say in LAYERS where the number of a block stands: blocks\\.(\\d+)."
    return ConfigError([Problem("", message)])
