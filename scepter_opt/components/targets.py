"""Nodes for hydra.utils.instantiate: a `_target_` of torch's kind, or this package's call, read as a node of ours."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from ..config.names import key_of
from ..errors import ConfigError, Problem, did_you_mean
from .entry import Entry
from .imported import imported_entry
from .registry import Registry, registries, registry

# How Hydra is to call the target, which is ours to do here.
_HYDRAS_OWN = ("_target_", "_partial_", "_convert_", "_recursive_")
# By the calls that take a node's keys as keywords: the kind of node, and what else they take.
_CALLS = {
    "build_optimizer": ("optimizer", "optimizers.api", ("params", "logger")),
    "build_lr_scheduler": (
        "lr_scheduler",
        "lr_schedulers.api",
        ("optimizer", "total_steps", "steps_per_epoch", "logger"),
    ),
}
# A class of torch's kind has no keyword of its own that is called so: the key is this package's.
_NAMES = ("NAME", "name")


def target_entry(values: Mapping[Any, Any], imports: bool | None = None) -> Entry | None:
    """The entry of a node's `_target_`; None where there is none, or it names something else.

    Args:
        values: The plain values of the node.
        imports: Whether a target that is not torch's own is imported, to see whether it is of torch's kind.

    Raises:
        ConfigError: torch has no such class, or the import fails.
    """
    target = values.get("_target_")
    return path_entry(target, "_target_", imports) if isinstance(target, str) else None


def path_entry(path: str, key: str, imports: bool | None = None) -> Entry | None:
    """The entry of the class at an import path; None where it is not of torch's kind, or is not imported to see.

    Args:
        path: `package.module.Class`.
        key: Where it was written, for messages.
        imports: Whether a class that is not torch's own is imported.

    Raises:
        ConfigError: torch has no such class, or the import fails.
    """
    kind = _kind_in_torch(path)
    if kind is not None:
        return _of_torch(registry(kind), path, key)
    return imported_entry(path, key) if imports else None


def call_keys(values: Mapping[Any, Any]) -> tuple[dict[Any, Any], str | None]:
    """The keys of a node whose `_target_` is one of this package's calls, and the kind that it builds.

    Of any other node all values and None; so too of a call that is given its node as `cfg`, which is read by itself.

    >>> call_keys({"_target_": "scepter_opt.build_optimizer", "_partial_": True, "NAME": "SGD"})
    ({'NAME': 'SGD'}, 'optimizer')
    """
    target = values.get("_target_")
    if isinstance(target, str) and "cfg" not in values:
        kind, module, arguments = _CALLS.get(target.rpartition(".")[2], ("", "", ()))
        if kind and target.rpartition(".")[0] in ("scepter_opt", f"scepter_opt.{module}"):
            return {key: values[key] for key in values if key not in (*_HYDRAS_OWN, *arguments)}, kind
    return dict(values), None


def target_kind(values: Mapping[Any, Any], imports: bool | None = None) -> str | None:
    """`optimizer` or `lr_scheduler` where a node's `_target_` is a call of ours, or lies in torch's package for it.

    Args:
        values: The plain values of the node.
        imports: Whether any other target is imported, to see whether it is of torch's kind.
    """
    called = call_keys(values)[1]
    if called is not None:
        return called
    target = values.get("_target_")
    if not isinstance(target, str):
        return None
    try:
        entry = imported_entry(target, "_target_") if imports and _kind_in_torch(target) is None else None
    except ConfigError:  # whose it is cannot be told
        return None
    return entry.kind if entry else _kind_in_torch(target)


def _kind_in_torch(path: str) -> str | None:
    """The kind of a class by its path, where that lies in torch's package for it; nothing is imported."""
    module, _, name = path.rpartition(".")
    for known in reversed(registries()):  # torch.optim.lr_scheduler lies in torch.optim
        package = known.torch_base.rpartition(".")[0]
        # a class is known in its package and in the module that defines it: torch.optim.Adam, torch.optim.adam.Adam
        if module == package or module.startswith(f"{package}."):
            return known.kind
    # torch.optm.AdamW, or AdamW alone: nobody else's
    if module.partition(".")[0] in ("", "torch"):
        return next((known.kind for known in registries() if name in known.own_entries()), None)
    return None


def _of_torch(registry: Registry, target: str, key: str) -> Entry:
    package, name = registry.torch_base.rpartition(".")[0], target.rpartition(".")[2]
    own = registry.own_entries()
    known = {name: entry for name, entry in own.items() if entry.component.target == f"{package}.{name}"}
    if name in known and not target.startswith(f"{package}."):
        raise ConfigError([Problem(key, f"is no import path of torch's. Did you mean {package}.{name}?", target)])
    if name not in known:
        message = f"{package} has no such class that is known here.{did_you_mean(name, list(known))}"
        raise ConfigError([Problem(key, message, target)])
    return known[name]


def as_keys(values: Mapping[Any, Any], name: str) -> tuple[dict[Any, Any], dict[str, str], list[Problem]]:
    """The values of a node with a `_target_` by our keys, and the keyword that each key was written as.

    torch's `foreach` and `fused` become the IMPLEMENTATION that they stand for.

    Args:
        values: The plain values of the node.
        name: The name of the target's entry.
    """
    keys: dict[Any, Any] = {}
    written: dict[str, str] = {}
    problems = list(_other_names(values, name))
    flags: dict[str, Any] = {}
    for keyword, value in values.items():
        if keyword in (*_HYDRAS_OWN, *_NAMES):
            continue
        if keyword == "_args_":
            problems.append(Problem("_args_", "has no names: write each as a keyword of its own.", value))
        elif keyword in ("foreach", "fused"):
            flags[keyword] = value
        else:
            key = key_of(keyword) if isinstance(keyword, str) and not keyword.isupper() else keyword
            if key in keys:
                message = f"is {written.get(key, key)} by another name: leave one of them out."
                problems.append(Problem(str(keyword), message, value))
                continue
            keys[key] = value
            if key != keyword:
                written[key] = keyword
    problems += _wrong_flags(flags)
    if any(value is not None for value in flags.values()):
        if "IMPLEMENTATION" in keys:
            problems.append(Problem(next(iter(flags)), "is said by IMPLEMENTATION already: leave one of them out."))
        keys["IMPLEMENTATION"] = _implementation(flags)
        written["IMPLEMENTATION"] = next(iter(flags))
    return keys, written, problems


def _other_names(values: Mapping[Any, Any], name: str) -> Iterator[Problem]:
    """A second word on which class it is, where that differs from the path's."""
    for keyword in _NAMES:
        if values.get(keyword, name) != name:
            yield Problem(keyword, f"this node is {name}'s by its _target_: leave it out.", values[keyword])


def _wrong_flags(flags: Mapping[str, Any]) -> Iterator[Problem]:
    """Flags that torch would refuse, or take for what they do not say."""
    for flag, value in flags.items():
        if not (value is None or isinstance(value, bool)):
            yield Problem(flag, "must be true, false or null.", value)
    if all(flags.get(flag) is True for flag in ("foreach", "fused")):
        yield Problem("fused", "cannot be with foreach: a step is one or the other.", True)


def _implementation(flags: Mapping[str, Any]) -> str:
    """What torch does with these flags. Without `fused` it chooses between foreach and the loop by itself."""
    chosen = [flag for flag, value in flags.items() if value is True]
    if len(chosen) == 1:
        return str(chosen[0])
    return "for_loop" if flags.get("foreach") is False else "torch"


def as_written(problem: Problem, written: Mapping[str, str], values: Mapping[Any, Any]) -> Problem:
    """The same problem with key and value as they were written: `lr` for LEARNING_RATE."""
    key = problem.key.partition(".")[0].partition("[")[0]
    if key not in written:
        return problem
    # True was written where `fused` stands for an IMPLEMENTATION
    value = values[written[key]] if key == problem.key == "IMPLEMENTATION" else problem.value
    return dataclasses.replace(problem, key=written[key] + problem.key[len(key) :], value=value)
