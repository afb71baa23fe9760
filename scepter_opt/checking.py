"""check: every node of an app's whole config, found by place, type and name, alone and in pairs. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .components.checking import check_node, inspect
from .components.imported import remarks_on
from .components.places import SEVERAL, SINGLE, find, kind_of, readable
from .components.registry import registries
from .components.targets import target_kind
from .config.base import Config, OpenConfig
from .config.nodes import config_type, full_key, is_node
from .config.validation import fields
from .errors import ConfigError, Problem, below, say


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
    problems, remarks = config.rehearsal() if isinstance(config, Config) else ((), ())
    return list(problems), [*remarks_on(config), *remarks]


def _is_single_node(cfg: Any) -> bool:
    """Whether `cfg` is one node, not a config that holds nodes."""
    typed = config_type(cfg)
    if not is_node(cfg) or (typed is not None and issubclass(typed, Config)):
        return True
    values = readable(cfg)
    if any(is_node(value) for key, value in values.items() if key in SINGLE or key in SEVERAL):
        return False  # whatever the app itself may be called
    if kind_of(cfg, values) or target_kind(values):
        return True
    if "NAME" not in values:
        return False
    # a NAME that is not known: a misspelt one of a node, or the app's own
    configs = [entry.config for known in registries() for entry in known.entries().values() if entry.config]
    keys = {key for config in configs for key in fields(config)} - {"NAME"}
    return bool(keys & values.keys()) or not find(cfg, None)[0]


def _check_whole(cfg: Any, imports: bool | None) -> dict[str, Any]:
    """Every node of a config, checked alone and in pairs, by full key.

    Raises:
        ConfigError: All problems of all nodes, or there is no node.
    """
    places, problems = find(cfg, imports)
    if not places and not problems:
        usual = ", ".join([*SINGLE, *(f"{key}.*" for key in SEVERAL)])
        message = f"holds no optimizer and no lr_scheduler, neither at {usual} nor by a NAME."
        raise ConfigError([Problem("", message)])
    configs: dict[str, Any] = {}
    remarks: list[Problem] = []
    known = {registry.kind: registry for registry in registries()}
    for place in places:
        config, wrong = inspect(place.node, known.get(place.kind or ""), imports)
        if not wrong:
            wrong, said = _rehearsed(config)
            alone = place.key.rpartition(".")[2] in SINGLE and isinstance(config, Config)
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


def _pairs(configs: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Keys of optimizers with the keys of the schedulers that will drive them: siblings, or the only two."""
    # SCEPTER and most apps have one of each, wherever they stand
    optimizers, schedulers = registries()
    ours = [key for key, config in configs.items() if optimizers.builds(config)]
    theirs = [key for key, config in configs.items() if schedulers.builds(config)]
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
    return (above, last) if group in SEVERAL else (parent, "")
