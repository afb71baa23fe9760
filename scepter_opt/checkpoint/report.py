"""What a load did: what came from where, what was new, what was left over, and which side held where they differed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, final

from ..config.plain import plain
from ..errors import Problem, show
from ..parameters.merging import Difference

_MOST_SHOWN = 5


@final
@dataclass(frozen=True)
class LoadReport:
    """What a load did.

    >>> report = LoadReport(step=120, saved_step=120)
    >>> print(report)
    loaded at step 120; nothing differs
    >>> report.same
    True
    """

    step: int
    """Optimizer steps that are done, of the run that goes on."""
    saved_step: int
    """Optimizer steps that were done when it was saved; another number where the steps of an epoch have changed."""
    entry: str | None = None
    """The folder that was read; None where no file was."""
    loaded: tuple[str, ...] = ()
    """What was loaded: `model`, `optimizer.generator`, `random` ..."""
    not_loaded: tuple[str, ...] = ()
    """What the checkpoint holds besides, and nobody asked for."""
    passed_over: tuple[tuple[str, str], ...] = ()
    """Newer entries that are not whole, each with the reason."""
    differences: tuple[Difference, ...] = ()
    """Settings in which configuration and checkpoint differ, by their full keys, and which side held."""
    new: tuple[str, ...] = ()
    """Parameters and objects that the checkpoint does not have, and that begin anew."""
    left_over: tuple[str, ...] = ()
    """Parameters and objects that only the checkpoint has."""
    renamed: tuple[tuple[str, str], ...] = ()
    """Names in the checkpoint that were found under another."""
    notes: tuple[str, ...] = ()
    """What else is to be known."""
    extra: Any = field(default=None, compare=False)
    """What was given to `save` as `extra`."""

    @property
    def same(self) -> bool:
        """Whether nothing differs between the run that was saved and the one that goes on."""
        return not (self.differences or self.new or self.left_over or self.notes or self.step != self.saved_step)

    def __str__(self) -> str:
        source = f" from {self.entry}" if self.entry else ""
        head = f"loaded at step {self.step}{source}"
        lines = list(self._lines())
        return "\n  ".join([head, *lines]) if lines else f"{head}; nothing differs"

    def _lines(self) -> Iterator[str]:
        for path, reason in self.passed_over:
            yield f"passed over {path}: {reason}"
        if self.step != self.saved_step:
            yield f"saved at step {self.saved_step}: the share of the run that is done is kept"
        yield from table(self.differences)
        for words, names in (
            ("begin anew: {}", self.new),
            ("left over in the checkpoint: {}", self.left_over),
            ("renamed: {}", [f"{old} is {new}" for old, new in self.renamed]),
            ("in the checkpoint and not asked for: {}", self.not_loaded),
        ):
            if names:
                yield words.format(shortened(names))
        yield from self.notes

    def to_json(self) -> str:
        """The report as JSON, without `extra`."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "extra"}
        values["differences"] = [dataclasses.asdict(one) for one in self.differences]
        return json.dumps({**plain(values), "same": self.same}, indent=2)


def shortened(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    more = len(names) - _MOST_SHOWN
    return ", ".join(names[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")


def table(differences: Iterable[Difference]) -> list[str]:
    """A line for each difference, in columns."""
    rows = [
        (
            one.key + (f" ({shortened(one.groups)})" if any(one.groups) else ""),
            f"configuration {show(one.config)}",
            f"checkpoint {show(one.checkpoint)}",
            f"the {one.held}'s holds" + (f", since {one.reason}" if one.reason else ""),
        )
        for one in differences
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def undecided(differences: Iterable[Difference]) -> Iterator[Problem]:
    """Problems with differences that no policy decides; the last one says how to."""
    open_ones = [one for one in differences if one.held == "error"]
    for one in open_ones:
        about = [shortened(one.groups)] if any(one.groups) else []
        about += [one.reason] if one.reason else []
        more = f" ({'; '.join(about)})" if about else ""
        message = f"the checkpoint has {show(one.checkpoint)}{more}."
        if one is open_ones[-1]:
            node, _, key = one.key.partition(".")
            key = key.partition(".")[2] if node in ("optimizers", "lr_schedulers") else key
            message += f' Say who holds: policy="config" or "checkpoint", for all or by key: {{"{key}": "config"}}.'
        yield Problem(one.key, message, one.config)
