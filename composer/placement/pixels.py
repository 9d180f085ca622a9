"""How well a picture nobody described fits a gap: by its pixels, through an image encoder that reads texts, too."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from composer.placement.text import Block, sentences
from retrieval.encoder import Encoder, Vectors


def pixel_fits(
    blocks: Sequence[Block], pictures: Vectors, encoder: Encoder, keep: Callable[[int], bool] = lambda gap: True
) -> dict[int, NDArray[np.float64]]:
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
