"""A class under its name in a registry, and what its node is checked against."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..config.base import Config, OpenConfig
from ..errors import Problem
from .component import Component


@dataclass(frozen=True)
class Entry:
    """A class with the name that configs choose it by and its option of the Hydra group."""

    kind: str
    name: str
    option: str
    cls: Any
    base: Any
    """BaseOptimize or BaseScheduler."""

    @property
    def component(self) -> Any:
        """The class that builds: itself, or a component around one of torch's kind.

        Raises:
            ConfigError: Its Config is none.
        """
        cls, base = self.cls, self.base
        if issubclass(cls, Component):
            return cls
        from .adapters import adapt

        return adapt(cls, base)

    @property
    def unread(self) -> bool:
        """Whether the class is known by its import path only, and was not imported: nothing is known of its keys."""
        return self.cls is self.base

    @property
    def config(self) -> type[Config] | None:
        """The typed Config, None where any key passes."""
        config: type[Config] | None = self.component.Config
        return config

    def validate(self, values: Mapping[Any, Any], imports: bool | None = None) -> tuple[Any, list[Problem]]:
        """The Config with these values (without NAME), or all problems with keys relative to the node."""
        named = {**values, "NAME": self.name}
        if self.config is None:
            checked, problems = self.component.check_open(named, imports)
            return OpenConfig(checked, self.component, self.unread), problems
        from ..config.validation import spellings_of, validate

        return validate(self.config, named, imports, spellings_of(self.config), self.name)

    def template(self, left_out: Collection[str] = ()) -> str:
        """The YAML of a node: every key with its default and its documentation, but those left out."""
        from ..config.documentation import summary
        from ..config.template import template

        return template(self.config, self.name, summary(self.cls), left_out)
