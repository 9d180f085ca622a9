"""Choosing by pixels alone: no caption is known, an image encoder reads the text around a gap and looks at the pool."""

from pathlib import Path

from benchmarks.illustrate_methods import Bench, Floats
from composer.placement.pixels import pixel_fits
from retrieval.encoder import Encoder
from retrieval.images import decode_rgb


def pixel_scores(bench: Bench, images: Path, encoder: Encoder) -> list[Floats]:
    """For the gap of each entry the pool's scores."""
    names = sorted({e.image for e in bench.pool})
    vectors = encoder.encode_images([decode_rgb((images / name).read_bytes()) for name in names])
    columns = [names.index(e.image) for e in bench.pool]
    fits = [
        pixel_fits(post.blocks, vectors, encoder, keep={e.gap for e in bench.pool if e.post == n}.__contains__)
        for n, post in enumerate(bench.posts)
    ]
    return [fits[e.post][e.gap][columns] for e in bench.pool]
