"""What is wrong with an optimizer over a model, whoever built both."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, final

from ..auditing import keys, layers, membership, notes, rates, states
from ..auditing.facts import Facts, gather
from ..auditing.finding import Finding, many
from ..auditing.schedules import schedules
from .notebooks import audit_html

if TYPE_CHECKING:
    from rich.console import Group as Rendered


@final
class Audit:
    """Faults and notes of an audit, faults first.

    Args:
        summary: What was looked at, in one line.
        findings: What was found.
    """

    def __init__(self, summary: str, findings: list[Finding]) -> None:
        self.summary = summary
        self.findings = tuple(sorted(findings, key=lambda finding: not finding.fault))

    @property
    def faults(self) -> tuple[Finding, ...]:
        """By what training goes wrong."""
        return tuple(finding for finding in self.findings if finding.fault)

    @property
    def notes(self) -> tuple[Finding, ...]:
        """What may be as it was meant."""
        return tuple(finding for finding in self.findings if not finding.fault)

    @property
    def head(self) -> str:
        """How much was found, and what was looked at."""
        return f"{many(len(self.faults), 'fault')}, {many(len(self.notes), 'note')}: {self.summary}"

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, with all names."""
        findings = [{**asdict(finding), "count": finding.count} for finding in self.findings]
        return {"summary": self.summary, "findings": findings}

    def to_json(self) -> str:
        """Everything as JSON, with all names."""
        return json.dumps(self.to_dict(), indent=2)

    def __repr__(self) -> str:
        return f"Audit({many(len(self.faults), 'fault')}, {many(len(self.notes), 'note')})"

    def __str__(self) -> str:
        lines = [self.head]
        for finding in self.findings:
            lines += [
                f"{'fault' if finding.fault else 'note'}: {finding.name}",
                f"  {finding.what}",
                f"  why: {finding.why}",
                f"  do:  {finding.do}",
            ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The findings in a notebook."""
        return audit_html(self.head, self.findings)

    def __rich__(self) -> Rendered:
        """The findings as a table of rich."""
        from rich.console import Group
        from rich.markup import escape
        from rich.table import Column, Table

        heads = ("finding", "what is so", "why it matters, and what to do")
        table = Table(*(Column(head, overflow="fold") for head in heads), show_lines=True)
        for finding in self.findings:
            name = f"[bold red]fault: {escape(finding.name)}[/]" if finding.fault else f"note: {escape(finding.name)}"
            table.add_row(name, escape(finding.what), escape(f"{finding.why}\n{finding.do}"))
        return Group(escape(self.head), *([table] if self.findings else []))


def audit(model: Any, optimizer: Any, scheduler: Any = None) -> Audit:
    """What is wrong with an optimizer over a model, whoever built both.

    Nothing is changed and nothing steps: a scheduler is tried on a copy, over one number a group. The meta device will
    do.

    Args:
        model: A module, or a mapping of names to modules where several are trained together.
        optimizer: An optimizer of torch's kind, several, or a mapping of names to them.
        scheduler: What changes their rates, one or several: schedulers of torch's kind, other objects with a `step`,
            or the functions by which a training loop sets rates.

    Raises:
        ConfigError: One of them is of another kind.

    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
    >>> print(audit(model, torch.optim.SGD(model[0].parameters(), lr=0.1)))
    1 fault, 0 notes: 4 parameters with 9 values, 1 group of SGD
    fault: parameters in no group
      2 trainable parameters with 3 values: 1.weight, 1.bias. Nothing of their modules is in a group: were they
      frozen, or not there, when the optimizer was built?
      why: They get gradients, and no step ever changes them.
      do:  Hand the optimizer all of model.parameters(), or freeze them (requires_grad_(False)) if that is meant.
    """
    facts = gather(model, optimizer, scheduler)
    findings: list[Finding] = []
    for question in (
        membership.in_no_group,
        membership.in_two_groups,
        membership.of_another_model,
        membership.lost_by_a_wrapper,
        keys.unread,
        layers.rising,
        states.of_other_shape,
        states.left_behind,
        notes.decayed,
        notes.frozen,
        notes.never_used,
    ):
        findings += question(facts)
    tried, amiss_with_them = schedules(facts)
    findings += amiss_with_them
    curves: dict[int, tuple[float, ...]] = {}
    for schedule in tried:
        for number, group in enumerate(schedule.groups if schedule.ticks else ()):
            curves[id(group)] = (*curves.get(id(group), ()), *schedule.of(number))
        findings += [*rates.flattened(schedule), *rates.one_peak(schedule), *rates.jumps(schedule)]
    findings += rates.stale(facts, tried)
    amiss = {place for finding in findings if finding.fault for place in finding.places}
    findings += notes.could_be_one(facts, curves, amiss)
    return Audit(_summary(facts), findings)


def _summary(facts: Facts) -> str:
    kinds = ", ".join(dict.fromkeys(type(each).__name__ for each in facts.optimizers.values()))
    everything = range(len(facts.parameters))
    counts = f"{many(len(everything), 'parameter')} with {many(facts.values(everything), 'value')}"
    return f"{counts}, {many(len(facts.groups), 'group')} of {kinds}"
