"""What may be as it was meant, and is worth a look."""

from __future__ import annotations

from collections.abc import Iterator

from ..parameters.selectors import kind_bits, kinds_of
from .facts import Facts, Group
from .finding import Finding, many, note, some

_DECAYED = {"norm": "norms", "bias": "biases", "embedding": "embeddings"}


def decayed(facts: Facts) -> Iterator[Finding]:
    """Norms, biases and embeddings with weight decay."""
    bits = kind_bits(facts.parameters)
    kinds_at = {i: kinds_of(bits[i]) for i in facts.holders if facts.trainable(i)}
    for kind, word in _DECAYED.items():
        # what is both a norm's and a bias is named once, with the norms
        own = [i for i, kinds in kinds_at.items() if next((k for k in _DECAYED if k in kinds), None) == kind]
        with_decay = [i for i in own if _decay(facts.holders[i][0])]
        if not with_decay:
            continue
        names = facts.names(with_decay)
        partly = len(with_decay) < len(own)
        what = f"{len(with_decay):,} of {many(len(own), 'parameter')}: {some(names)}."
        yield note(
            f"{word} decayed" + " for want of a name match" * partly,
            f"{what} The other {len(own) - len(with_decay):,} are not." if partly else what,
            "Decay pulls them to zero, where a norm's weight belongs at one; most recipes leave them out."
            if kind == "norm"
            else "Decay pulls them to zero; most recipes leave them out.",
            "A group without decay by what the parameters are, not by their names: KINDS: [bias, norm], or ndim < 2."
            if kind != "embedding"
            else "A group without decay, if the recipe says so.",
            names,
            dict.fromkeys(facts.holders[i][0].label for i in with_decay),
        )


def _decay(group: Group) -> float:
    return float(group.settings.get("weight_decay") or 0.0)


def frozen(facts: Facts) -> Iterator[Finding]:
    """Parameters that do not train now."""
    still = [i for i in range(len(facts.parameters)) if not facts.trainable(i)]
    if still:
        names = facts.names(still)
        out = many(sum(i not in facts.holders for i in still), "parameter")
        yield note(
            "frozen parameters",
            f"{many(len(still), 'parameter')} with {many(facts.values(still), 'value')}: {some(names)}.",
            "They train once they are unfrozen if they are in a group, and never otherwise.",
            f"{out} of them in no group: add a group when they thaw.",
            names,
        )


def could_be_one(facts: Facts, curves: dict[int, tuple[float, ...]], amiss: set[str]) -> Iterator[Finding]:
    """Groups of one optimizer with the same settings.

    Args:
        facts: What is looked at.
        curves: By identity of a group what schedulers make of its rate next: equal groups may part later.
        amiss: Labels of groups with faults: once these are mended, they may differ.
    """
    seen: dict[int, Group] = {}
    more: dict[int, list[Group]] = {}
    for group in facts.groups:
        if group.label in amiss or not (group.members or group.strangers):
            continue
        first = next((one for one in seen.values() if _same(one, group, curves)), None)
        if first is None:
            seen[id(group)] = group
        else:
            more.setdefault(id(first), [first]).append(group)
    if more:
        places = [group.label for groups in more.values() for group in groups]
        yield note(
            "groups that could be one",
            f"{many(len(places), 'group')} with the settings of another: {some(places)}.",
            "A step of many groups is slower than of one, and there is more to read.",
            "Merge them, unless a schedule or a callback tells them apart later.",
            places=places,
        )


def _same(one: Group, other: Group, curves: dict[int, tuple[float, ...]]) -> bool:
    # rules of equal settings are kept apart by those who want to schedule them apart
    apart = one.settings.get("rules") != other.settings.get("rules")
    same_curve = curves.get(id(one)) == curves.get(id(other))
    return not apart and same_curve and one.like(other)


def never_used(facts: Facts) -> Iterator[Finding]:
    """Rates by which nothing trains."""
    for group in facts.groups:
        idle = not group.strangers and not any(map(facts.trainable, group.members))
        others = [other for other in facts.groups_of(group.optimizer) if other is not group]
        if idle and others:
            rate = float(group.settings.get("lr", 0.0))
            why = "all of it is frozen" if group.members else "nothing is in it"
            yield note(
                "a second rate never used",
                f"{group.label} has the rate {rate:g}, and {why}.",
                "No step uses it now.",
                "Look whether the rule that made the group matches what it was meant for.",
                facts.names(group.members),
                [group.label],
            )
