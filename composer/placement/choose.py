"""Which picture stands where: one assignment over the whole article.

With the author's own pictures place and choice inform each other and are decided together. Knows scores only.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from composer.placement.match import Table
from composer.placement.scorer import Weights

SAYS_NOTHING = 0.15  # the highest measure of a caption that is none, such as a camera's numbering
SURE = 1e6  # of leaving a picture out, when fewer are wanted than there are


def place_pool(
    chance: NDArray[np.float64],
    measured: Mapping[int, Table],
    weights: Weights,
    count: int,
    *,
    groups: Sequence[int] = (),
    seen: Mapping[int, NDArray[np.float64]] | None = None,
) -> dict[int, int]:
    """A place for each of `count` pictures of a pool: {gap: picture}, every picture and every gap used once at most.

    `measured` has the open gaps. `groups` gives versions of one picture the same number; one of them is used. `seen` is
    what pixels say, as `seen_fits` gives it, for pictures whose captions say nothing; for the others it is not heeded.
    """
    from scipy.optimize import linear_sum_assignment

    gaps = sorted(measured)
    if not gaps or not count:
        return {}
    fits = np.stack([weights.fit(measured[g]) for g in gaps], 1)  # (pictures, gaps)
    if seen:
        fits = fits + mute(measured)[:, None] * np.stack([seen[g] for g in gaps], 1)
    pictures = _firsts(groups or range(len(fits)))
    fits = fits[pictures]
    gain = weights.joint * _log_share(fits) + np.log(chance[gaps])
    left_out = max(0, len(pictures) - min(count, len(gaps)))
    gain = np.hstack([gain, np.full((len(pictures), left_out), SURE)])
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return {gaps[c]: pictures[r] for r, c in zip(rows.tolist(), columns.tolist(), strict=True) if c < len(gaps)}


def mute(measured: Mapping[int, Table]) -> NDArray[np.bool_]:
    """Which pictures have a caption that says nothing anywhere in this article."""
    return np.asarray(np.stack([np.abs(table).max(1) for table in measured.values()], 1).max(1) < SAYS_NOTHING)


def assign_once(scores: NDArray[np.float64]) -> list[int]:
    """For each row (a gap) its column (a picture), no column twice, the sum the highest; needs columns >= rows."""
    from scipy.optimize import linear_sum_assignment

    _, columns = linear_sum_assignment(scores, maximize=True)
    return [int(c) for c in columns]


def _firsts(groups: Sequence[int]) -> list[int]:
    """The first picture of each group."""
    seen: dict[int, int] = {}
    for number, group in enumerate(groups):
        seen.setdefault(group, number)
    return list(seen.values())


def _log_share(fits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each picture's fit over the gaps, as the logarithm of shares that sum to 1."""
    top = fits.max(1, keepdims=True)
    return np.asarray(fits - top - np.log(np.exp(fits - top).sum(1, keepdims=True)))
