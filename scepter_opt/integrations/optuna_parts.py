"""Optuna's samplers and pruners by short names: those that the installed version has, with their own arguments."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Mapping
from typing import Any

from ..config.imports import optional_module
from ..errors import ConfigError, Problem, did_you_mean, reason_of

ALIASES = {"asha": "successive_halving", "none": "nop"}
"""What people call some of them."""
# one is asked for in the code of a program only: it is given another
_LEFT_OUT = ("PartialFixedSampler",)


def module_of(name: str) -> Any:
    """Optuna, or a module of it or of SQLAlchemy, without which there is none.

    Raises:
        ConfigError: It is not installed; the message names the line that installs it.
    """
    message = f"needs {name.partition('.')[0]}: pip install 'scepter_opt[optuna]'"
    return optional_module(name, Problem("hydra/sweeper", message, "optuna_study"))


def sampler_of(said: Any, **filled: Any) -> Any:
    """The sampler that a configuration says, with the arguments of `filled` that it has.

    Raises:
        ConfigError: There is no such sampler, or it has no such argument.
    """
    return _part("sampler", "samplers", said, filled)


def pruner_of(said: Any) -> Any:
    """The pruner that a configuration says; null is none.

    Raises:
        ConfigError: There is no such pruner, or it has no such argument.
    """
    return _part("pruner", "pruners", "none" if said is None else said, {})


def class_of(kind: str, said: Any) -> str:
    """The name of the class that a configuration says, as Optuna has it."""
    return str(_known(kind, f"{kind}s", _name_and_arguments(kind, said)[0]).__name__)


def _part(kind: str, module: str, said: Any, filled: Mapping[str, Any]) -> Any:
    name, arguments = _name_and_arguments(kind, said)
    cls = _known(kind, module, name)
    signature = inspect.signature(cls).parameters
    own = {key for key, parameter in signature.items() if parameter.kind is not parameter.VAR_KEYWORD}
    problems = [
        Problem(f"{kind}.{key}", f"{cls.__name__} has no such argument.{did_you_mean(key, own)}", value)
        for key, value in arguments.items()
        if key not in own
    ]
    given = {**{key: value for key, value in filled.items() if key in own}, **arguments}
    missing = [key for key in own if signature[key].default is inspect.Parameter.empty and key not in given]
    problems += [Problem(f"{kind}.{key}", f"{cls.__name__} needs it.") for key in missing]
    if problems:
        raise ConfigError(problems)
    # one that waits for another
    given |= {key: pruner_of(value) for key, value in given.items() if key.endswith("_pruner")}
    try:
        with warnings.catch_warnings():
            # that some are experimental is for the one who chose it to know, and they are made for each trial
            warnings.simplefilter("ignore", category=module_of("optuna").exceptions.ExperimentalWarning)
            return cls(**given)
    except (TypeError, ValueError, ImportError) as error:
        raise ConfigError([Problem(kind, f"{cls.__name__} refuses this: {reason_of(error)}", said)]) from error


def _name_and_arguments(kind: str, said: Any) -> tuple[Any, dict[str, Any]]:
    """A short name alone, or beside its arguments."""
    if isinstance(said, Mapping):
        arguments = {str(key): value for key, value in said.items()}
        name = arguments.pop("name", None)
        if name is None:
            raise ConfigError(
                [Problem(kind, f"has no name: {{name: {'tpe' if kind == 'sampler' else 'asha'}, ...}}.", said)]
            )
        return name, arguments
    return said, {}


def _known(kind: str, module: str, name: Any) -> type:
    """The class of a short name; with or without underscores, in any case."""
    suffix = kind.capitalize()
    classes = {
        re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.removesuffix(suffix)).lower(): cls
        for name, cls in vars(module_of(f"optuna.{module}")).items()
        if name.endswith(suffix) and not name.startswith("Base") and name not in _LEFT_OUT
    }
    short = {**classes, **{alias: classes[own] for alias, own in ALIASES.items() if own in classes}}
    plain = {known.replace("_", ""): cls for known, cls in short.items()}
    found: type | None = plain.get(str(name).lower().replace("_", "").removesuffix(kind))
    if found is None:
        message = f"there is no such {kind}.{did_you_mean(name, list(short))} There are {', '.join(sorted(short))}."
        raise ConfigError([Problem(kind, message, name)])
    return found
