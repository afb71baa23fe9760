"""The search space of an optimizer: which of its keys are searched, and where. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from ..config.documentation import documentation
from ..config.ranges import Choices, Range, Scale, around
from ..config.validation import own_first
from ..errors import ConfigError, Problem, did_you_mean
from ..optimizers.registry import OPTIMIZERS

GROUP = "search_space"
"""The config group of the spaces."""
PACKAGE = "hydra.sweeper"
"""What they set: `params` is where Hydra's sweepers look for what is swept."""
LISTED = "_grid"
"""Ends the option of a space whose ranges are lists."""
CHOSEN, SUGGEST = "chosen", "scepter_opt.search.conditional.suggest"
"""The option that draws the keys of whichever optimizer was drawn, and what draws them."""
_DRAWS = "sweepers that draw: optuna_study, optuna"
# What averages over 1 / (1 - value) steps is searched in steps even in that number, not in the value: Hydra has no
# range for it. Optuna asks for the same choices wherever a key of a study is drawn, so that they stand here for all.
COMMON: Mapping[str, Range] = {
    "WEIGHT_DECAY": Scale(1e-5, 1e-2),
    "MOMENTUM": Choices((0.0, 0.9, 0.95, 0.99)),
    "BETAS": Choices(([0.9, 0.95], [0.9, 0.98], [0.9, 0.99], [0.9, 0.999])),
}
"""Where a key is searched that its class says nothing else of, what matters most first."""
RATE = "LEARNING_RATE"
"""What is searched around its default, and matters more than all others."""
MOST = 100
"""Combinations of a grid: of the keys that matter most, as many as leave it at that."""


def space_of(node: Mapping[str, Any]) -> dict[str, Range]:
    """The keys of a node that are searched, relative to it, each with its range; what matters most comes first.

    A key that refers to another (`${..adamw.LEARNING_RATE}`) follows that one, and is not searched.

    Args:
        node: With NAME, in plain Python, what it refers to not resolved.

    >>> {key: str(range_) for key, range_ in space_of({"NAME": "SGD", "WEIGHT_DECAY": "${decay}"}).items()}
    {'LEARNING_RATE': '0.001 to 1 (log)', 'MOMENTUM': '0.0, 0.9, 0.95, 0.99'}
    """
    space: dict[str, Range] = {}
    for part, inner in (node.get("OPTIMIZERS") or {}).items():
        space |= {f"OPTIMIZERS.{part}.{key}": each for key, each in space_of(inner).items()}
    own, defaults = _of_class(node)
    for key, default in defaults.items():
        value = node.get(key, default)
        if str(value).startswith("${"):
            continue
        searched = own.get(key) or COMMON.get(key)
        if searched is not None and searched.fits(value):
            space[key] = searched
        elif key == RATE and isinstance(value, (int, float)) and value > 0:
            space[key] = around(value)
    ranks = [RATE, *COMMON]
    places = {key: key.rpartition(".")[2] for key in space}
    ranked = sorted(space, key=lambda key: ranks.index(places[key]) if places[key] in ranks else len(ranks))
    return {key: space[key] for key in ranked}


def grid_of(space: Mapping[str, Range]) -> dict[str, str]:
    """Lists of values for the keys of a space: they multiply, so that some keys may be left at their defaults."""
    grid: dict[str, str] = {}
    size = 1
    for key, each in space.items():
        size *= len(each.values())
        if size <= MOST:
            grid[key] = ",".join(each.values())
    return grid


def _of_class(node: Mapping[str, Any]) -> tuple[Mapping[str, Range], dict[str, Any]]:
    """The ranges that a node's class has of its own, and its keys with their defaults."""
    name = node.get("NAME")
    if not OPTIMIZERS.has(name):
        return {}, dict(node)
    entry = OPTIMIZERS.entry(name)
    if entry.config is None:
        return entry.component.search_space, dict(node)
    return entry.component.search_space, {field.key: field.default for field in own_first(entry.config)}


def nodes() -> dict[str, dict[str, Any]]:
    """The nodes of all options of the group `optimizer`, by option: classes, recipes, what users registered."""
    found = {entry.option: {"NAME": entry.name} for entry in OPTIMIZERS.entries().values()}
    folder = files("scepter_opt.conf") / "optimizer"
    for name in sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")):
        if name not in found:
            found[name] = _recipe(name)
    return found


@cache
def _recipe(option: str) -> dict[str, Any]:
    """The node of an option file that extends another one, as far as spaces go by it."""
    text = (files("scepter_opt.conf") / "optimizer" / f"{option}.yaml").read_text(encoding="utf-8")
    said: dict[str, Any] = yaml.safe_load(text) or {}
    node: dict[str, Any] = {}
    for item in said.pop("defaults", []):
        place, _, chosen = str(item).strip("{}").replace("'", "").partition(": ")
        if not chosen and place != "_self_":
            node |= _node_of(place)
        elif place.startswith("/optimizer@OPTIMIZERS."):
            node.setdefault("OPTIMIZERS", {})[place.rpartition(".")[2]] = _node_of(chosen)
    for name, settings in (said.pop("OPTIMIZERS", None) or {}).items():
        node["OPTIMIZERS"][name].update(settings)
    return {**node, **said}


def _node_of(option: str) -> dict[str, Any]:
    entry = OPTIMIZERS.option(option)
    return {"NAME": entry.name} if entry is not None else dict(_recipe(option))


def spaces() -> dict[str, dict[str, Range]]:
    """The search spaces by option of the group; an option of whose keys none is searched has none."""
    found = {option: space_of(node) for option, node in nodes().items()}
    return {option: space for option, space in found.items() if space}


def ranges(option: str) -> dict[str, str] | None:
    """The searched keys of an option with their ranges as Hydra's sweepers read them; None where it has none.

    Args:
        option: Of the group `optimizer`, or with `_grid` behind it for lists.

    >>> ranges("sgd_grid")["LEARNING_RATE"]
    '0.001,0.01,0.1,1.0'
    """
    name = option.removesuffix(LISTED)
    space = space_of(nodes().get(name, {}))
    if not space:
        return None
    return grid_of(space) if name != option else {key: each.drawn() for key, each in space.items()}


def content(option: str, place: str = "optimizer") -> dict[str, Any] | None:
    """What an option of the group of spaces sets in `hydra.sweeper`; None where there is no such option.

    Args:
        option: As `ranges` takes it, or `chosen`.
        place: The key of the optimizer's node.
    """
    if option == CHOSEN:
        return {"custom_search_space": SUGGEST}
    found = ranges(option)
    return None if found is None else {"params": {f"{place}.{key}": text for key, text in found.items()}}


def space_files() -> Iterator[tuple[str, str]]:
    """Names of option files with their text, for every option of the group that is a file of the package."""
    yours = {entry.option for entry in OPTIMIZERS.user_entries().values()}
    for option in (*spaces(), CHOSEN):
        if option not in yours:
            yield f"{option}.yaml", space_file(option)
        if option not in yours and option != CHOSEN:
            yield f"{option}{LISTED}.yaml", space_file(f"{option}{LISTED}")


def space_file(option: str, place: str = "optimizer") -> str:
    """The text of an option file.

    Args:
        option: As `content` takes it.
        place: The key of the optimizer's node.

    Raises:
        ConfigError: There is no such option; names the nearest.
    """
    name = option.removesuffix(LISTED)
    sweeper = "Hydra's basic sweeper, which runs every combination" if name != option else _DRAWS
    lines = [f"# @package {PACKAGE}", f"# Where the keys of optimizer={name} are searched, for {sweeper}."]
    said = content(option, place)
    if said is None:
        known = [*spaces(), CHOSEN]
        message = f"there is no such search space.{did_you_mean(name, known)} There are {', '.join(known)}."
        raise ConfigError([Problem(GROUP, message, option)])
    if option == CHOSEN:
        lines[1] = f"# Where the keys of whichever optimizer a trial draws are searched, for {_DRAWS}."
        return "\n".join([*lines, f"custom_search_space: {SUGGEST}"]) + "\n"
    lines.append("params:")
    node = nodes()[name]
    for key, text in said["params"].items():
        # in a list, since a bare scalar would end in a document marker
        value = yaml.safe_dump([text], default_flow_style=True, width=1000).strip()[1:-1]
        lines += [f"  # {_documented(node, key.removeprefix(f'{place}.'))}", f"  {key}: {value}"]
    return "\n".join(lines) + "\n"


def _documented(node: Mapping[str, Any], key: str) -> str:
    """A key's documentation, of a part's with the part's name."""
    above, _, last = key.rpartition(".")
    part = above.rpartition(".")[2]
    name = node["OPTIMIZERS"][part]["NAME"] if part else node["NAME"]
    entry = OPTIMIZERS.entry(name)
    text = documentation(entry.config).get(last, last) if entry.config else last
    return f"{part}: {text}" if part else text
