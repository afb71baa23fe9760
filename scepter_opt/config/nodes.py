"""A node, whatever it is made of, as plain Python: dicts, lists and values, with what cannot be read named."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from omegaconf import MISSING, Container, DictConfig, ListConfig, Node, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..errors import ABSENT, ConfigError, Problem, join_key, reason_of, text_of
from .base import Readable

DEEPEST = 40
"""Levels of nesting; a deeper config holds itself."""
_EXPOSE = (
    "this is a text, not a node. Where it comes from Hydra, there is no such config group: `import scepter_opt` before "
    "@hydra.main makes the groups known; without the import, add `hydra: {{searchpath: [pkg://scepter_opt.conf]}}` to "
    "your config. Then choose an option with {kind}=OPTION, or {kind}@PLACE=OPTION where the node lies deeper, without "
    "a +."
)


def full_key(node: Any) -> str:
    """The key of a node in the config that it is part of; empty for a root and for what is no OmegaConf node."""
    # OmegaConf has no public name for this, and gets the key of an item of a list right only on the way to a key in it
    with suppress(ValueError):  # a key above it is an integer of more digits than Python writes
        return str(node._get_full_key("_")).removesuffix("_").rstrip(".") if isinstance(node, DictConfig) else ""
    return ""


def node_of_call(cfg: Any, keys: Mapping[str, Any], kind: str) -> Any:
    """The node of a call that takes one, or its keys as keywords.

    Args:
        cfg: The node, or None.
        keys: Keys of the node that were given as keywords.
        kind: What the node is of, for the messages.

    Raises:
        ConfigError: Both are given.
    """
    if cfg is None or not keys:
        return cfg if cfg is not None else keys or None
    message = "is given beside cfg: write it there, or give all keys as keywords."
    place = full_key(cfg) or kind
    raise ConfigError(Problem(join_key(place, key), message, value) for key, value in keys.items())


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
        or isinstance(_cfg_dict(value), Mapping)
    )


def _cfg_dict(value: Any) -> Any:
    try:
        return getattr(value, "cfg_dict", None)
    except Exception:  # an object's own __getattr__ may fail in any way
        return None


def read(node: Any, kind: str = "") -> tuple[dict[Any, Any], list[Problem]]:
    """The plain values of a node, and what cannot be read, with keys relative to the node.

    The node is not changed. A `???` stays one; what cannot be read is a problem, and ABSENT among the values.
    """
    if isinstance(node, str):
        if node == MISSING:
            return {}, [Problem("", "is required, and still ???.")]
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
    reader = _Reader()
    values = reader.read(node)
    return ({} if values is ABSENT else values), reader.problems


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
    # OmegaConf's own access resolves, checks flags and walks to the root at every key
    content = child._value()
    if isinstance(content, Node):  # of a union the node that holds the value
        content = content._value()
    if isinstance(child, ListConfig) and isinstance(content, list):
        items = [_own_value(item) for item in content]
        return ABSENT if any(item is ABSENT for item in items) else items
    if isinstance(child, Container):
        return {} if isinstance(child, DictConfig) and content == {} else ABSENT
    return ABSENT if isinstance(content, str) and "${" in content else content


class _Reader:
    """Reads a node key by key, and keeps what cannot be read as problems."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._endless = False

    def read(self, value: Any, key: str = "", depth: int = 0) -> Any:
        """The value in plain Python, ABSENT where it cannot be read."""
        if value is None or isinstance(value, (str, int, float)):
            return value
        # a mapping may make its children when it is asked for them: after one branch without an end, none is followed
        if self._endless:
            return ABSENT
        if depth > DEEPEST:
            self._endless = True
            return self._absent(key, f"is nested more than {DEEPEST} levels deep.")
        if is_node(value):
            return self._read_items(value, key, depth)
        if isinstance(value, (list, tuple, ListConfig)):
            items = self._read_items(value, key, depth)
            return items if items is ABSENT else list(items.values())
        if isinstance(value, (set, frozenset)):
            return self._absent(key, "a set has no order: write a list.", value)
        if type(value).__module__.partition(".")[0] == "numpy" and hasattr(value, "tolist"):
            return self.read(value.tolist(), key, depth + 1)
        return value

    def _read_items(self, container: Any, key: str, depth: int) -> Any:
        values: dict[Any, Any] = {}
        try:
            for name, get in pairs(container):
                position = isinstance(name, int) and not isinstance(name, bool)
                below = join_key(key, f"[{text_of(name)}]" if position else text_of(name))
                values[name] = self._read_item(get, below, depth)
        except Exception as error:  # a mapping of somebody's own may fail in any way
            return self._absent(key, f"cannot be read: {reason_of(error)}")
        return values

    def _read_item(self, get: Callable[[], Any], key: str, depth: int) -> Any:
        try:
            value = get()
        except (OmegaConfBaseException, RecursionError) as error:
            return self._absent(key, f"cannot be resolved: {reason_of(error)}")
        except Exception as error:
            return self._absent(key, f"cannot be read: {reason_of(error)}")
        return self.read(value, key, depth + 1)

    def _absent(self, key: str, message: str, value: Any = ABSENT) -> Any:
        self.problems.append(Problem(key, message, value))
        return ABSENT


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
        # OmegaConf raises where a value is ???, and so it could not be told from one that cannot be resolved
        if isinstance(container, (DictConfig, ListConfig)) and OmegaConf.is_missing(container, key):
            return "???"
        return container[key]

    return get


def _attribute(node: Any, name: str) -> Callable[[], Any]:
    return lambda: getattr(node, name)
