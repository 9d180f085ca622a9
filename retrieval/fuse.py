"""Several rankings into one, and pictures that are the same thrown out.

Scores of different sources do not compare, so rankings are fused by rank.
"""

from collections.abc import Sequence
from dataclasses import replace

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
