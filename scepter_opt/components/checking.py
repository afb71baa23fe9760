"""One node to its Config, or a ConfigError that names every problem. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from omegaconf import MISSING

from ..config.imports import is_import_path
from ..config.nodes import config_type, full_key, pairs, read
from ..errors import ConfigError, Problem, below, text_of
from .entry import Entry
from .places import SINGLE
from .registry import Registry, meant_registry, registries
from .registry import registry as registry_of
from .targets import as_keys, as_written, call_keys, path_entry, target_entry


def check_node(node: Any, registry: Registry | None, imports: bool | None = True, key: str | None = None) -> Any:
    """The Config of one node.

    Args:
        node: Any mapping, or a Config.
        registry: The registry that must know its `NAME`; None for whichever does.
        imports: As in `check`; whoever builds imports.
        key: Full key for the messages; by default the node's own, or the registry's kind.
    """
    config, problems = inspect(node, registry, imports)
    if problems:
        prefix = key if key is not None else full_key(node) or (registry.kind if registry else "")
        raise ConfigError(problem.under(prefix) for problem in problems)
    return config


@contextmanager
def checked(node: Any, registry: Registry, key: str | None = None) -> Iterator[Any]:
    """The Config of one node, whose key stands before the problems that leave the block.

    Args:
        node: Any mapping with `NAME`, or a Config.
        registry: The registry that must know its `NAME`.
        key: Full key for the messages; by default the node's own, or the registry's kind.
    """
    place = key or full_key(node) or registry.kind
    config = check_node(node, registry, key=place)
    with below(place):
        yield config


def inspect_named(
    nodes: Iterable[tuple[Any, Any]],
    registry: Registry,
    imports: bool | None,
    refusals: Callable[[int, Any, Any], Iterable[Problem]] = lambda *_: (),
) -> tuple[dict[str, Any], list[Problem]]:
    """The Configs of named nodes of one registry (None where one has problems), and all problems under the names.

    Args:
        nodes: Names with nodes, in order.
        registry: The registry that must know them all.
        imports: As in `check`.
        refusals: Why one cannot stand here, from its position, its node and its Config (None where it has problems).
    """
    configs: dict[str, Any] = {}
    problems: list[Problem] = []
    for position, (key, node) in enumerate(nodes):
        name = text_of(key)
        config, wrong = inspect(node, registry, imports)
        # why it cannot stand here at all is worth more than what is wrong with its keys
        wrong = list(refusals(position, node, config)) or wrong
        if name in configs or not name:
            wrong = [Problem("", "there are two parts of this name." if name else "a part needs a name.")]
        problems += [problem.under(name) for problem in wrong]
        configs[name] = config
    return configs, problems


def checked_nodes(nodes: Any, registry: Registry, prefix: str) -> dict[str, Any]:
    """The Configs of an app's named nodes, such as those of `optimizers`.

    Raises:
        ConfigError: All problems of all nodes, with `prefix` before their keys.
    """
    try:
        named = [(name, get()) for name, get in pairs(nodes)]
    except (TypeError, AttributeError):
        named = []
    if not named or any(name in ("NAME", "_target_") for name, _ in named):
        raise ConfigError([Problem(prefix, f"must be named nodes of {registry.kind}s: {{generator: {{NAME: ...}}}}.")])
    configs, problems = inspect_named(named, registry, True)
    if problems:
        raise ConfigError(problem.under(prefix) for problem in problems)
    return configs


def inspect(node: Any, registry: Registry | None, imports: bool | None) -> tuple[Any, list[Problem]]:
    """The Config of one node (None where it has problems) and its problems, with keys relative to it."""
    values, problems = read(node, registry.kind if registry else "")
    if not values and problems:
        return None, problems
    values, kind = call_keys(values)
    if kind is not None:
        built = registry_of(kind)
        if registry not in (None, built):
            message = f"builds an entry of {kind}; an entry of {registry.kind} is needed here."
            return None, [Problem("_target_", message)]
        registry = built
    # problems come from reading, from the keys and from what lies below them: they are told in the order of the keys
    order = {text_of(key): position for position, key in enumerate(["NAME", *values])}
    unread = {_first(problem.key) for problem in problems}
    node_values, written = values, dict[str, str]()
    try:
        entry = target_entry(values, imports)
        if entry is None:
            entry, doubts = _identify(node, values, registry, imports)
        else:
            _check_kind(entry, registry, "_target_")
            values, written, doubts = as_keys(values, entry.name)
    except ConfigError as error:
        return None, [*error.problems, *problems]
    given = {key: value for key, value in values.items() if key != "NAME" and text_of(key) not in unread}
    config, wrong = entry.validate(given, imports)
    problems += doubts
    problems += [as_written(problem, written, node_values) for problem in wrong if problem.key not in unread]
    problems.sort(key=lambda problem: order.get(_first(problem.key), len(order)))
    return (None if problems else config), problems


def _first(key: str) -> str:
    return key.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0]


def _identify(
    node: Any, values: dict[Any, Any], registry: Registry | None, imports: bool | None
) -> tuple[Entry, list[Problem]]:
    """The entry that a node's type and `NAME` say, and where the two differ."""
    typed, name = config_type(node), values.get("NAME", MISSING)
    # the type was put there by the option that was chosen, the NAME may have been written over it
    by_type = next((entry for known in registries() if (entry := known.entry_of(typed))), None)
    by_name = next((known.entry(name) for known in registries() if known.has(name)), None)
    if by_type and not (isinstance(name, str) and name in (MISSING, by_type.name)):
        message = f"this node is {by_type.name}'s, with its keys."
        if by_name:
            message += f" Choose the other by its option: {by_name.kind}={by_name.option}."
        else:
            message += f" Leave it {by_type.name}, or choose another option of {by_type.kind}."
        return by_type, [Problem("NAME", message, name)]
    entry = by_type or by_name or _at_path(node, name, registry, imports)
    if entry is None:
        if isinstance(name, str) and name == MISSING:
            kind = registry.kind if registry else "optimizer or lr_scheduler"
            message = f"is required: the class name of the {kind}, or its import path.{_instead(values, kind)}"
            raise ConfigError([Problem("NAME", message)])
        meant = registries()[0] if "LEARNING_RATE" in values else meant_registry(name)
        return (registry or meant).entry(name), []
    _check_kind(entry, registry, "NAME")
    return entry, []


def _at_path(node: Any, path: Any, registry: Registry | None, imports: bool | None) -> Entry | None:
    """The entry of a NAME that is an import path; without importing, of a class that may have any keys."""
    if not is_import_path(path):
        return None
    entry = path_entry(path, "NAME", imports)
    if entry is not None:
        return entry
    if imports is False:
        raise ConfigError([Problem("NAME", "import paths are refused here (imports=False).", path)])
    if imports:
        kinds = registry.kind if registry else "optimizer or lr_scheduler"
        raise ConfigError([Problem("NAME", f"is no {kinds} of torch's kind.", path)])
    kind = SINGLE.get(full_key(node).rpartition(".")[2])
    meant = registry_of(kind) if kind else meant_registry(path.rpartition(".")[2])
    return (registry or meant).unread_entry(path)


def _check_kind(entry: Entry, registry: Registry | None, key: str) -> None:
    if registry is not None and entry.kind != registry.kind:
        message = f"is an entry of {entry.kind}; an entry of {registry.kind} is needed here."
        raise ConfigError([Problem(key, message, entry.name)])


def _instead(values: dict[Any, Any], kind: str) -> str:
    """What was given in place of a node with a NAME, where it can be told."""
    if kind in values:
        return f" This is a config that holds the node: pass its {kind}."
    spelt = next((key for key in values if isinstance(key, str) and key.upper() == "NAME" != key), None)
    return f" Keys are in capitals, and there is {spelt}." if spelt else ""
