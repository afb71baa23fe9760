"""Keys of group dicts that nobody reads: torch keeps whatever it is given."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..errors import nearest
from .facts import DESCRIBING, Facts, inside
from .finding import Finding, fault, many, note, some
from .readers import mentioned

# what describes a group, and what torch's schedulers leave in it
_KNOWN = frozenset({*DESCRIBING, "optimizer"} | {"initial_lr", "max_lr", "min_lr", "max_momentum", "base_momentum"})
_SETTING = re.compile(r"(?<![a-z])(lr|rate|decay|wd|mult|multiplier|scale|factor|momentum|betas?|eps)(?![a-z])")


def unread(facts: Facts) -> Iterator[Finding]:
    """Keys of groups that neither their optimizer nor a scheduler mentions."""
    for optimizer in facts.optimizers.values():
        groups = facts.groups_of(optimizer)
        steps = [optimizer, *inside(optimizer)]
        defaults = {key for each in steps for key in each.defaults}
        keys = {key for group in groups for key in group.settings} - _KNOWN - defaults
        keys = {key for key in keys if not key.startswith("initial_")}
        if not keys:
            continue
        keys -= mentioned([*steps, *facts.schedulers])
        settings = [key for key in sorted(keys) if _is_setting(key, defaults)]
        for key in settings:
            places = [group.label for group in groups if key in group.settings]
            meant = nearest(key, sorted(defaults))
            values = sorted({str(group.settings[key]) for group in groups if key in group.settings})
            yield fault(
                f"{key} that nobody reads",
                f"{many(len(places), 'group')} have {key} = {some(values)}, and neither {type(optimizer).__name__} nor "
                f"a scheduler reads it{f'; did they mean {meant}?' if meant else '.'}",
                "torch keeps unknown keys of a group without a word, and the groups train as if it were not there.",
                "Fold it into lr or weight_decay, or give audit the scheduler, or the loop's function, that reads it.",
                places=places,
            )
        others = sorted(keys.difference(settings))
        if others:
            yield note(
                "group keys that nobody reads",
                f"{some(others)}: neither {type(optimizer).__name__} nor a scheduler mentions them.",
                "They have no effect on a step.",
                "Nothing, if they are for people or for your own loop.",
                places=[group.label for group in groups if any(key in group.settings for key in others)],
            )


def _is_setting(key: str, defaults: set[str]) -> bool:
    """Whether a key looks as if it were to change how a group is trained."""
    return _SETTING.search(key.lower()) is not None or nearest(key, sorted(defaults)) is not None
