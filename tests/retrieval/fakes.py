"""Tiny pictures, and an encoder without weights: words and colours are its only meanings."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from retrieval.encoder import Vectors, unit_rows
from retrieval.images import as_picture
from retrieval.picture import Attribution
from retrieval.rows import Row
from retrieval.words import stem, telling

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 60), "blue": (30, 60, 220), "yellow": (230, 210, 40)}
SYNONYMS = {"crimson": "red", "puppy": "dog", "hound": "dog", "automobile": "car"}


class WordEncoder:
    """Texts with the same words (or synonyms) have the same vector; a plain picture has the vector of its colour."""

    def __init__(self, name: str = "words:1", dim: int = 64) -> None:
        self._name, self._dim = name, dim
        self.texts_read = 0

    @property
    def name(self) -> str:
        return self._name

    @property
    def dim(self) -> int:
        return self._dim

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        self.texts_read += len(texts)
        rows = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in telling(text) or ["nothing"]:
                row += self._direction(SYNONYMS.get(stem(word), stem(word)))
        return unit_rows(rows)

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        rows = np.zeros((len(images), self.dim), np.float32)
        for row, image in zip(rows, images, strict=True):
            mean = np.asarray(image.convert("RGB").resize((1, 1)), np.float64)[0, 0]
            nearest = min(COLOURS, key=lambda c: float(np.abs(mean - COLOURS[c]).sum()))
            row += self._direction(nearest)
        return unit_rows(rows)

    def _direction(self, word: str) -> Vectors:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
        return np.random.default_rng(seed).standard_normal(self.dim).astype(np.float32)


def drawing(
    seed: int, *, size: tuple[int, int] = (48, 40), colour: tuple[int, int, int] = (200, 60, 40)
) -> Image.Image:
    """A picture of its own: a few shapes laid by chance."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    for _ in range(6):
        x, y = int(rng.integers(0, size[0])), int(rng.integers(0, size[1]))
        w, h = int(rng.integers(4, size[0])), int(rng.integers(4, size[1]))
        shade = tuple(int(min(255, c * rng.uniform(0.3, 1.4))) for c in colour)
        pen.rectangle((x, y, x + w, y + h), fill=shade)
    return image


def as_bytes(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def put(path: Path, seed: int, **options: object) -> Path:
    """A picture file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_bytes(drawing(seed), "JPEG" if path.suffix == ".jpg" else "PNG", **options))
    return path


def row(
    seed: int,
    caption: str,
    *,
    keywords: tuple[str, ...] = (),
    origin: str = "pack",
    credit: Attribution | None = None,
    **captions: str,
) -> Row:
    """A picture ready for a library, whose file does not exist."""
    picture, _ = as_picture(
        as_bytes(drawing(seed)),
        caption=caption,
        keywords=keywords,
        attribution=credit or Attribution(title=caption, licence="CC0"),
    )
    return Row(picture=picture, path=f"/{origin}/{seed}.png", origin=origin, captions=captions)
