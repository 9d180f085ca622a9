"""How sure what is written about a picture makes us that it shows what was asked: absolute evidence between 0 and 1.

The weights were fitted by `python -m benchmarks.retrieval --fit` on queries with and without an answer in the packs; at
0.5 a slot filled wrongly is held twice as bad as one left open. Knows words and numbers; searching and vectors are elsewhere.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from math import exp, log

from retrieval.picture import Picture
from retrieval.words import cjk_names, cjk_thing, has_cjk, head_of, stem, telling


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What speaks for a picture; every value between 0 and 1 (a cosine may be below)."""

    cosine: float = 0.0  # of the query's and the caption's sentence vectors
    held: float = 0.0  # share of the query's telling words that caption and keywords hold, rare ones counting more
    head: float = 0.0  # 1 when they hold the thing the query is about
    said: float = 0.0  # share of the caption's telling words that the query says


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Of the logistic function of the evidence, in the order of `Evidence`."""

    evidence: tuple[float, float, float, float]
    bias: float


BOTH = Weights(evidence=(8.7, 6.6, 1.9, 0.0), bias=-8.7)
WORDS_ONLY = Weights(evidence=(0.0, 8.4, 1.7, 2.1), bias=-5.9)  # no sentence vector, or a language it does not read


PIXELS_SLOPE, PIXELS_BIAS = 1.53, -7.46


def relevance(evidence: Evidence, *, with_meaning: bool) -> float:
    """Between 0 and 1; `with_meaning` says whether there was a cosine."""
    weights = BOTH if with_meaning else WORDS_ONLY
    total = sum(w * e for w, e in zip(weights.evidence, astuple(evidence), strict=True)) + weights.bias
    return 1 / (1 + exp(-total))


def by_pixels(deviations: float) -> float:
    """Between 0 and 1, whatever is written about a picture: from how many standard deviations its cosine with the query
    lies above the library's mean. Fitted by `python -m benchmarks.fusion` on concepts that the encoder was not trained on."""
    return 1 / (1 + exp(-(PIXELS_SLOPE * deviations + PIXELS_BIAS)))


def rarity(found_in: int, of: int) -> float:
    """The weight of a word that `found_in` of `of` pictures have (inverse document frequency)."""
    return log(1 + of / (1 + found_in))


def coverage(held: Sequence[bool], weights: Sequence[float]) -> float:
    """The share of a query's words, by weight, that a caption holds; 0 for a query without words."""
    total = sum(weights)
    return sum(w for w, h in zip(weights, held, strict=True) if h) / total if total else 0.0


def evidence(query: str, picture: Picture, *, cosine: float, held: float, texts: Sequence[str]) -> Evidence:
    """What speaks for a picture; `texts` is all that is written about it, `held` the share of English words in there."""
    if has_cjk(query):
        return _cjk_evidence(query, texts)
    asked = {stem(w) for w in telling(query)}
    head = head_of(query)
    captions = (picture.caption, *(t for t in texts if t not in picture.keywords))
    return Evidence(
        cosine=cosine,
        held=held,
        head=float(bool(head) and any(head in {stem(w) for w in telling(text)} for text in texts)),
        said=max(_share(asked, caption) for caption in captions),
    )


def _share(asked: set[str], caption: str) -> float:
    """The share of a caption's telling words that the query says."""
    words = [stem(w) for w in telling(caption)]
    return sum(w in asked for w in words) / len(words) if words else 0.0


def _cjk_evidence(query: str, texts: Sequence[str]) -> Evidence:
    """By names: a caption or keyword in the query's script that the query holds, best at the end of its main part."""
    thing = cjk_thing(query)
    names = [name for text in texts for name in cjk_names(text) if name in query]
    in_thing = [name for name in names if name in thing]
    return Evidence(
        held=max((len(name) / len(thing) for name in in_thing), default=0.0),
        head=float(any(thing.endswith(name) for name in in_thing)),
        said=float(bool(names)),
    )
