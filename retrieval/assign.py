"""Pictures for all slots of an article at once: what fits each slot, together with what the pictures are to each other.

Worth of an assignment = sum over filled slots of what speaks for the picture there + sum over pairs of how alike they
look. No picture, and no version of one, stands twice; a slot that nothing fits stays open. Knows nothing of articles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from retrieval.fuse import NEAR
from retrieval.licences import IntendedUse, allows
from retrieval.picture import Candidate, Digest, Picture

Floats = NDArray[np.floating]
Choice = list[int | None]
ROUNDS = 6  # of the local search; it stops earlier when nothing gets better
SPARE = 4  # candidates of a slot that are weighed beyond the number of slots
LEAST = 1e-6  # what counts as better; pairs are weighed in float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What one of each counts; a filled slot counts 1 before all that, so that filling two beats filling one well."""

    relevance: float = 1.0
    rank: float = 0.5  # of 1 / (1 + place among the slot's candidates)
    style: float = 0.5  # likeness to the reference pictures, 0 to 1
    size: float = 0.1  # shorter side against `Wishes.px`
    aspect: float = 0.1  # sides against `Wishes.aspect`
    coherence: float = 0.5  # likeness to the article's other pictures, the mean over them


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What an article's pictures must be and what is wanted of them."""

    min_relevance: float
    taken: Sequence[Picture] = ()  # stand in the article already
    use: IntendedUse = "any"  # pictures whose licence forbids it are not used
    px: int = 400
    aspect: float = 4 / 3  # width / height
    worth: Worth = Worth()
    looks: Mapping[Digest, Sequence[float]] = field(default_factory=dict)  # features in units of their spread
    vectors: Mapping[Digest, Sequence[float]] = field(default_factory=dict)  # of unit length, of one image encoder
    same_cosine: float = 0.97  # from here on two vectors are of versions of one picture
    seed: int = 0


def assign(slots: Sequence[Sequence[Candidate]], wishes: Wishes) -> Choice:
    """For each slot the index of its picture among its candidates, or None.

    The best of three starts (the Hungarian method without pairs, greedy, and a shuffled greedy of the seed), each made
    better by moves and ejections until none helps. The slots' order does not change the worth; the same input gives
    the same answer.
    """
    order = sorted(range(len(slots)), key=lambda s: [(c.picture.digest, c.relevance, c.style) for c in slots[s]])
    rows = _Rows([slots[s] for s in order], wishes)
    some = rows.best(len(slots) + SPARE)
    found = _solve(_Problem(some, wishes), wishes.seed)
    if None in found and some is not rows:  # what was left out might have filled it
        some, found = rows, _solve(_Problem(rows, wishes), wishes.seed)
    chosen: Choice = [None] * len(slots)
    for place, row in enumerate(found):
        chosen[order[place]] = None if row is None else some.index[row]
    return chosen


def greedy(slots: Sequence[Sequence[Candidate]], wishes: Wishes) -> Choice:
    """The pair of slot and picture that is worth most first, then the next that is still allowed, and so on."""
    rows = _Rows(slots, wishes)
    return [None if row is None else rows.index[row] for row in _greedy(_Problem(rows, wishes))]


def worth(slots: Sequence[Sequence[Candidate]], chosen: Sequence[int | None], wishes: Wishes) -> float:
    """What an assignment is worth; -inf for one that is not allowed."""
    rows = _Rows(slots, wishes)
    at = {pair: row for row, pair in enumerate(zip(rows.slot, rows.index, strict=True))}
    wanted = [(s, i) for s, i in enumerate(chosen) if i is not None]
    if any(pair not in at for pair in wanted):
        return float("-inf")
    return _Problem(rows, wishes).worth([at[pair] for pair in wanted])


class _Rows:
    """The candidates that may be used, slot by slot."""

    def __init__(self, slots: Sequence[Sequence[Candidate]], wishes: Wishes) -> None:
        may_use: dict[tuple[str, str], bool] = {}
        rows: list[tuple[int, int, Candidate]] = []
        for slot, candidates in enumerate(slots):
            for i, c in enumerate(candidates):
                terms = (c.picture.attribution.licence, c.picture.attribution.licence_url)
                if terms not in may_use:
                    may_use[terms] = allows(terms[0], wishes.use, terms[1])
                if c.relevance >= wishes.min_relevance and may_use[terms]:
                    rows.append((slot, i, c))
        if wishes.taken and rows:
            clash = versions([*(c.picture for _, _, c in rows), *wishes.taken], wishes)[: len(rows), len(rows) :]
            rows = [row for number, row in enumerate(rows) if not clash[number].any()]
        self.count = len(slots)
        self._set(rows, _own([c for _, _, c in rows], [i for _, i, _ in rows], wishes))

    def _set(self, rows: Sequence[tuple[int, int, Candidate]], own: Floats) -> None:
        self._rows, self.own = rows, own
        self.slot = [slot for slot, _, _ in rows]
        self.index = [i for _, i, _ in rows]
        self.pictures = [c.picture for _, _, c in rows]
        bounds = np.searchsorted(self.slot, np.arange(self.count + 1))
        self.of = [slice(int(a), int(b)) for a, b in pairwise(bounds)]

    def best(self, count: int) -> "_Rows":
        """The best `count` of each slot: that many slots cannot take all of them away, unless some are versions."""
        if all(own.stop - own.start <= count for own in self.of):
            return self
        kept = [np.sort(np.argsort(-self.own[own], kind="stable")[:count]) + own.start for own in self.of]
        chosen = np.concatenate(kept)
        less = object.__new__(_Rows)
        less.count = self.count
        less._set([self._rows[int(row)] for row in chosen], self.own[chosen])
        return less


class _Problem:
    """Rows, with what each two of them are to each other."""

    def __init__(self, rows: _Rows, wishes: Wishes) -> None:
        self.slot, self.own, self.of, self.pictures = rows.slot, rows.own, rows.of, rows.pictures
        self.clash = versions(self.pictures, wishes)  # (n, n): must not stand together
        self.clashes = self.clash.astype(np.float32)  # products of bool are slow
        share = wishes.worth.coherence / max(1, rows.count - 1)
        self.gain = np.float32(share) * alike(self.pictures, wishes)  # (n, n)

    def worth(self, chosen: Sequence[int | None]) -> float:
        """Of rows of different slots; -inf where two are versions of one picture."""
        rows = np.array([row for row in chosen if row is not None], np.int64)
        block = np.ix_(rows, rows)
        if self.clash[block].sum() > len(rows):  # each is a version of itself
            return float("-inf")
        gain = self.gain[block]
        return float(self.own[rows].sum() + (gain.sum() - gain.trace()) / 2)


def versions(pictures: Sequence[Picture], wishes: Wishes) -> NDArray[np.bool_]:
    """(n, n): whether two have one digest, near hashes or near vectors."""
    numbers: dict[Digest, int] = {}
    number = np.array([numbers.setdefault(p.digest, len(numbers)) for p in pictures], np.int64)
    hashes = np.array([int(p.phash or "0", 16) for p in pictures], np.uint64)
    hashed = np.array([bool(p.phash) for p in pictures], bool)
    near = np.bitwise_count(hashes[:, None] ^ hashes[None, :]) <= NEAR
    same = (number[:, None] == number[None, :]) | (near & hashed[:, None] & hashed[None, :])
    if wishes.vectors:
        vectors, _ = _table(pictures, wishes.vectors)
        same |= vectors @ vectors.T >= wishes.same_cosine
    return np.asarray(same)


def alike(pictures: Sequence[Picture], wishes: Wishes) -> Floats:
    """(n, n) from 0 to 1: how alike pictures look; 0 where one was not looked at."""
    looks, seen = _table(pictures, wishes.looks)
    looks = looks.astype(np.float32)  # half the time of float64
    if not seen.any():
        return np.zeros((len(pictures), len(pictures)), np.float32)
    squares = (looks**2).sum(axis=1)
    products = looks @ looks.T
    products *= 2
    products -= squares[:, None]
    products -= squares[None, :]
    products /= 2 * looks.shape[1]
    found: Floats = np.exp(np.minimum(products, 0, out=products), out=products)
    if not seen.all():
        found *= seen[:, None] & seen[None, :]
    return found


def _table(pictures: Sequence[Picture], values: Mapping[Digest, Sequence[float]]) -> tuple[Floats, NDArray[np.bool_]]:
    """(n, d) with zeros where there is none, and (n,) whether there is one."""
    width = len(next(iter(values.values()), ()))
    nothing = (0.0,) * width
    table = np.array([values.get(p.digest, nothing) for p in pictures], np.float64).reshape(len(pictures), width)
    return table, np.array([p.digest in values for p in pictures], bool)


def _own(candidates: Sequence[Candidate], places: Sequence[int], wishes: Wishes) -> Floats:
    """(n,): what speaks for each picture in its slot, whatever stands in the others."""
    w = wishes.worth
    wide = np.array([max(1, c.picture.width) for c in candidates], np.float64)
    high = np.array([max(1, c.picture.height) for c in candidates], np.float64)
    relevance = np.array([c.relevance for c in candidates], np.float64)
    style = (np.array([c.style for c in candidates], np.float64) + 1) / 2
    size = np.minimum(1.0, np.minimum(wide, high) / max(1, wishes.px))
    shape = np.exp(-np.abs(np.log(wide / high / wishes.aspect)))
    rank = 1 / (1 + np.array(places, np.float64))
    own = w.relevance * relevance + w.rank * rank + w.style * style + w.size * size + w.aspect * shape
    return np.asarray(1.0 + own, np.float64)


def _solve(problem: _Problem, seed: int) -> Choice:
    noise = np.random.default_rng(seed).uniform(0, 0.3, len(problem.slot))
    starts = (_hungarian(problem), _greedy(problem), _greedy(problem, noise))
    return max((_improve(problem, start) for start in starts), key=problem.worth)  # the first of equals


def _hungarian(problem: _Problem) -> Choice:
    """The best without pairs; a version of a picture that stands already leaves its slot open."""
    from scipy.optimize import linear_sum_assignment

    columns: dict[Digest, int] = {}
    count = len(problem.of)
    gain = np.zeros((count, len(problem.slot) + count))  # a column a picture, one a slot: open
    at: dict[tuple[int, int], int] = {}
    own = problem.own.tolist()
    for row, (slot, picture) in enumerate(zip(problem.slot, problem.pictures, strict=True)):
        column = columns.setdefault(picture.digest, len(columns))
        if own[row] > gain[slot, column]:
            gain[slot, column], at[slot, column] = own[row], row
    found = zip(*(side.tolist() for side in linear_sum_assignment(gain, maximize=True)), strict=True)
    chosen: Choice = [None] * count
    for row in sorted((at[pair] for pair in found if pair in at), key=lambda r: (-own[r], r)):
        if not problem.clash[row, [r for r in chosen if r is not None]].any():
            chosen[problem.slot[row]] = row
    return chosen


def _greedy(problem: _Problem, noise: Floats | None = None) -> Choice:
    chosen: Choice = [None] * len(problem.of)
    score = problem.own.copy() if noise is None else problem.own + noise
    while score.size and np.isfinite(score[row := int(score.argmax())]):
        chosen[problem.slot[row]] = row
        score += problem.gain[row]
        score[problem.clash[row]] = -np.inf
        score[problem.of[problem.slot[row]]] = -np.inf
    return chosen


def _improve(problem: _Problem, start: Choice) -> Choice:
    """Slot by slot the best picture, its own or another slot's that finds a new one, until nothing gets better."""
    chosen, better = list(start), True
    for _ in range(ROUNDS if start else 0):
        better = False
        for slot in range(len(chosen)):
            trial = _better(problem, chosen, slot)
            chosen, better = trial or chosen, better or trial is not None
        if not better:
            break
    return chosen


def _better(problem: _Problem, chosen: Choice, slot: int) -> Choice | None:
    """A better assignment that gives this slot another picture; None where there is none."""
    rows, now = problem.of[slot], chosen[slot]
    score, clashes = _around(problem, chosen, slot)
    floor = (0.0 if now is None else float(score[now - rows.start])) + LEAST
    for place in np.argsort(-score, kind="stable")[: len(chosen) + 1].tolist():
        if score[place] <= floor:
            break
        if clashes[place] == 0:
            return [*chosen[:slot], rows.start + place, *chosen[slot + 1 :]]
        if clashes[place] == 1:
            trial = _ejected(problem, chosen, slot, rows.start + place)
            if problem.worth(trial) > problem.worth(chosen) + LEAST:
                return trial
    return None


def _around(problem: _Problem, chosen: Choice, slot: int) -> tuple[Floats, NDArray[np.int64]]:
    """What each picture of a slot is worth beside the other slots' pictures, and with how many it clashes."""
    rows = problem.of[slot]
    others = [row for place, row in enumerate(chosen) if row is not None and place != slot]
    taken = np.zeros(len(problem.own), np.float32)
    taken[others] = 1
    return problem.own[rows] + problem.gain[rows] @ taken, np.rint(problem.clashes[rows] @ taken).astype(np.int64)


def _ejected(problem: _Problem, chosen: Choice, slot: int, row: int) -> Choice:
    """The slot takes a picture that one other slot stands in the way of; that one takes the best that is left."""
    trial = list(chosen)
    other = next(s for s, r in enumerate(chosen) if r is not None and s != slot and problem.clash[row, r])
    trial[slot], trial[other] = row, None
    score, clashes = _around(problem, trial, other)
    free = np.where(clashes == 0, score, -np.inf)
    if free.size and np.isfinite(free[best := int(free.argmax())]):
        trial[other] = problem.of[other].start + best
    return trial
