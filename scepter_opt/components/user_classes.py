"""What users register, and what other packages bring by their entry points."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hydra.core.singleton import Singleton

from ..config.base import restore_fields
from ..errors import ConfigError, Problem, reason_of, say

if TYPE_CHECKING:
    from .entry import Entry

GROUP = "scepter_opt.components"
"""The entry points of other packages: a module that registers its classes, or `module:Class`, with its NAME."""


class UserClasses(metaclass=Singleton):
    """What users registered. Hydra carries its singletons into the workers of its launchers."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[str, Entry]] = {}
        self.discovered = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        # cloudpickle copies the dataclasses of an app's __main__ to the workers, and with them sentinels
        for entries in self.entries.values():
            for entry in entries.values():
                restore_fields(entry.config)

    def discover(self, register: Callable[[str, Any], None]) -> None:
        """Load the entry points of other packages, once: not before something is asked for that is not here.

        Args:
            register: Called with the name of each entry point and what it names.
        """
        if self.discovered:
            return
        self.discovered = True  # first: what is loaded registers, and may ask for names itself
        from importlib.metadata import entry_points

        for point in entry_points(group=GROUP):
            try:
                register(point.name, point.load())
            except (Exception, SystemExit) as error:  # whatever a package of others raises
                package = point.dist.name if point.dist else point.module
                reason = error.problems[0] if isinstance(error, ConfigError) else reason_of(error)
                message = (
                    f"of {package} cannot be loaded, and its classes are left out: {type(error).__name__}: {reason}"
                )
                say(Problem(f"{GROUP}.{point.name}", message, point.value))
