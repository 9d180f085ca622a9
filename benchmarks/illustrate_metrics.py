"""Scores of placements and choices against what people did, and how sure they are.

Edit score, Kendall and alignment follow the formulas of RAG-IGBench (arXiv 2512.05119), written anew; alignment uses
our sentence encoder in place of theirs, and Kendall is without their factor for the number of candidates.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Counts = Mapping[str, float]
"""Sums over one post; scores are ratios of sums over posts."""


@dataclass(slots=True)
class Tally:
    """What was counted in each post, for scores over all posts and over bootstrap samples of them."""

    posts: list[dict[str, float]] = field(default_factory=list)

    def add(self, **counts: float) -> None:
        """One post's counts."""
        self.posts.append(counts)

    def ratio(self, over: str, under: str, chosen: Sequence[int] | None = None) -> float:
        """Sum of one count by the sum of another; 0 for nothing by nothing."""
        picked = self.posts if chosen is None else [self.posts[i] for i in chosen]
        below = sum(p[under] for p in picked)
        return sum(p[over] for p in picked) / below if below else 0.0

    def interval(self, score: Callable[["Tally", Sequence[int]], float], rounds: int = 1000) -> tuple[float, float]:
        """The 95 % interval of a score by bootstrap over posts."""
        rng = np.random.default_rng(0)
        n = len(self.posts)
        values = [score(self, rng.integers(0, n, n).tolist()) for _ in range(rounds)]
        low, high = np.quantile(values, [0.025, 0.975])
        return float(low), float(high)


def hits(placed: Sequence[int], wanted: Sequence[int], within: int) -> int:
    """How many of the wanted gaps are met by a placed one at most `within` blocks away, each by its own."""
    a, b, found = sorted(placed), sorted(wanted), 0
    while a and b:
        if abs(a[0] - b[0]) <= within:
            found += 1
            a, b = a[1:], b[1:]
        elif a[0] < b[0]:
            a = a[1:]
        else:
            b = b[1:]
    return found


def placement_counts(placed: Sequence[int], wanted: Sequence[int]) -> Counts:
    """What a placement's scores are made of."""
    exact, near = hits(placed, wanted, 0), hits(placed, wanted, 1)
    return {
        "exact": 2 * exact,
        "near": 2 * near,
        "both": len(placed) + len(wanted),
        "met": near,
        "placed": len(placed),
        "wanted": len(wanted),
        "off": abs(len(placed) - len(wanted)),
        "missed": len(wanted) - near,
        "needless": len(placed) - near,
        "one": 1,
    }


def rank_of(scores: NDArray[np.float64], right: int) -> int:
    """How many rank before the right one; a tie counts half against it, so that an empty score is chance."""
    better = int((scores > scores[right]).sum())
    ties = int((scores == scores[right]).sum()) - 1
    return better + (ties + 1) // 2


def edit_score(made: Sequence[str], wanted: Sequence[str]) -> float:
    """1 - Levenshtein(made, wanted) / max(lengths); 1 for two empty sequences."""
    if not made and not wanted:
        return 1.0
    row = list(range(len(wanted) + 1))
    for i, item in enumerate(made, start=1):
        previous, row[0] = row[0], i
        for j, other in enumerate(wanted, start=1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (item != other))
    return 1 - row[-1] / max(len(made), len(wanted))


def kendall_score(made: Sequence[str], wanted: Sequence[str]) -> float:
    """Pairs of common pictures in the wanted order by all pairs made; with one picture on a side, common by the longer."""
    order = {item: n for n, item in reversed(list(enumerate(wanted)))}
    common = [order[item] for item in made if item in order]
    if not made or not wanted:
        return float(not made and not wanted)
    if len(made) == 1 or len(wanted) == 1:
        return len(common) / max(len(made), len(wanted))
    right = sum(common[i] < common[j] for i in range(len(common)) for j in range(i + 1, len(common)))
    return right / (len(made) * (len(made) - 1) / 2)


def alignment_score(cosines: Sequence[float]) -> float:
    """Of the cosines of the texts around each common picture: 0 up to 0.7, 1 at 1, in between by line; 0 for none."""
    return float(np.mean([min(1.0, max(0.0, (c - 0.7) / 0.3)) for c in cosines])) if len(cosines) else 0.0
