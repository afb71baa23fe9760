"""check: every node of an app's whole config, found by place, type and name, alone and in pairs. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from omegaconf import ListConfig
from omegaconf.errors import OmegaConfBaseException

from .components.checking import check_node, inspect
from .components.registry import registries
from .config.base import Config, OpenConfig
from .config.nodes import DEEPEST, config_type, full_key, is_node, pairs
from .errors import ConfigError, Problem, below, join_key, say

_SINGLE = {
    "optimizer": "optimizer",
    "optim": "optimizer",
    "OPTIMIZER": "optimizer",
    "lr_scheduler": "lr_scheduler",
    "scheduler": "lr_scheduler",
    "LR_SCHEDULER": "lr_scheduler",
}
_SEVERAL = {"optimizers": "optimizer", "lr_schedulers": "lr_scheduler"}


@dataclass(frozen=True)
class Found:
    """A node with its full key, and the kind that its place asks for, if it does."""

    key: str
    node: Any
    kind: str | None


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
    if "NAME" not in values:
        return False
    return _is_known(values) or not any(key in _SINGLE or key in _SEVERAL for key in values)


def _check_whole(cfg: Any, imports: bool | None) -> dict[str, Any]:
    """Every node of a config, checked alone and in pairs, by full key.

    Raises:
        ConfigError: All problems of all nodes, or there is no node.
    """
    found = list(_walk(cfg, full_key(cfg), None, set(), 0))
    problems = _strays(cfg)
    if not found and not problems:
        places = ", ".join([*_SINGLE, *(f"{key}.*" for key in _SEVERAL)])
        message = f"holds no optimizer and no lr_scheduler, neither at {places} nor by a NAME."
        raise ConfigError([Problem("", message)])
    configs: dict[str, Any] = {}
    remarks: list[Problem] = []
    known = {registry.kind: registry for registry in registries()}
    for place in found:
        config, wrong = inspect(place.node, known.get(place.kind or ""), imports)
        if not wrong:
            wrong, said = _rehearsed(config)
            remarks += [remark.under(place.key) for remark in said]
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


def _strays(cfg: Any) -> list[Problem]:
    """What was meant for a node and lies beside it: a usual place that cannot be read, rules at the root."""
    problems = []
    for key, get in pairs(cfg):
        place = str(key)
        try:
            value = get()
        except (OmegaConfBaseException, RecursionError) as error:
            if place in _SINGLE or place in _SEVERAL:
                problems.append(Problem(place, f"cannot be resolved: {str(error).strip().partition(chr(10))[0]}"))
            continue
        if place == "param_groups" and is_node(value) and any(is_node(rule) for rule in _readable(value).values()):
            message = (
                "lies beside the optimizer: choose rules by param_groups@optimizer.PARAM_GROUPS=OPTION, without a +."
            )
            problems.append(Problem(place, message))
    return problems


def _walk(value: Any, path: str, kind: str | None, seen: set[int], depth: int) -> Iterator[Found]:
    """Nodes at and below `value`; `kind` is what its place says that it is."""
    if id(value) in seen or depth > DEEPEST:
        return
    if is_node(value):
        seen.add(id(value))
        values = _readable(value)
        if "_target_" not in values and (kind is not None or _is_ours(value, values)):
            yield Found(full_key(value) or path, value, kind)
            return
        for key, child in values.items():
            below = join_key(path, str(key))
            if path == "" or (is_node(child) and "NAME" in _readable(child)):
                yield from _walk(child, below, _SINGLE.get(str(key)), seen, depth + 1)
            elif path in _SEVERAL:
                yield from _walk(child, below, _SEVERAL[path], seen, depth + 1)
            else:
                yield from _walk(child, below, None, seen, depth + 1)
    elif kind is not None:
        yield Found(path, value, kind)
    elif isinstance(value, (list, tuple, ListConfig)):
        for position, item in _readable(value).items():
            yield from _walk(item, f"{path}[{position}]", None, seen, depth + 1)


def _readable(node: Any) -> dict[Any, Any]:
    """The values of a node or a list that can be read; those at fault are named when the node itself is inspected."""
    found = {}
    for key, get in pairs(node):
        try:
            found[key] = get()
        except (OmegaConfBaseException, RecursionError):
            continue
    return found


def _is_known(values: dict[Any, Any]) -> bool:
    return any(registry.has(values.get("NAME")) for registry in registries())


def _is_ours(node: Any, values: dict[Any, Any]) -> bool:
    return _is_known(values) or any(registry.entry_of(config_type(node)) for registry in registries())


def _pairs(configs: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Keys of optimizers with the keys of the schedulers that will drive them: siblings, or the only two."""
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
