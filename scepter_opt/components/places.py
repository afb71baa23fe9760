"""The nodes of a whole config: where they usually stand, what their types say, and what their names say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from omegaconf import ListConfig

from ..config.nodes import config_type, full_key, is_node, pairs
from ..errors import Problem, join_key, nearest, reason_of, text_of
from .registry import registries, registry
from .targets import target_kind

SINGLE = {
    "optimizer": "optimizer",
    "optim": "optimizer",
    "OPTIMIZER": "optimizer",
    "lr_scheduler": "lr_scheduler",
    "scheduler": "lr_scheduler",
    "LR_SCHEDULER": "lr_scheduler",
}
"""Keys at which a node is usual, with its kind."""
SEVERAL = {"optimizers": "optimizer", "lr_schedulers": "lr_scheduler"}
"""Keys of named nodes, with their kind."""
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


def find(cfg: Any, imports: bool | None) -> tuple[list[Place], list[Problem]]:
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
        values = readable(place.node) if is_node(place.node) else {}
        kind = (
            (kind_of(place.node, values) or (place.kind and target_kind(values, self._imports)))
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
    several = SEVERAL.get(place.key.rpartition(".")[2])
    inside: list[Place] = []
    problems: list[Problem] = []
    try:
        items = list(pairs(place.node))
    except Exception as error:  # a mapping of somebody's own may fail in any way
        return [], [Problem(place.key, f"cannot be read: {reason_of(error)}.")]
    for key, get in items:
        name = text_of(key)
        path = join_key(place.key, f"[{name}]" if in_list else name)
        kind = several or (None if in_list else SINGLE.get(name))
        try:
            value = get()
        except Exception as error:
            # elsewhere the app may never ask for it
            problems += [Problem(path, f"cannot be resolved: {reason_of(error)}")] if kind or name in SEVERAL else []
            continue
        if place.depth == 0 and kind is None:
            problems += _strays(name, path, value)
        near = place.depth == 0 or (several is not None and place.depth == 1)
        inside.append(Place(path, value, kind, near and kind is not None, place.depth + 1))
    return inside, problems


def _strays(name: str, path: str, value: Any) -> Iterator[Problem]:
    """What lies at the root and was meant for a node: rules beside it, an option at a misspelt place."""
    if name == "param_groups" and is_node(value) and any(map(is_node, readable(value).values())):
        yield Problem(path, _STRAY_RULES)
    meant = nearest(name, SINGLE) if isinstance(value, str) else None
    if meant and _is_option(SINGLE[meant], value):
        yield Problem(path, f"is no place for a node. Did you mean {meant}={value}, without a +?", value)


def readable(node: Any) -> dict[Any, Any]:
    """The values of a node or a list that can be read; those at fault are named when the node itself is inspected."""
    values = {}
    with suppress(Exception):  # a mapping of somebody's own may fail in any way
        for key, get in pairs(node):
            with suppress(Exception):
                values[key] = get()
    return values


def kind_of(node: Any, values: dict[Any, Any]) -> str | None:
    """The kind of a node that its type or its NAME tells; None for what is no node of ours."""
    typed, name = config_type(node), values.get("NAME")
    return next((known.kind for known in registries() if known.has(name) or known.entry_of(typed)), None)


def _is_option(kind: str, text: str) -> bool:
    return any(text in (entry.option, entry.name) for entry in registry(kind).entries().values())
