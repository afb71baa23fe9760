"""Whether the layers near the input learn faster than those near the output: layer-wise decay the wrong way round."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ..errors import ConfigError
from ..parameters.layer_decay import exponents
from .facts import Facts, Group
from .finding import Finding, fault, some

# two rates are a body and a head; from three on they are a rule of layers
_FEWEST = 3
_MULTIPLIERS = ("lr_scale", "lr_mult")


def rising(facts: Facts) -> Iterator[Finding]:
    """Rates that rise block by block towards the stem."""
    rate_of = {id(group): _rate(group) for group in facts.groups}
    if len(set(rate_of.values())) < _FEWEST:
        return
    trained = [i for i in range(len(facts.parameters)) if facts.trainable(i) and i in facts.holders]
    try:
        power_of = exponents([], facts.parameters, trained)
    except ConfigError:  # there are no blocks
        return
    rates: dict[int, set[float]] = {}
    for i in trained:
        rates.setdefault(power_of[i], set()).add(rate_of[id(facts.holders[i][0])])
    # from the head to the stem, a rate a block: the head may have one of its own
    blocks = sorted((power, max(own)) for power, own in rates.items() if power > 0)
    steps = [(one, other) for (_, one), (_, other) in pairwise(blocks)]
    if len({rate for _, rate in blocks}) < _FEWEST or any(other < one for one, other in steps):
        return
    first, last = blocks[-1], blocks[0]
    names = [facts.parameters.names[i] for i in trained if power_of[i] == first[0]]
    yield fault(
        "rates rising towards the stem",
        f"from {last[1]:g} in the last block to {first[1]:g} in the first, over {len(blocks)} layers: {some(names)}.",
        "What is most general, and was trained longest, changes most: layer-wise decay the wrong way round.",
        "The power of the decay is the number of blocks between a layer and the end, 0 for the head.",
        names,
        [group.label for group in facts.groups if _rate(group) == first[1]],
    )


def _rate(group: Group) -> float:
    """A group's own rate before any schedule, times what its library multiplies it with."""
    rate = float(group.settings.get("initial_lr", group.settings.get("lr", 1.0)))
    for key in _MULTIPLIERS:
        factor = group.settings.get(key)
        rate *= float(factor) if isinstance(factor, (int, float)) else 1.0
    return rate
