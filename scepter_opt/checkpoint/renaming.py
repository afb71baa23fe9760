"""Names that have changed since a checkpoint was written, by a mapping that the user gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, final

from ..errors import ConfigError, Problem, did_you_mean


@final
class Renaming:
    """New names of parameters.

    Args:
        given: Old names with new ones; a module's name stands for all below it. None renames nothing.

    Raises:
        ConfigError: It is no mapping of texts.

    >>> renaming = Renaming({"encoder": "backbone", "fc.weight": "head.weight"})
    >>> renaming.new("encoder.0.bias"), renaming.new("fc.weight"), renaming.new("encoder_proj.bias")
    ('backbone.0.bias', 'head.weight', 'encoder_proj.bias')
    """

    def __init__(self, given: Any = None) -> None:
        pairs: Any = [] if given is None else given.items() if isinstance(given, Mapping) else [(None, None)]
        if not all(isinstance(name, str) for pair in pairs for name in pair):
            raise ConfigError([Problem("rename", "must be a mapping of old names to new ones.", given)])
        self._given = dict(given or {})
        self._unused = set(self._given)
        self.done: dict[str, str] = {}
        """What was renamed: old names with the new ones."""

    def new(self, name: str, prefix: str = "") -> str:
        """The name that an old one has now.

        Args:
            name: A parameter's.
            prefix: The name of its model among several, which the mapping may say before it.
        """
        if not self._given:
            return name
        for begin in (f"{prefix}.{name}", name) if prefix else (name,):
            # the longest part that is named: from the whole name to the outermost module
            parts = begin.split(".")
            for count in range(len(parts), 0, -1):
                old = ".".join(parts[:count])
                if old in self._given:
                    self._unused.discard(old)
                    renamed = ".".join([self._given[old], *parts[count:]])
                    if begin != name:
                        renamed = renamed.removeprefix(f"{prefix}.")
                    self.done[name] = renamed
                    return renamed
        return name

    def unused(self, names: list[str]) -> Iterator[Problem]:
        """Problems with old names that the checkpoint does not have."""
        modules = dict.fromkeys(name.rpartition(".")[0] for name in names)
        known = [place for place in (*modules, *names) if place][:1000]
        for old in sorted(self._unused):
            message = f"the checkpoint has no parameter or module of this name.{did_you_mean(old, known)}"
            yield Problem(f"rename.{old}", message, self._given[old])

    def applied(self, values: Mapping[str, Any], prefix: str = "") -> Mapping[str, Any]:
        """A mapping with the names that its keys have now.

        Raises:
            ConfigError: Two of them have become one.
        """
        if not self._given:
            return values
        old_of: dict[str, str] = {}
        for name in values:
            other = old_of.setdefault(self.new(name, prefix), name)
            if other != name:
                message = f"would make one name of {other} and {name}, which the checkpoint both has."
                key = f"rename.{name if name in self.done else other}"
                raise ConfigError([Problem(key, message, self.new(name, prefix))])
        return {new: values[old] for new, old in old_of.items()}
