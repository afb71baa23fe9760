"""Classes of torch's kind by their import path: found where it is imported, and left unread until then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..config.imports import is_import_path, is_installed, not_installed, resolve
from ..errors import ConfigError, Problem
from .entry import Entry
from .registry import IMPORTED, registries


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


def remarks_on(config: Any) -> Iterator[Problem]:
    """That the package which has a Config's class is not installed here, where the build would need it."""
    target = config.component.target or (config.NAME if config.unread else "")
    package = target.partition(".")[0] if isinstance(target, str) else ""
    if package and package != "torch" and not is_installed(package):
        yield Problem("NAME", not_installed(package), config.NAME)
