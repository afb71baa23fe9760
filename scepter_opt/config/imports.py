"""Import paths as values: `package.module.function`, resolved only where the user allows it."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Any, TypeGuard

from ..errors import ConfigError, Problem, did_you_mean

LIBRARIES = {
    "bitsandbytes": "bitsandbytes",
    "heavyball": "heavyball",
    "pytorch_optimizer": "pytorch_optimizer",
    "schedulefree": "schedulefree",
    "timm": "timm",
    "torchao": "torchao",
}
"""Packages that are known for their optimizers, by what is imported, with what pip calls them."""


def is_import_path(name: Any) -> TypeGuard[str]:
    """Whether a NAME is an import path.

    >>> is_import_path("schedulefree.AdamWScheduleFree"), is_import_path("AdamW")
    (True, False)
    """
    return isinstance(name, str) and "." in name and all(part.isidentifier() for part in name.split("."))


def is_installed(package: str) -> bool:
    """Whether a package can be imported; nothing is."""
    try:
        return find_spec(package) is not None
    except ValueError:  # a module that is run as a script, or made by hand, has no place where it was found
        return True


def not_installed(package: str) -> str:
    """That a package cannot be imported, and what would help."""
    if package in LIBRARIES:
        return f"{package} is not installed here: pip install {LIBRARIES[package]}"
    return f"there is no package {package} here.{did_you_mean(package, LIBRARIES)}"


def optional_module(name: str, problem: Problem) -> Any:
    """A module of a library that not everybody has.

    Args:
        name: Its full name.
        problem: That the library is missing, and which line installs it.

    Raises:
        ConfigError: The library is not installed, with that problem.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != name.partition(".")[0]:
            raise  # it is there, and something else is amiss
        raise ConfigError([problem]) from error


def resolve(path: str) -> Any:
    """The object at an import path.

    Args:
        path: `package.module.name`, or `package.module.Class.name`.

    Raises:
        ImportError: Nothing is found there, in words for the user.

    >>> resolve("math.sqrt")(9.0)
    3.0
    """
    parts = path.split(".")
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        raise ImportError("must be an import path such as package.module.function.")
    module, depth = None, len(parts) - 1
    while module is None:
        name = ".".join(parts[:depth])
        try:
            module = importlib.import_module(name)
        except (Exception, SystemExit) as error:  # a script without a guard may end the process
            # a parent is tried only where this very module is what is missing
            missing = isinstance(error, ModuleNotFoundError) and name.startswith(error.name or "?")
            if not missing or depth == 1:
                raise ImportError(f"cannot import {name}: {type(error).__name__}: {error}.") from error
            depth -= 1
    target: Any = module
    for position, part in enumerate(parts[depth:], depth):
        place = ".".join(parts[:position])
        try:
            target = getattr(target, part)
        except AttributeError:
            raise ImportError(f"{place} has no {part}.{did_you_mean(part, dir(target))}") from None
        except Exception as error:
            raise ImportError(f"{place} does not give {part}: {type(error).__name__}: {error}.") from error
    return target


def check_import(key: str, path: str, imports: bool) -> Problem | None:
    """The problem with an import path, if there is one.

    Args:
        key: Where it was written.
        path: The import path.
        imports: True imports it; False refuses every path.
    """
    if not imports:
        return Problem(key, "import paths are refused here (imports=False).", path)
    try:
        target = resolve(path)
    except ImportError as reason:
        return Problem(key, f"{reason}", path)
    return None if callable(target) else Problem(key, f"is a {type(target).__name__}, not callable.", path)
