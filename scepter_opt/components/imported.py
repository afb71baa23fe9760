"""Classes of torch's kind by their import path: found where it is imported, and left unread until then."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, TypeGuard

from ..config.base import OpenConfig
from ..config.imports import resolve
from ..errors import ConfigError, Problem, did_you_mean
from .entry import Entry
from .registry import IMPORTED, registries

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


def imported_entry(path: str, key: str) -> Entry | None:
    """The entry of the class at an import path, registered or not; None where it is not of torch's kind.

    Args:
        path: `package.module.Class`.
        key: Where it was written, for messages.

    Raises:
        ConfigError: Nothing is found there.
    """
    package = path.partition(".")[0]
    if is_import_path(path) and not is_installed(package):
        raise ConfigError([Problem(key, not_installed(package), path)])
    try:
        cls = resolve(path)
    except ImportError as reason:
        raise ConfigError([Problem(key, f"{reason}", path)]) from reason
    kind = next((known for known in registries() if isinstance(cls, type) and known.takes(cls)), None)
    if kind is None:
        return None
    registered = (entry for entry in kind.entries().values() if cls in (entry.cls, entry.component.target))
    return next(registered, Entry(kind.kind, path, IMPORTED, cls, kind.base()))


def remarks_on(config: OpenConfig) -> Iterator[Problem]:
    """That the package of a class which is not imported yet is not here, where the build would need it."""
    package = str(config.NAME).partition(".")[0]
    if config.unread and not is_installed(package):
        yield Problem("NAME", not_installed(package), config.NAME)


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
