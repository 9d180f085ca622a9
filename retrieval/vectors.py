"""The vectors of one encoder in memory, and the nearest of them: exactly, or in two steps where there are very many.

Up to `EXACT` rows every cosine is computed in fp32. Above it the signs of the components (1 bit each) screen all rows by
Hamming distance, and the best `SCREENED` are scored exactly from fp16; how often that finds what the exact search finds
is measured in benchmarks/results/search.md.
"""

import numpy as np
from numpy.typing import NDArray

EXACT = 250_000  # rows: their fp32 products take about 20 ms at 512 components on one core
SCREENED = 4_000
PART = 1 << 17  # rows screened at once, so that what lies between fits the processor's cache

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


class Vectors:
    """Rows of unit length, each with an id."""

    def __init__(self, ids: Ids, rows: NDArray[np.float16]) -> None:
        self.ids = ids
        self.dim = rows.shape[1]
        self._at = {int(i): n for n, i in enumerate(ids)}
        self._exact = rows.astype(np.float32) if len(rows) <= EXACT else None
        self._rows = rows
        self._bits = None if self._exact is not None else _signs(rows)

    def nearest(self, vector: Floats, k: int, keep: NDArray[np.bool_] | None = None) -> list[tuple[int, float]]:
        """Ids and cosines of the `k` nearest, of those that `keep` (one a row) takes; best first, equal ones by id."""
        vector = vector.astype(np.float32)
        chosen = None if keep is None else np.flatnonzero(keep)
        if self._bits is not None and (chosen is None or len(chosen) > 2 * SCREENED):
            chosen = self._screened(vector, max(SCREENED, 20 * k), keep)
        scores = self._cosines(vector, chosen)
        best = _largest(scores, k)
        rows = best if chosen is None else chosen[best]
        order = np.lexsort((self.ids[rows], -scores[best]))
        return [(int(self.ids[rows[i]]), float(scores[best[i]])) for i in order[:k]]

    def cosines(self, vector: Floats, wanted: list[int]) -> dict[int, float]:
        """The cosine of each of these ids that has a row."""
        here = [i for i in wanted if i in self._at]
        rows = np.array([self._at[i] for i in here], np.int64)
        return dict(zip(here, self._cosines(vector.astype(np.float32), rows).tolist(), strict=True))

    def row_of(self, wanted: int) -> Floats | None:
        """The vector of an id."""
        return self._rows[self._at[wanted]].astype(np.float32) if wanted in self._at else None

    def _cosines(self, vector: Floats, rows: Ids | None) -> Floats:
        if self._exact is not None:
            if rows is None or len(rows) > len(self._exact) // 8:  # all products cost less than picking rows out
                scores = np.asarray(self._exact @ vector)
                return scores if rows is None else scores[rows]
            return np.asarray(self._exact[rows] @ vector)
        held = self._rows if rows is None else self._rows[rows]
        return np.asarray(held.astype(np.float32) @ vector)

    def _screened(self, vector: Floats, count: int, keep: NDArray[np.bool_] | None) -> Ids:
        """The rows whose signs differ least from the vector's."""
        assert self._bits is not None
        asked = _signs(vector[None, :].astype(np.float16))[0]
        distances = np.empty(len(self._bits), np.uint16)
        for begin in range(0, len(self._bits), PART):
            differing = np.bitwise_count(self._bits[begin : begin + PART] ^ asked)
            distances[begin : begin + PART] = differing.sum(1, dtype=np.uint16)
        if keep is not None:
            distances[~keep] = np.iinfo(np.uint16).max
        limit = np.searchsorted(np.cumsum(np.bincount(distances)), count)  # counting is cheaper than sorting
        return np.flatnonzero(distances <= limit)


def _signs(rows: NDArray[np.float16]) -> NDArray[np.uint64]:
    """(n, ceil(dim / 64)) of the components' signs."""
    missing = -rows.shape[1] % 64
    bits = np.packbits(np.pad(rows > 0, ((0, 0), (0, missing))), axis=1)
    return np.ascontiguousarray(bits).view(np.uint64)


def _largest(scores: Floats, k: int) -> Ids:
    """Where the `k` largest are, and those equal to the last of them, so that ties can be broken by id."""
    if k >= len(scores):
        return np.arange(len(scores))
    least = np.partition(scores, len(scores) - k)[len(scores) - k]
    return np.flatnonzero(scores >= least)
