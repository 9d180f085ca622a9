"""The best places for pictures over a whole article: one optimum by dynamic programming.

What a choice of gaps is worth is the sum of the gaps' log-odds less what crowding costs. Knows numbers only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FORBIDDEN = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Spacing:
    """What it costs when two pictures stand nearer than an even spread would put them."""

    cost: float  # of two at one place; falls to 0 at the even distance, with the square of what is missing
    ends: float  # how much of that holds towards the article's two ends


def best_gaps(
    gain: NDArray[np.float64], count: int, spacing: Spacing, *, closed: Sequence[int] = (), taken: Sequence[int] = ()
) -> list[int]:
    """The `count` gaps of the highest worth, in order; fewer where there are fewer.

    `gain` has one value a gap. `closed` gaps are not used; at the `taken` ones pictures stand already, which crowd too.
    """
    size = len(gain)
    open_ = np.ones(size, bool)
    open_[[g for g in {*closed, *taken} if 0 <= g < size]] = False
    count = min(count, int(open_.sum()))
    if count < 1:
        return []
    worth = np.where(open_, gain - _crowding(size, count, spacing, taken), -FORBIDDEN)
    places = np.arange(size) / max(1, size - 1)
    cost = _cost((places[None, :] - places[:, None]) * count, spacing.cost)  # (from, to)
    cost[np.tril_indices(size)] = FORBIDDEN
    best = worth - spacing.ends * _cost(2 * places * count, spacing.cost)
    came: list[NDArray[np.int64]] = []
    for _ in range(count - 1):
        ways = best[:, None] - cost
        came.append(ways.argmax(0))
        best = ways.max(0) + worth
    best = best - spacing.ends * _cost(2 * (1 - places) * count, spacing.cost)
    chosen = [int(best.argmax())]
    for step in reversed(came):
        chosen.append(int(step[chosen[-1]]))
    return sorted(chosen)


def likely_count(chance: NDArray[np.float64], *, closed: Sequence[int] = (), taken: Sequence[int] = ()) -> int:
    """How many pictures to place when nobody said: the expected number, less what stands already."""
    open_ = [g for g in range(len(chance)) if g not in {*closed, *taken}]
    return max(0, round(float(chance[open_].sum())) - len(taken) // 2)


def _crowding(size: int, count: int, spacing: Spacing, taken: Sequence[int]) -> NDArray[np.float64]:
    """What nearness to pictures that stand already costs at each gap."""
    total = np.zeros(size)
    for place in taken:
        away = np.abs(np.arange(size) - place) / max(1, size - 1) * (count + len(taken))
        total = np.maximum(total, _cost(away, spacing.cost))
    return total


def _cost(distance: NDArray[np.float64], cost: float) -> NDArray[np.float64]:
    """Of a distance in units of the even one."""
    return np.asarray(cost * np.maximum(0.0, 1.0 - distance) ** 2)
