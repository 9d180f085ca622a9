"""How sure a caption makes us that a picture shows what was asked: absolute evidence between 0 and 1.

Two kinds of evidence: the cosine of query and caption, and how much of the query's telling words the caption holds,
rare words counting more. The weights were fitted by `benchmarks/retrieval.py --fit` on queries with and without an
answer in the packs; 0.5 is the point where both errors cost the same. Knows numbers only; the words are the library's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Of the logistic function of the evidence."""

    cosine: float
    coverage: float
    bias: float


BOTH = Weights(cosine=9.0, coverage=3.0, bias=-6.0)
WORDS_ONLY = Weights(cosine=0.0, coverage=7.0, bias=-3.8)  # no sentence encoder, or a language it does not read


def relevance(cosine: float | None, coverage: float) -> float:
    """Between 0 and 1; `cosine` None where there is no vector to compare."""
    weights = WORDS_ONLY if cosine is None else BOTH
    return 1 / (1 + exp(-(weights.cosine * (cosine or 0.0) + weights.coverage * coverage + weights.bias)))


def rarity(found_in: int, of: int) -> float:
    """The weight of a word that `found_in` of `of` pictures have (inverse document frequency)."""
    return log(1 + of / (1 + found_in))


def coverage(held: Sequence[bool], weights: Sequence[float]) -> float:
    """The share of a query's words, by weight, that a caption holds; 0 for a query without words."""
    total = sum(weights)
    return sum(w for w, h in zip(weights, held, strict=True) if h) / total if total else 0.0
