"""How well a described picture fits a gap: a few measures of text against caption, weighed and summed.

The measures see the whole article: a caption's words count more where few blocks of the article hold them, and what
fits nowhere in the article ranks below what fits somewhere. Knows captions and vectors; does not choose.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from composer.placement.text import Block, sentences, telling_words, with_addresses
from retrieval.encoder import Encoder, Vectors

Table = NDArray[np.float64]
MEASURES = (
    "sentence_after",  # cosine of the caption and the first sentence of the block after
    "block_before",  # ... and the whole block before, with the words of its addresses
    "section",  # ... and the heading that the gap stands under; the title, above the first one
    "article_best",  # ... and the nearest sentence of the whole article
    "rare_before",  # share of the caption's words that the block before holds, words rare in pool and article counting more
    "rare_near",  # the same over all blocks, falling off with the distance to the gap
    "words_article",  # share of the caption's words that the article holds
)
REACH = 2.0  # blocks over which `rare_near` falls to 1/e


@dataclass(frozen=True, slots=True)
class Captions:
    """A pool's captions, prepared once for all gaps."""

    words: tuple[frozenset[str], ...]
    rarity: dict[str, float]  # of each word among the captions (inverse document frequency)
    vectors: Vectors | None  # (n, dim); None without a sentence encoder

    def weight(self, word: str) -> float:
        """How much a word tells; one that no caption has tells nothing."""
        return self.rarity.get(word, 0.0)


def prepare(captions: Sequence[str], encoder: Encoder | None) -> Captions:
    """Words, their rarity and vectors of a pool's captions; an empty caption fits nothing."""
    words = tuple(frozenset(telling_words(c)) for c in captions)
    counts = Counter(w for some in words for w in some)
    rarity = {w: log(1 + len(words) / (1 + n)) for w, n in counts.items()}
    vectors = encoder.encode_texts([c or "-" for c in captions]) if encoder and captions else None
    return Captions(words, rarity, vectors)


def measures(
    blocks: Sequence[Block],
    pool: Captions,
    encoder: Encoder | None,
    keep: Callable[[int], bool] = lambda gap: True,
    *,
    title: str = "",
) -> dict[int, Table]:
    """For each kept gap a table (n pictures, len(MEASURES)); gap g stands before block g. The article's title stands for
    the heading where there is none above."""
    near = _nearness(blocks, pool, encoder, title)
    rare, whole = _held(blocks, pool)
    at = np.arange(len(blocks)) + 0.5
    found = {}
    for gap in filter(keep, range(len(blocks) + 1)):
        fall = np.exp(-np.abs(at - gap) / REACH)
        spread = (fall[:, None] * rare).sum(0) / fall.sum() if len(blocks) else whole
        columns = [
            _row(near.first, gap, whole),
            _row(near.block, gap - 1, whole),
            near.heading[gap],
            near.best.max(0) if len(blocks) else whole * 0,
            _row(rare, gap - 1, whole),
            spread,
            whole,
        ]
        found[gap] = np.stack(columns, -1)
    return found


@dataclass(frozen=True, slots=True)
class _Near:
    """Cosines (blocks, pictures): of a block's nearest sentence, its first one, the whole of it."""

    best: Table
    first: Table
    block: Table
    heading: Table  # (gaps, pictures): of the heading above


def _nearness(blocks: Sequence[Block], pool: Captions, encoder: Encoder | None, title: str) -> _Near:
    shape = (len(blocks), len(pool.words))
    best, first, block = (np.zeros(shape) for _ in range(3))
    if encoder is None or pool.vectors is None or not blocks:
        return _Near(best, first, block, np.zeros((len(blocks) + 1, len(pool.words))))
    cut = [(number, s) for number, b in enumerate(blocks) for s in sentences(b.plain)]
    cosines = encoder.encode_texts([s for _, s in cut]) @ pool.vectors.T
    seen = -1
    for (number, _), row in zip(cut, cosines, strict=True):
        if number != seen:
            first[number] = row
        best[number] = np.maximum(best[number], row)
        seen = number
    block[:] = encoder.encode_texts([with_addresses(b.raw) for b in blocks]) @ pool.vectors.T
    heads = [number for number, b in enumerate(blocks) if b.kind == "heading"]
    names = encoder.encode_texts([title or "-", *(blocks[number].plain or "-" for number in heads)]) @ pool.vectors.T
    above = np.searchsorted(heads, np.arange(len(blocks) + 1))  # a gap's number of headings before it
    heading = np.asarray(names[above] * ((above > 0) | bool(title))[:, None], np.float64)
    return _Near(best, first, block, heading)


def _held(blocks: Sequence[Block], pool: Captions) -> tuple[Table, Table]:
    """Shares of each caption's words held by each block, rare words of the article counting more; and by the article."""
    inside = [set(telling_words(with_addresses(b.raw))) for b in blocks]
    spread = Counter(w for some in inside for w in some)
    rare = np.zeros((len(blocks), len(pool.words)))
    whole = np.zeros(len(pool.words))
    for n, words in enumerate(pool.words):
        total = sum(map(pool.weight, words)) or 1.0
        known = [w for w in words if w in spread]
        whole[n] = sum(map(pool.weight, known)) / total
        for word in known:
            share = pool.weight(word) / total
            here = [number for number, some in enumerate(inside) if word in some]
            rare[here, n] += share * log(1 + len(blocks) / spread[word])
    return rare, whole


def _row(table: Table, number: int, like: Table) -> Table:
    return np.asarray(table[number]) if 0 <= number < len(table) else np.zeros_like(like)
