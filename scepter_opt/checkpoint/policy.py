"""Which side holds where configuration and checkpoint differ, as a whole or per key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from ..errors import ConfigError, Problem, did_you_mean

SIDES = ("checkpoint", "config", "error")


@final
class Policy:
    """The side that holds, by key.

    Args:
        given: `checkpoint`, `config` or `error` for all keys, or one of them per key (`{"LEARNING_RATE": "config"}`);
            what is not named is an error. A key may be full (`optimizer.LEARNING_RATE`), or stand for all below it
            (`PHASES`, `lr_scheduler`).

    Raises:
        ConfigError: It is something else.

    >>> policy = Policy({"PHASES": "checkpoint", "optimizer": "config"})
    >>> policy.side("lr_scheduler.PHASES.decay.TO"), policy.side("optimizer.BETAS"), policy.side("lr_scheduler.GAMMA")
    ('checkpoint', 'config', 'error')
    """

    def __init__(self, given: Any) -> None:
        self._given = dict(given) if isinstance(given, Mapping) else {"": given}
        self._used: set[str] = set()
        problems = [
            Problem(
                f"policy.{key}" if key else "policy",
                f"must be one of {', '.join(SIDES)}.{did_you_mean(side, SIDES)}",
                side,
            )
            for key, side in self._given.items()
            if side not in SIDES
        ]
        if problems:
            raise ConfigError(problems)

    def side(self, key: str) -> str:
        """The side that holds for a full key."""
        parts = key.split(".")
        # the longest that is written wins: from all of the key, with and without its node, to the node alone
        ends = [parts[begin:end] for end in range(len(parts), 0, -1) for begin in range(end)]
        for end in sorted(ends, key=len, reverse=True):
            # a middle part alone is no key: `decay` of PHASES.decay.TO
            if ".".join(end) in self._given and (end[0] == parts[0] or end[0].isupper() or end == parts[-len(end) :]):
                self._used.add(".".join(end))
                return str(self._given[".".join(end)])
        self._used.add("")
        return str(self._given.get("", "error"))

    def unknown(self, keys: list[str]) -> list[Problem]:
        """Problems with keys that are written and that no setting has.

        Args:
            keys: The full keys of all settings there are.
        """
        for key in keys:
            self.side(key)
        names = {part for key in keys for part in (key, *key.split("."))}
        return [
            Problem(f"policy.{key}", f"there is no such setting.{did_you_mean(key, sorted(names))}", side)
            for key, side in self._given.items()
            if key and key not in self._used
        ]
