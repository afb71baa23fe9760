"""check: every node of an app's whole config, found by place, type and name, alone and in pairs. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from omegaconf import ListConfig

from .components.checking import check_node, inspect
from .components.registry import registries, registry
from .components.targets import target_kind
from .config.base import Config, OpenConfig
from .config.nodes import config_type, full_key, is_node, pairs
from .config.validation import fields
from .errors import ConfigError, Problem, below, join_key, nearest, reason_of, say, text_of

_SINGLE = {
    "optimizer": "optimizer",
    "optim": "optimizer",
    "OPTIMIZER": "optimizer",
    "lr_scheduler": "lr_scheduler",
    "scheduler": "lr_scheduler",
    "LR_SCHEDULER": "lr_scheduler",
}
_SEVERAL = {"optimizers": "optimizer", "lr_schedulers": "lr_scheduler"}


_LISTS = (list, tuple, ListConfig)
_DEEPEST = 1000
"""Levels of an app's config; a deeper one makes itself while it is read."""
_STRAY_RULES = "lies beside the optimizer: choose rules by param_groups@optimizer.PARAM_GROUPS=OPTION, without a +."


@dataclass(frozen=True)
class Place:
    """What stands somewhere in a config."""

    key: str
    """Its full key."""
    node: Any
    """What stands there."""
    kind: str | None
    """What its key says that it is: `optimizer`, `lr_scheduler`, or nothing."""
    binding: bool
    """Whether nothing else can be meant by that key, so near to the root."""
    depth: int
    """Levels below the root."""


def check(cfg: Any, *, imports: bool | None = None) -> Any:
    """Check a node, or every node in an app's whole config, before anything heavy is imported or built.

    Args:
        cfg: A node (it has `NAME`), or a config that holds nodes: at the keys optimizer, optim, optimizers.*,
            lr_scheduler, scheduler, lr_schedulers.*, OPTIMIZER and LR_SCHEDULER, and wherever the type or the `NAME`
            of a mapping tells it.
        imports: Whether keys that are import paths are imported (True), left to the build (None) or refused (False).

    Returns:
        The node's Config; for a whole config a dict of Configs by full key.

    Raises:
        ConfigError: Names every problem at once, in the order of the keys.

    >>> check({"NAME": "SGD", "LERNING_RATE": 0.1})
    Traceback (most recent call last):
    ...
    scepter_opt.errors.ConfigError: 1 problem in the configuration
      LERNING_RATE = 0.1: SGD has no such key. Did you mean LEARNING_RATE?
    """
    if not _is_single_node(cfg):
        return _check_whole(cfg, imports)
    config = check_node(cfg, None, imports, full_key(cfg))
    with below(full_key(cfg)):
        problems, remarks = _rehearsed(config)
        if problems:
            raise ConfigError(problems)
        for remark in remarks:
            say(remark)
    return config


def _rehearsed(config: Any) -> tuple[list[Problem], list[Problem]]:
    """What is wrong with a Config, and what is to be said of it, that only trying it shows."""
    if not isinstance(config, Config):
        return [], []
    problems, remarks = config.rehearsal()
    return list(problems), list(remarks)


def _is_single_node(cfg: Any) -> bool:
    """Whether `cfg` is one node, not a config that holds nodes."""
    typed = config_type(cfg)
    if not is_node(cfg) or (typed is not None and issubclass(typed, Config)):
        return True
    values = _readable(cfg)
    if any(is_node(value) for key, value in values.items() if key in _SINGLE or key in _SEVERAL):
        return False  # whatever the app itself may be called
    if _kind_of(cfg, values) or target_kind(values):
        return True
    # a NAME that is not known: a misspelt one of a node, or the app's own
    configs = [entry.config for known in registries() for entry in known.entries().values() if entry.config]
    keys = {key for config in configs for key in fields(config)} - {"NAME"}
    return "NAME" in values and (bool(keys & values.keys()) or not _find(cfg, None)[0])


def _check_whole(cfg: Any, imports: bool | None) -> dict[str, Any]:
    """Every node of a config, checked alone and in pairs, by full key.

    Raises:
        ConfigError: All problems of all nodes, or there is no node.
    """
    places, problems = _find(cfg, imports)
    if not places and not problems:
        usual = ", ".join([*_SINGLE, *(f"{key}.*" for key in _SEVERAL)])
        message = f"holds no optimizer and no lr_scheduler, neither at {usual} nor by a NAME."
        raise ConfigError([Problem("", message)])
    configs: dict[str, Any] = {}
    remarks: list[Problem] = []
    known = {registry.kind: registry for registry in registries()}
    for place in places:
        config, wrong = inspect(place.node, known.get(place.kind or ""), imports)
        if not wrong:
            wrong, said = _rehearsed(config)
            alone = place.key.rpartition(".")[2] in _SINGLE and isinstance(config, Config)
            remarks += [remark.under(place.key) for remark in [*said, *(config.remarks_alone() if alone else ())]]
        problems += [problem.under(place.key) for problem in wrong]
        if not wrong:
            configs[place.key] = config
    for optimizer, scheduler in _pairs(configs):
        if isinstance(configs[scheduler], OpenConfig):
            continue
        wrong = list(configs[scheduler].conflicts_with(configs[optimizer]))
        problems += [problem.under(scheduler) for problem in wrong]
        remarks += [remark.under(scheduler) for remark in configs[scheduler].remarks_with(configs[optimizer])]
    if problems:
        raise ConfigError(problems)
    for remark in remarks:
        say(remark)
    return configs


def _find(cfg: Any, imports: bool | None) -> tuple[list[Place], list[Problem]]:
    """The nodes at and below a config, in order, and what cannot be read where a node is usual."""
    search = _Search(imports)
    stack = [Place(full_key(cfg), cfg, None, binding=False, depth=0)]
    # a stack, not recursion: a config may be nested more deeply than Python's calls
    while stack:
        place = stack.pop()
        if place.depth > _DEEPEST:
            message = f"is nested more than {_DEEPEST} levels deep."
            return search.nodes, [*search.problems, Problem(f"{place.key[:60]}...", message)]
        stack += reversed(search.visit(place))
    return search.nodes, [*search.problems, *search.stray_texts()]


class _Search:
    """What was found so far on the way through a config."""

    def __init__(self, imports: bool | None) -> None:
        self._imports = imports
        self.nodes: list[Place] = []
        self.problems: list[Problem] = []
        self._texts: list[Place] = []
        # the objects themselves, since a mapping may make its children when asked: the id of a dead one is used again
        self._seen: dict[tuple[int, bool], Any] = {}
        self._held: set[str | None] = set()

    def visit(self, place: Place) -> list[Place]:
        """Keep what stands at a place; where it is no node, what lies below it."""
        values = _readable(place.node) if is_node(place.node) else {}
        kind = (
            (_kind_of(place.node, values) or (place.kind and target_kind(values, self._imports)))
            if place.depth
            else None
        )
        misplaced = bool(kind and place.kind and kind != place.kind)
        if self._is_seen(place.node, misplaced):
            return []
        if kind or (place.kind and _asks_for_a_node(place, values)):
            # an interpolation leads to a node elsewhere: it is told there, but where another kind is wanted
            self.nodes.append(place if misplaced else replace(place, key=full_key(place.node) or place.key))
            self._held.add(place.kind or kind)
            return []
        if isinstance(place.node, str) and place.kind and _is_option(place.kind, place.node):
            self._texts.append(place)
        inside, problems = _below(place)
        self.problems += problems
        return inside

    def stray_texts(self) -> Iterator[Problem]:
        """Options that stand where nodes should. Beside a node of its kind, a text may mean anything to the app."""
        for place in self._texts:
            if place.kind not in self._held:
                choice = f"{place.kind}@{place.key}={place.node}"
                message = f"is a text, not a node: choose the option by {choice}, without a +."
                yield Problem(place.key, message, place.node)

    def _is_seen(self, node: Any, misplaced: bool) -> bool:
        if not (is_node(node) or isinstance(node, _LISTS)):
            return False
        known = (id(node), misplaced) in self._seen
        self._seen[id(node), misplaced] = node
        return known


def _asks_for_a_node(place: Place, values: dict[Any, Any]) -> bool:
    """Whether what stands at a usual place must be a node, whatever it is."""
    if "_target_" in values:  # Hydra's own, unless it is torch's
        return False
    return place.binding or "NAME" in values


def _below(place: Place) -> tuple[list[Place], list[Problem]]:
    """What lies in a mapping or a list, with what its key says that it is."""
    in_list = isinstance(place.node, _LISTS)
    if not (in_list or is_node(place.node)):
        return [], []
    several = _SEVERAL.get(place.key.rpartition(".")[2])
    is_root = place.depth == 0
    inside: list[Place] = []
    problems: list[Problem] = []
    try:
        items = list(pairs(place.node))
    except Exception as error:  # a mapping of somebody's own may fail in any way
        return [], [Problem(place.key, f"cannot be read: {reason_of(error)}.")]
    for key, get in items:
        name = text_of(key)
        path = join_key(place.key, f"[{name}]" if in_list else name)
        kind = several or (None if in_list else _SINGLE.get(name))
        try:
            value = get()
        except Exception as error:
            if kind or name in _SEVERAL:
                problems.append(Problem(path, f"cannot be resolved: {reason_of(error)}"))
            continue
        if is_root and name == "param_groups" and is_node(value) and any(map(is_node, _readable(value).values())):
            problems.append(Problem(path, _STRAY_RULES))
        meant = nearest(name, _SINGLE) if is_root and isinstance(value, str) and kind is None else None
        if meant and _is_option(_SINGLE[meant], value):
            problems.append(Problem(path, f"is no place for a node. Did you mean {meant}={value}, without a +?", value))
        binding = is_root or (several is not None and place.depth == 1)
        inside.append(Place(path, value, kind, binding and kind is not None, place.depth + 1))
    return inside, problems


def _readable(node: Any) -> dict[Any, Any]:
    """The values of a node or a list that can be read; those at fault are named when the node itself is inspected."""
    values = {}
    with suppress(Exception):  # a mapping of somebody's own may fail in any way
        for key, get in pairs(node):
            with suppress(Exception):
                values[key] = get()
    return values


def _kind_of(node: Any, values: dict[Any, Any]) -> str | None:
    """The kind of a node that its type or its NAME tells; None for what is no node of ours."""
    typed, name = config_type(node), values.get("NAME")
    return next((known.kind for known in registries() if known.has(name) or known.entry_of(typed)), None)


def _is_option(kind: str, text: str) -> bool:
    return any(text in (entry.option, entry.name) for entry in registry(kind).entries().values())


def _pairs(configs: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Keys of optimizers with the keys of the schedulers that will drive them: siblings, or the only two."""
    # SCEPTER and most apps have one of each, wherever they stand
    optimizers, schedulers = registries()
    ours = [key for key, config in configs.items() if optimizers.has(config.NAME)]
    theirs = [key for key, config in configs.items() if schedulers.has(config.NAME)]
    if len(ours) == len(theirs) == 1:
        yield ours[0], theirs[0]
        return
    for key in ours:
        place = _sibling_place(key)
        yield from ((key, other) for other in theirs if _sibling_place(other) == place)


def _sibling_place(key: str) -> tuple[str, str]:
    """Siblings share a parent; members of `optimizers` and `lr_schedulers` share a name."""
    parent, _, last = key.rpartition(".")
    above, _, group = parent.rpartition(".")
    return (above, last) if group in _SEVERAL else (parent, "")
