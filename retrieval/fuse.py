"""Several rankings into one, pictures that are the same thrown out, and pictures assigned to slots.

Scores of different sources do not compare, so rankings are fused by rank.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from retrieval.images import hash_distance
from retrieval.picture import Candidate, Picture

RANK_CONSTANT = 60  # Cormack, Clarke, Büttcher 2009
NEAR = 6  # bits of 64 in which the perceptual hashes of one picture's versions may differ


def reciprocal_ranks(rankings: Sequence[Sequence[str]], weights: Sequence[float] = ()) -> dict[str, float]:
    """The fused score of every item: the sum over rankings of weight / (60 + rank), ranks from 1."""
    scores: dict[str, float] = {}
    for number, ranking in enumerate(rankings):
        weight = weights[number] if weights else 1.0
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + weight / (RANK_CONSTANT + rank)
    return scores


def fuse(answers: Sequence[Sequence[Candidate]]) -> list[Candidate]:
    """The answers of several sources as one, best first; what two offer is kept once, with its better relevance."""
    best: dict[str, Candidate] = {}
    for answer in answers:
        for candidate in answer:
            known = best.get(candidate.picture.digest)
            if known is None or candidate.relevance > known.relevance:
                best[candidate.picture.digest] = candidate
    scores = reciprocal_ranks([[c.picture.digest for c in answer] for answer in answers])
    ranked = sorted(best.values(), key=lambda c: (-scores[c.picture.digest], -c.relevance, c.picture.digest))
    return [replace(c, score=scores[c.picture.digest]) for c in ranked]


def same_picture(a: Picture, b: Picture) -> bool:
    """Whether two pictures are one, or versions of one."""
    return a.digest == b.digest or hash_distance(a.phash, b.phash) <= NEAR


def distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates without versions of an earlier one."""
    kept: list[Candidate] = []
    for candidate in candidates:
        if not any(same_picture(candidate.picture, other.picture) for other in kept):
            kept.append(candidate)
    return kept


def assign(
    slots: Sequence[Sequence[Candidate]], *, min_relevance: float, taken: Sequence[Picture] = ()
) -> list[int | None]:
    """For each slot the index of its picture among its candidates, or None.

    No picture, nor a version of it, is used twice or when it is among `taken`; a candidate below `min_relevance` is
    not used. Among what is left the sum over slots of relevance and rank is the highest (the Hungarian method), with
    ties broken by order: the same input gives the same answer.
    """
    from scipy.optimize import linear_sum_assignment

    groups = _groups([c.picture for candidates in slots for c in candidates])
    used = {g for p in taken for g in [_group_of(groups, p)] if g is not None}
    width = len(groups) + len(slots)  # one column a picture, one for leaving each slot open
    gain = np.zeros((len(slots), width))
    for row, candidates in enumerate(slots):
        for rank, candidate in enumerate(candidates):
            column = _group_of(groups, candidate.picture)
            if column is not None and column not in used and candidate.relevance >= min_relevance:
                gain[row, column] = max(gain[row, column], 1.0 + candidate.relevance + 1.0 / (1 + rank))
    rows, columns = linear_sum_assignment(gain, maximize=True)
    chosen: list[int | None] = [None] * len(slots)
    for row, column in zip(rows, columns, strict=True):
        if column < len(groups) and gain[row, column] > 0:
            fitting = [i for i, c in enumerate(slots[row]) if _group_of(groups, c.picture) == column]
            chosen[row] = next(i for i in fitting if slots[row][i].relevance >= min_relevance)
    return chosen


def _groups(pictures: Sequence[Picture]) -> list[Picture]:
    """One picture for each set of versions."""
    found: list[Picture] = []
    for picture in pictures:
        if _group_of(found, picture) is None:
            found.append(picture)
    return found


def _group_of(groups: Sequence[Picture], picture: Picture) -> int | None:
    return next((i for i, other in enumerate(groups) if same_picture(other, picture)), None)
