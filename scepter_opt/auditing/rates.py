"""Whether a scheduler keeps what groups were given, and goes on from where they stand."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .facts import Facts, Group
from .finding import Finding, fault, many, note, some
from .schedules import Schedule, parts

# what is no jump and no disagreement: rates are carried on step by step, in single precision too
_CLOSE = 0.01
_RATES = ("lr", "initial_lr", "max_lr", "min_lr")


def flattened(schedule: Schedule) -> Iterator[Finding]:
    """Rates that differed, and that a scheduler makes equal."""
    groups = schedule.groups
    if not schedule.ticks or len(groups) < 2:
        return
    given = [group.settings.get("initial_lr") for group in groups]
    known = all(value is not None for value in given)
    bases = [float(value) for value in given if value is not None] if known else schedule.ticks[0]
    # what it did before it was looked at counts only where the rates before that are known
    ticks = schedule.ticks if known else schedule.ticks[1:]
    lost = [
        number
        for number, base in enumerate(bases)
        if any(
            not math.isclose(base, other) and all(rates[number] == rates[place] != 0.0 for rates in ticks)
            for place, other in enumerate(bases)
        )
    ]
    if lost:
        places = [groups[number].label for number in lost]
        rates = ", ".join(f"{bases[number]:g}" for number in lost[:4])
        yield fault(
            "rates flattened over groups",
            f"{schedule.name} gives {many(len(lost), 'group')} of {rates} one rate, {ticks[-1][lost[0]]:g} soon: "
            f"it overwrites a second rate. {some(places)}.",
            "What was given to a group of its own, a smaller rate for a pretrained body say, is gone.",
            "Let the schedule multiply each group's own rate: group['initial_lr'] times a factor.",
            places=places,
        )


def one_peak(schedule: Schedule) -> Iterator[Finding]:
    """One `max_lr` for groups that were apart: OneCycleLR and CyclicLR write it over what each had."""
    from torch.optim.lr_scheduler import CyclicLR, OneCycleLR

    groups = schedule.groups
    if len(groups) < 2 or not any(isinstance(each, (OneCycleLR, CyclicLR)) for each in parts(schedule.scheduler)):
        return
    peaks = {float(group.settings.get("max_lr", math.nan)) for group in groups}
    if isinstance(schedule.scheduler, CyclicLR):
        peaks = {float(peak) for peak in schedule.scheduler.max_lrs}
    if len(peaks) > 1:
        return
    # why would there be groups of equal settings, unless their rates differed before?
    twins = [group.label for group in groups if sum(group.like(other, _RATES) for other in groups) > 1]
    rest = {
        "why": "It writes its own rates over those that the groups were given.",
        "do": "Give max_lr as a list, a value for each group.",
    }
    if twins:
        what = (
            f"{schedule.name} has one max_lr, {peaks.pop():g}, for groups that differ in nothing else: {some(twins)}."
        )
        yield fault("rates flattened by one max_lr", what, **rest, places=twins)
    else:
        what = f"{schedule.name} has one max_lr, {peaks.pop():g}, for {many(len(groups), 'group')}."
        yield note("one max_lr for all groups", what, **rest, places=[group.label for group in groups])


def jumps(schedule: Schedule) -> Iterator[Finding]:
    """Rates that the scheduler's next step overwrites instead of carrying them on."""
    if not schedule.ticks or not schedule.alone:
        return
    places, examples = [], []
    for number, group in enumerate(schedule.groups):
        now, after, *later = schedule.of(number)
        if _was_changed(schedule, number, now, after, later) or _falls_first(schedule, group, now, after, later):
            places.append(group.label)
            examples.append(f"{now:g} to {after:g}")
    if places:
        yield fault(
            "a jump at the first step",
            f"the next step of {schedule.name} takes {many(len(places), 'group')} from {some(examples, 1)}, and then "
            f"goes on from there: {some(places)}.",
            "One step is made at a rate that does not go with what follows: a full one before a warm-up, or one that "
            "was set or loaded and is lost.",
            "Begin the schedule with the rate of the first step; set rates before a scheduler is built; load both.",
            places=places,
        )


def _was_changed(schedule: Schedule, number: int, now: float, after: float, later: list[float]) -> bool:
    """Whether a rate is none of the scheduler's own, and its next step goes back to its own."""
    own = getattr(schedule.scheduler, "_last_lr", None)
    if not isinstance(own, list) or len(own) != len(schedule.groups) or _near(float(own[number]), now, now):
        return False
    return _is_sudden(now, after, later)


def _falls_first(schedule: Schedule, group: Group, now: float, after: float, later: list[float]) -> bool:
    """Whether the very first step of a run is at full rate, before a warm-up."""
    from torch.optim.lr_scheduler import MultiStepLR, StepLR

    if group.optimizer.state or isinstance(schedule.scheduler, (StepLR, MultiStepLR)):  # these fall as they were told
        return False
    begins = getattr(schedule.scheduler, "last_epoch", 0) in (0, -1)
    return begins and after < now / 3 and _is_sudden(now, after, later) and later[0] >= after / 2


def _is_sudden(now: float, after: float, later: list[float]) -> bool:
    """Whether a rate changes at its next step as it does at none of those that follow."""
    steps = [abs(b - a) for a, b in zip([after, *later], later, strict=False)]
    return abs(after - now) > _CLOSE * max(abs(now), abs(after)) and abs(after - now) > 5 * max(steps)


def stale(facts: Facts, tried: list[Schedule]) -> Iterator[Finding]:
    """`initial_lr`, from which schedules are computed, that does not go with the rate."""
    scheduled = {id(group.optimizer) for schedule in tried for group in schedule.groups}
    for optimizer in facts.optimizers.values():
        attached = id(optimizer) in scheduled or hasattr(optimizer.step, "_wrapped_by_lr_sched")
        pairs = [
            (group, float(group.settings["initial_lr"]), float(group.settings["lr"]))
            for group in facts.groups_of(optimizer)
            if not attached and not facts.schedulers and group.settings.get("initial_lr") is not None
        ]
        yield from _stale([(group, base, rate) for group, base, rate in pairs if not _near(base, rate, base)], "")
    for schedule in tried:
        found = [
            (group, float(group.settings["initial_lr"]), float(base))
            for scheduler in parts(schedule.scheduler)
            for group, base in zip(schedule.groups, getattr(scheduler, "base_lrs", ()), strict=False)
            if "initial_lr" in group.settings
            and not _near(float(group.settings["initial_lr"]), float(base), float(base))
        ]
        yield from _stale(found, f"the base of {schedule.name}")
        if not found and schedule.alone:
            own = _by_formula(schedule)
            position = getattr(schedule.scheduler, "last_epoch", 0)
            off = [
                (group, float(group.settings["initial_lr"]), rate)
                for group, formula in zip(schedule.groups, own, strict=False)
                for rate in [float(group.settings["lr"])]
                if "initial_lr" in group.settings and not _near(formula, rate, float(group.settings["initial_lr"]))
            ]
            yield from _stale(off, f"at position {position} of {schedule.name} the rate")


def _stale(found: list[tuple[Group, float, float]], what: str) -> Iterator[Finding]:
    if found:
        group, base, rate = found[0]
        places = list(dict.fromkeys(group.label for group, _, _ in found))
        yield fault(
            "initial_lr stale",
            f"initial_lr is {base:g} and {what or 'the rate'} is {rate:g} in {group.label}, "
            f"{many(len(places), 'group')} in all.",
            "Schedules are computed from initial_lr, which a checkpoint brings along: the rate that was set is lost.",
            "After loading set group['initial_lr'] with group['lr'] before the scheduler is built, or give audit the "
            "scheduler where there is one.",
            places=places,
        )


def _by_formula(schedule: Schedule) -> list[float]:
    """The rates at a scheduler's position as torch's own formulas give them, where it has one."""
    from torch.optim.lr_scheduler import LRScheduler

    formula = getattr(schedule.scheduler, "_get_closed_form_lr", None)
    if not isinstance(schedule.scheduler, LRScheduler) or formula is None:
        return []
    return [float(rate) for rate in formula()]


def _near(one: float, other: float, scale: float) -> bool:
    return abs(one - other) <= _CLOSE * abs(scale)
