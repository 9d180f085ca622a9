"""Choosing by pixels alone: no caption is known; the words that stand in the pictures are read, an encoder looks at the rest.

Every figure of the split is in the pool, with or without a caption. A picture that is missing or damaged is seen by nobody
and takes part as one that says nothing.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.illustrate_methods import Bench, Entry, Floats
from benchmarks.illustrate_metrics import Tally
from benchmarks.illustrate_score import assigned, chosen
from composer.placement.pixels import Seen, seen_fits
from composer.placement.scorer import Weights
from retrieval.encoder import Encoder
from retrieval.errors import InterleaveError
from retrieval.images import decode_rgb
from retrieval.lettering import LetterReader

UNSEEN = Image.new("RGB", (32, 32))


def by_pixels(
    bench: Bench, images: Path, given: list[Weights], encoder: Encoder | None, reader: LetterReader | None
) -> tuple[Tally, Tally]:
    """Ranks of the right picture one query at a time, and with one assignment over each post."""
    pool = [Entry(n, f.gap, f.image, "") for n, p in enumerate(bench.posts) for f in p.figures]
    shown = replace(bench, pool=pool)
    scores = _scores(shown, images, given, encoder, reader)
    return chosen(shown, scores), assigned(shown, scores)


def _scores(
    bench: Bench, images: Path, given: list[Weights], encoder: Encoder | None, reader: LetterReader | None
) -> list[Floats]:
    """For the gap of each entry the pool's scores."""
    names = sorted({e.image for e in bench.pool})
    pictures = [_picture(images / name) for name in names]
    letters = [reader.read(picture) if reader and picture else "" for picture in pictures]
    seen = Seen(letters=tuple(letters))
    if encoder is not None and names:
        vectors = encoder.encode_images([picture or UNSEEN for picture in pictures])
        there = np.array([[picture is not None] for picture in pictures])
        seen = replace(seen, vectors=np.asarray(vectors * there, np.float32), encoder=encoder)
    columns = [names.index(e.image) for e in bench.pool]
    fits = [
        seen_fits(
            post.blocks, seen, given[n], {e.gap for e in bench.pool if e.post == n}.__contains__, title=post.title
        )
        for n, post in enumerate(bench.posts)
    ]
    return [fits[e.post][e.gap][columns] for e in bench.pool]


def _picture(path: Path) -> Image.Image | None:
    try:
        return decode_rgb(path.read_bytes())
    except (OSError, InterleaveError) as error:
        sys.stderr.write(f"warning: {path.name} cannot be looked at: {error}\n")
        return None
