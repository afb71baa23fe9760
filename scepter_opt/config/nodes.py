"""A node, whatever it is made of, as plain Python: dicts, lists and values, with what cannot be read named."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from omegaconf import Container, DictConfig, ListConfig, Node, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..errors import ABSENT, Problem, join_key
from .base import Readable

DEEPEST = 40
"""Levels of nesting; a deeper config holds itself."""
_EXPOSE = (
    "this is a text, not a node. Where it comes from Hydra, there is no such config group: `import scepter_opt` before "
    "@hydra.main makes the groups known; without the import, add `hydra: {{searchpath: [pkg://scepter_opt.conf]}}` to "
    "your config. Then choose an option with {kind}=OPTION, without a +."
)


def full_key(node: Any) -> str:
    """The key of a node in the config that it is part of; empty for a root and for what is no OmegaConf node."""
    # OmegaConf has no public name for this, and gets the key of an item of a list right only on the way to a key in it
    return str(node._get_full_key("_")).removesuffix("_").rstrip(".") if isinstance(node, DictConfig) else ""


def config_type(node: Any) -> type | None:
    """The class that a node is typed by, None for an untyped one."""
    if isinstance(node, DictConfig):
        cls = OmegaConf.get_type(node)
        return None if cls is dict else cls
    return type(node) if dataclasses.is_dataclass(node) else None


def is_node(value: Any) -> bool:
    """Whether `value` holds keys: a mapping, a Config, or an object such as SCEPTER's, with a `cfg_dict`."""
    if isinstance(value, DictConfig):
        return not (value._is_none() or value._is_missing())
    return (
        isinstance(value, (Mapping, Readable))
        or (dataclasses.is_dataclass(value) and not isinstance(value, type))
        or isinstance(getattr(value, "cfg_dict", None), Mapping)
    )


def read(node: Any, kind: str = "") -> tuple[dict[Any, Any], list[Problem]]:
    """The plain values of a node, and what cannot be read, with keys relative to the node.

    The node is not changed. A `???` stays one; what cannot be read is a problem, and ABSENT among the values.
    """
    if isinstance(node, str):
        return {}, [Problem("", _EXPOSE.format(kind=kind or "optimizer"), node)]
    if node is None or (isinstance(node, DictConfig) and not is_node(node)):
        hint = " For no schedule choose lr_scheduler=none." if kind == "lr_scheduler" else ""
        return {}, [Problem("", f"must be a node: keys with values.{hint}", None)]
    if not is_node(node):
        return {}, [Problem("", "must be a node: keys with values.", node)]
    if isinstance(node, DictConfig):
        # where it fails, key by key below, to name the one at fault
        with suppress(OmegaConfBaseException, RecursionError):
            return _resolved_values(node), []
    problems: list[Problem] = []
    return _to_plain(node, "", 0, problems.append), problems


def _resolved_values(node: DictConfig) -> dict[Any, Any]:
    """What to_container gives: read from the content itself where nothing is to be resolved, in a tenth of the time."""
    content = node._value()
    if isinstance(content, dict):
        values = {key: _own_value(child) for key, child in content.items()}
        if all(value is not ABSENT for value in values.values()):
            return values
    resolved: Any = OmegaConf.to_container(node, resolve=True)
    return dict(resolved)


def _own_value(child: Any) -> Any:
    """The value of an OmegaConf node that refers to no other; ABSENT of one that does, or holds more than values."""
    content = child._value()
    if isinstance(content, Node):  # of a union the node that holds the value
        content = content._value()
    if isinstance(child, ListConfig) and isinstance(content, list):
        items = [_own_value(item) for item in content]
        return ABSENT if any(item is ABSENT for item in items) else items
    if isinstance(child, Container):
        return {} if isinstance(child, DictConfig) and content == {} else ABSENT
    return ABSENT if isinstance(content, str) and "${" in content else content


def _to_plain(value: Any, key: str, depth: int, report: Callable[[Problem], None]) -> Any:
    if value is None or isinstance(value, (str, int, float)):
        return value
    if depth > DEEPEST:
        report(Problem(key, f"is nested more than {DEEPEST} levels deep."))
        return ABSENT
    if is_node(value):
        return _items_to_plain(pairs(value), key, depth, report)
    if isinstance(value, (list, tuple, ListConfig)):
        items = _items_to_plain(pairs(value), key, depth, report)
        return list(items.values())
    if isinstance(value, (set, frozenset)):
        report(Problem(key, "a set has no order: write a list.", value))
        return ABSENT
    return value


def _items_to_plain(
    pairs: Iterable[tuple[Any, Callable[[], Any]]], key: str, depth: int, report: Callable[[Problem], None]
) -> dict[Any, Any]:
    values = {}
    for name, get in pairs:
        below = join_key(key, f"[{name}]" if isinstance(name, int) and not isinstance(name, bool) else str(name))
        try:
            item = get()
        except (OmegaConfBaseException, RecursionError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            report(Problem(below, f"cannot be resolved: {reason}"))
            values[name] = ABSENT
            continue
        values[name] = _to_plain(item, below, depth + 1, report)
    return values


def pairs(node: Any) -> Iterable[tuple[Any, Callable[[], Any]]]:
    """The keys of a node or the positions of a list, each with what reads its value."""
    if isinstance(node, (list, tuple, ListConfig)):
        return ((position, _getter(node, position)) for position in range(len(node)))
    if isinstance(node, (Mapping, Readable)):
        return ((key, _getter(node, key)) for key in node.keys())  # noqa: SIM118  # keys() resolves nothing
    if dataclasses.is_dataclass(node):
        return ((field.name, _attribute(node, field.name)) for field in dataclasses.fields(node))
    return ((key, _getter(node.cfg_dict, key)) for key in node.cfg_dict)


def _getter(container: Any, key: Any) -> Callable[[], Any]:
    def get() -> Any:
        if isinstance(container, (DictConfig, ListConfig)) and OmegaConf.is_missing(container, key):
            return "???"
        return container[key]

    return get


def _attribute(node: Any, name: str) -> Callable[[], Any]:
    return lambda: getattr(node, name)
