"""Schedulers with the groups that they change, and what each would do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .facts import Facts, Group
from .finding import Finding, fault, note
from .trial import next_rates


@dataclass
class Schedule:
    """A scheduler with the optimizer that it changes, and what it would do next."""

    scheduler: Any
    groups: list[Group]
    ticks: list[list[float]]
    """The rates of the groups now and after each of the next steps; empty where that could not be tried."""
    alone: bool
    """Whether no other scheduler changes the same groups."""

    @property
    def name(self) -> str:
        """What it is called in a text."""
        return type(self.scheduler).__name__

    def of(self, number: int) -> list[float]:
        """The rates of one group."""
        return [rates[number] for rates in self.ticks]


def schedules(facts: Facts) -> tuple[list[Schedule], list[Finding]]:
    """The schedulers with what they do next, and what is amiss so that this cannot be told."""
    tried, findings = [], []
    with_step = [each for each in facts.schedulers if hasattr(each, "step")]
    owners = [_optimizer_of(each, facts) for each in with_step]
    for scheduler, owner in zip(with_step, owners, strict=True):
        if owner is None:
            findings.append(
                fault(
                    "a scheduler of another optimizer",
                    f"{type(scheduler).__name__} changes the rates of an optimizer that the audit was not given.",
                    "The rates of the optimizer that is stepped stay as they are.",
                    "Build the scheduler over that optimizer, after it was copied, wrapped or loaded.",
                )
            )
            continue
        ticks: list[list[float]] = []
        try:
            ticks = next_rates(scheduler, owner, [root for _, root in facts.parameters.roots])
        except Exception as error:  # whatever somebody's own scheduler raises
            findings.append(
                note(
                    "a scheduler that cannot be tried",
                    f"a copy of {type(scheduler).__name__} fails: {type(error).__name__}: {error}".splitlines()[0],
                    "What it does to the rates of groups is not known.",
                    "Look at its rates yourself: [group['lr'] for group in optimizer.param_groups].",
                )
            )
        alone = sum(each is owner for each in owners) == 1
        tried.append(Schedule(scheduler, facts.groups_of(owner), ticks, alone))
    return tried, findings


def _optimizer_of(scheduler: Any, facts: Facts) -> Any:
    """The optimizer whose groups a scheduler changes; None where it is none of those that are audited."""
    held = [each for each in vars(scheduler).values() if hasattr(each, "param_groups")]
    if not held:
        return next(iter(facts.optimizers.values())) if len(facts.optimizers) == 1 else None
    for optimizer in facts.optimizers.values():
        # a wrapper shows the groups of what it wraps
        if any(one is other for each in held for one in each.param_groups for other in optimizer.param_groups):
            return optimizer
    return None


def parts(scheduler: Any) -> list[Any]:
    """A scheduler, or those that it is composed of."""
    inner = getattr(scheduler, "_schedulers", None)
    return [part for each in inner for part in parts(each)] if isinstance(inner, (list, tuple)) else [scheduler]
