"""Fewer points for a line that looks the same: what a picture cannot show is left out, and every corner stays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

SHARE = 1e-5
"""How far a thinned line may be from the true one, as a share of its range from the least to the greatest value."""
# of what may be missed: changes that are rounding, and no turn
_NOISE = 1e-7


def thinned(
    x: Sequence[float], y: Sequence[float], corners: Iterable[int] = (), most: int = 20_000, share: float = SHARE
) -> list[int]:
    """The positions of the points that straight lines through them need, in order.

    Everywhere the line is within a share of its range of the true one. The first and the last point, corners, points
    where a line turns, and both ends of a jump are among them. A line that needs more than `most` points, such as one
    that goes up and down at every tick, keeps corners, and of each stretch its ends, its least and its greatest value.

    Args:
        x: Rising numbers.
        y: A finite number for each.
        corners: Positions that stay, whatever lies around them.
        most: Points that are kept at most, beside the corners.
        share: How far the line may be from the true one, as a share of its range.

    >>> thinned(range(7), [0, 1, 2, 3, 3, 3, 3])
    [0, 3, 6]
    """
    count = len(y)
    if count <= 2:
        return list(range(count))
    kept = _swept(x, y, {corner for corner in corners if 0 <= corner < count}, share * (max(y) - min(y)))
    return kept if len(kept) <= most else _envelope(y, corners, most)


def _swept(x: Sequence[float], y: Sequence[float], corners: set[int], tolerance: float) -> list[int]:
    """One sweep: a line from the last kept point goes on as long as one exists that misses no point by too much."""
    kept = [0]
    here_x, here_y = x[0], y[0]
    # the slopes that a line from the last kept point may have
    low, high = -math.inf, math.inf
    noise = tolerance * _NOISE
    turned = 0
    for i in range(1, len(y)):
        rise = y[i] - y[i - 1]
        direction = 0 if abs(rise) <= noise else 1 if rise > 0 else -1
        run, up = x[i] - here_x, y[i] - here_y
        if i - 1 > kept[-1] and (direction != turned or i - 1 in corners or not low <= up / run <= high):
            kept.append(i - 1)
            here_x, here_y = x[i - 1], y[i - 1]
            low, high = -math.inf, math.inf
            run, up = x[i] - here_x, y[i] - here_y
        low, high = max(low, (up - tolerance) / run), min(high, (up + tolerance) / run)
        turned = direction
    return [*kept, len(y) - 1]


def _envelope(y: Sequence[float], corners: Iterable[int], most: int) -> list[int]:
    """Of each stretch of equal length the first, the least, the greatest and the last point."""
    count = len(y)
    stretches = max(1, most // 4)
    kept = {corner for corner in corners if 0 <= corner < count}
    for number in range(stretches):
        places = range(number * count // stretches, (number + 1) * count // stretches)
        if places:
            kept |= {places[0], min(places, key=y.__getitem__), max(places, key=y.__getitem__), places[-1]}
    return sorted(kept)
