"""How well a picture nobody described fits a gap, by its pixels: by the words that stand in it, which a screenshot or a
chart has, else through an image encoder that reads texts, too."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from composer.placement.match import measures, prepare
from composer.placement.scorer import Weights
from composer.placement.text import Block, sentences
from retrieval.encoder import Encoder, Vectors

Fits = dict[int, NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen in some pictures."""

    letters: tuple[str, ...]  # of each picture the words that stand in it; "" for none
    vectors: Vectors | None = None  # (n, dim), where an image encoder looked
    encoder: Encoder | None = None  # that one


def seen_fits(
    blocks: Sequence[Block],
    seen: Seen,
    given: Weights,
    keep: Callable[[int], bool] = lambda gap: True,
    *,
    title: str = "",
) -> Fits:
    """For each kept gap one number a picture, (n,), on the scale of captions' fits. Words read in a picture are compared
    as words alone: a screen's menus make no sentence. The encoder is heard for pictures without words."""
    wordless = np.array([not text for text in seen.letters], bool)
    tables = measures(blocks, prepare(seen.letters, None), None, keep, title=title)
    fits = {gap: given.fit(table) for gap, table in tables.items()}
    if seen.encoder is None or seen.vectors is None or not wordless.any():
        return fits
    looked = pixel_fits(blocks, seen.vectors, seen.encoder, keep)
    return {gap: fit + wordless * given.pixels * looked[gap] for gap, fit in fits.items()}


def pixel_fits(
    blocks: Sequence[Block], pictures: Vectors, encoder: Encoder, keep: Callable[[int], bool] = lambda gap: True
) -> Fits:
    """For each kept gap one number a picture, (n,): the best cosine of a sentence beside the gap, less the picture's mean
    over the article's sentences, which takes away that some pictures are near every text. `pictures`: (n, dim)."""
    cut = [(number, s) for number, block in enumerate(blocks) for s in sentences(block.plain)]
    best = np.full((len(blocks) + 2, len(pictures)), -np.inf)  # a row of no block at both ends
    if not cut or not len(pictures):
        return {gap: np.zeros(len(pictures)) for gap in filter(keep, range(len(blocks) + 1))}
    cosines = np.asarray(encoder.encode_texts([s for _, s in cut]) @ pictures.T, np.float64)
    for (number, _), row in zip(cut, cosines, strict=True):
        best[number + 1] = np.maximum(best[number + 1], row)
    mean = cosines.mean(0)
    found = {}
    for gap in filter(keep, range(len(blocks) + 1)):
        beside = np.maximum(best[gap], best[gap + 1])
        found[gap] = np.where(np.isfinite(beside), beside - mean, 0.0)
    return found
