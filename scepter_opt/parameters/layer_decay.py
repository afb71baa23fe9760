"""LAYER_DECAY: how many blocks lie between a parameter and the end of its model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ..errors import ConfigError, Problem
from .layers_of_model import powers_by_model
from .named_parameters import Parameters

Block = tuple[int, ...]
"""Where a block stands: the numbers in its name, outermost first."""


@dataclass
class Tower:
    """Blocks that follow each other, and what lies around them."""

    holder: tuple[str, ...]
    """The path of the module that holds the blocks or their list."""
    block_of: dict[int, Block] = field(default_factory=dict)
    """By position the block that a parameter is in."""
    places: dict[Block, tuple[str, ...]] = field(default_factory=dict)
    """The path of each block."""

    def powers(self) -> dict[int, int]:
        """Per position in a block the power of the decay: N - i in block i of N."""
        order = {block: number for number, block in enumerate(sorted(set(self.block_of.values())))}
        return {i: len(order) - order[block] for i, block in self.block_of.items()}


def exponents(patterns: list[str], parameters: Parameters, matched: Iterable[int]) -> dict[int, int]:
    """Per matched position the power of the decay: N - i in block i of N, N + 1 in the stem, 0 in what comes after.

    Args:
        patterns: Regular expressions whose numbered groups, as a tuple, order the blocks. Without any the model's
            `group_matcher` or `get_layer_id` is asked, then blocks are found by the numbers in names.
        parameters: All parameters.
        matched: Positions of those that are asked for.

    Raises:
        ConfigError: There are no blocks, it cannot be told which belong together, what the model says is no layer, or
            only the module can tell what comes before the blocks.
    """
    # what the model says of itself counts more than what its names look like, and what the config says more than both
    wanted = sorted(matched)
    powers = {} if patterns else powers_by_model(parameters, wanted, _count_blocks)
    names = {i: parameters.names[i] for i in wanted if i not in powers}
    if patterns:
        towers = _by_patterns(patterns, names)
    else:
        towers = _by_numbers(names, parameters)
        if powers:
            # the head of a model that knows its layers is numbered too, and is no tower: only blocks of modules are
            modules = dict(parameters.modules())
            towers = [tower for tower in towers if all(_is_composite(modules, at) for at in tower.places.values())]
            if not towers:
                return powers | dict.fromkeys(names, 0)
    if not towers:
        how = rf"LAYERS fit no name such as {names[wanted[0]]}" if patterns else "the names number none"
        message = rf"finds no blocks: {how}. Say in LAYERS where the number of a block stands: blocks\.(\d+)."
        raise ConfigError([Problem("", message)])
    for tower in towers:
        powers |= tower.powers()
    return powers | _around(towers, {i: name for i, name in names.items() if i not in powers}, parameters)


def _by_patterns(patterns: list[str], names: dict[int, str]) -> list[Tower]:
    """Towers of the blocks whose numbers the first fitting pattern reads, a tower for each beginning of a name."""
    towers: dict[tuple[str, ...], Tower] = {}
    compiled = [re.compile(pattern) for pattern in patterns]
    for i, name in names.items():
        match = next(filter(None, (pattern.search(name) for pattern in compiled)), None)
        if match is not None:
            before = tuple(name[: match.start()].split(".")[:-1])
            try:
                block = tuple(int(number) for number in match.groups() if number is not None)
            except ValueError:
                message = f"reads {match.groups()} in {name}, which are no numbers."
                raise ConfigError([Problem("", message)]) from None
            towers.setdefault(before, Tower(before)).block_of[i] = block
    read = list(towers.values())
    if any(_within(one.holder, other.holder) for one in read for other in read if one is not other):
        # the patterns reach into a module and into one below it: whoever wrote them means one order
        return [Tower((), {i: block for tower in read for i, block in tower.block_of.items()})]
    return read


def _by_numbers(names: dict[int, str], parameters: Parameters) -> list[Tower]:
    """The tower with the most blocks, and those that are as much a tower in another module.

    A number ends a block's name: in `layer1.0.conv.weight` it is block (1, 0) of `layer#.#`.

    Raises:
        ConfigError: Two towers do not lie in modules of their own, so that it is open what lies around each.
    """
    kinds: dict[str, Tower] = {}
    for i, name in names.items():
        place = _block_path(name)
        if place:
            path = tuple(place.split("."))
            tower = kinds.setdefault(re.sub(r"\d+", "#", place), Tower(_holder(path)))
            block = tuple(int(number) for number in re.findall(r"\d+", place))
            tower.block_of[i] = block
            tower.places[block] = path
    if not kinds:
        return []
    # the head of a network is numbered too; of what is no tower, only the kind with the most blocks can be meant
    largest = max(kinds.values(), key=lambda tower: (len(tower.places), len(tower.block_of)))
    if len(kinds) == 1:
        return [largest]
    # only where several kinds compete are the modules looked at: most models have one
    modules = dict(parameters.modules())
    towers = [tower for tower in kinds.values() if tower is largest or _is_tower(tower, modules)]
    for tower in towers:
        for other in towers:
            # one holder within the other: of a parameter between them it is open whose stem or end it is
            if tower is not other and _within(tower.holder, other.holder):
                first, second = (names[min(each.block_of)] for each in (tower, other))
                message = (
                    f"finds two towers of blocks that do not lie in modules of their own, with {first} and {second}: "
                    r"say in LAYERS which are the blocks, such as blocks\.(\d+), or give each tower a rule by NAMES."
                )
                raise ConfigError([Problem("", message)])
    return towers


def _is_tower(tower: Tower, modules: dict[str, Any]) -> bool:
    """Whether numbered modules are blocks in a row: two or more, without a gap, all alike or each of several modules.

    The layers of a stem or a head are numbered as well: a convolution, its norm, an activation without parameters.
    """
    blocks = sorted(tower.places)
    if len(blocks) < 2 or any(len(one) == 1 and other[0] - one[0] != 1 for one, other in pairwise(blocks)):
        return False
    classes = {type(modules.get(".".join(path))) for path in tower.places.values()}
    return len(classes) == 1 or all(_is_composite(modules, path) for path in tower.places.values())


def _is_composite(modules: dict[str, Any], path: tuple[str, ...]) -> bool:
    module = modules.get(".".join(path))
    return module is not None and bool(module._modules)


def _within(path: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return other[: len(path)] == path


def _around(towers: list[Tower], names: dict[int, str], parameters: Parameters) -> dict[int, int]:
    """The powers of what lies in no block: N + 1 before the blocks of its tower, 0 after them.

    Positions follow the order in which a module was put together, which is the order in which it runs.
    """
    if names and not parameters.roots:
        name = next(iter(names.values()))
        message = f"cannot tell whether {name} comes before or after the blocks: pass the module."
        raise ConfigError([Problem("", message)])
    extents = {_extent(tower, towers): tower for tower in towers}
    powers = {}
    for i, name in names.items():
        identities = [tuple(each.split(".")) for each in parameters.all_names(i)]
        # a tied embedding lies in the first tower that holds it under any of its names
        around = next((t for e, t in extents.items() if any(_within(e, path) for path in identities)), None)
        if around is not None:
            powers[i] = len(set(around.block_of.values())) + 1 if i < min(around.block_of) else 0
        elif i < min(min(tower.block_of) for tower in towers):
            inside = " and ".join(".".join(extent) for extent in extents)
            message = f"cannot tell of which tower {name} is the stem: it lies before {inside}. Give each tower a rule."
            raise ConfigError([Problem("", message)])
        else:
            powers[i] = 0
    return powers


def _extent(tower: Tower, towers: list[Tower]) -> tuple[str, ...]:
    """The path of the largest module that holds this tower and no other."""
    # a wrapper around the holder, and a head in the wrapper, belong to the tower as well
    extent = tower.holder
    while extent and not any(_within(extent[:-1], other.holder) for other in towers if other is not tower):
        extent = extent[:-1]
    return extent


def _count_blocks(names: Iterable[str]) -> int:
    """The number of blocks by the numbers in a module's names."""
    blocks = filter(None, map(_block_path, names))
    return max(Counter(re.sub(r"\d+", "#", path) for path in set(blocks)).values(), default=0)


def _block_path(name: str) -> str:
    """The beginning of a name up to its first number; empty where it has none."""
    match = re.match(r"((?:[^.]*\.)*?\d+)\.", name)
    return match[1] if match else ""


def _holder(path: tuple[str, ...]) -> tuple[str, ...]:
    """The path of the module that holds a block: `student` of `student.blocks.0`, the root of `layer1.0`."""
    first = next(n for n, part in enumerate(path) if re.search(r"\d", part))
    # a number alone stands in a list, which the module holds
    return path[: first - 1] if path[first].isdigit() and first else path[:first]
