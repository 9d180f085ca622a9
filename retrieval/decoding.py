"""Reading picture files ahead of the encoder: while it works on one batch, threads read and decode the next.

Knows how far ahead to read, how small a JPEG may be decoded and which files are known by their hash. Threads, because
Pillow decodes outside the interpreter's lock; the results come in the order of the files. Does not write or encode.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.encoder import Encoder
from retrieval.images import converted, decode_rgb, digest_of, examine
from retrieval.library import Library
from retrieval.picture import Attribution, Digest, Picture
from retrieval.rows import Row

HASH_PX = 64  # shorter side that is enough for a perceptual hash
ENCODER_PX = 512  # shorter side for an encoder that does not say what it needs
A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a file shows, without words about it."""

    picture: Picture
    original: Digest = ""  # of the file, where the picture is a PNG made of it
    twin: Row | None = None  # a row of the same picture that is in the library
    image: Image.Image | None = field(default=None, repr=False)  # RGB, for the encoder; None: it has the vector

    def credit(self, own: Attribution) -> Attribution:
        """The credit, with what was changed."""
        return converted(own, self.original) if self.original else own


@dataclass(frozen=True, slots=True)
class Eye:
    """Looks at files for an image encoder, or for none."""

    library: Library
    encoder: Encoder | None
    conversions: Mapping[Digest, Digest]  # see Library.conversions
    px: int  # shorter side that is decoded

    def see(self, data: bytes) -> Seen:
        """Decodes only what no row of the library has told already. Raises UsageError for what is no picture."""
        original = digest_of(data)
        digest = self.conversions.get(original, original)
        twin = self.library.same(digest)
        if twin is None:
            picture, kept, image = examine(data, px=self.px)
            return Seen(
                picture=picture,
                original="" if kept is data else original,
                image=self._fitting(image) if self.encoder else None,
            )
        bare = replace(twin.picture, caption="", keywords=(), attribution=Attribution())
        needed = self.encoder is not None and self.encoder.name not in twin.vectors
        return Seen(
            picture=bare,
            original=original if digest != original else "",
            twin=twin,
            image=self.look(data) if needed else None,
        )

    def vector(self, data: bytes) -> NDArray[np.float32] | None:
        """The vector that the same picture has elsewhere in the library; None when there is none."""
        original = digest_of(data)
        twin = self.library.same(self.conversions.get(original, original))
        return twin.vectors.get(self.encoder.name) if twin and self.encoder else None

    def look(self, data: bytes) -> Image.Image:
        """The pixels for the encoder. Raises UsageError for what is no picture."""
        return self._fitting(decode_rgb(data, px=self.px))

    def _fitting(self, image: Image.Image) -> Image.Image:
        """No larger than the encoder needs, so that a waiting batch takes little memory and is ready at once."""
        px, short = self.px, min(image.size)
        if short <= px:
            return image
        size = (max(px, image.width * px // short), max(px, image.height * px // short))
        return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)


def eye(library: Library, encoder: Encoder | None) -> Eye:
    """An Eye for a library; asks the encoder for its size, so one that is missing is noticed before anything is read."""
    return Eye(library, encoder, library.conversions(), _shorter_side(encoder) if encoder else HASH_PX)


def _shorter_side(encoder: Encoder) -> int:
    """How many px of a picture's shorter side an encoder can use."""
    return int(getattr(encoder, "image_px", ENCODER_PX))


def reader_threads() -> int:
    """One for each core this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(2, min(16, cores))


def ahead(work: Callable[[A], B], items: Iterable[A], *, depth: int) -> Iterator[B]:
    """The results of `work` in order, done by threads that keep at most `depth` of them ready."""
    waiting: deque[Future[B]] = deque()
    pool = ThreadPoolExecutor(reader_threads(), thread_name_prefix="read")
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def batched(items: Iterable[A], size: int) -> Iterator[list[A]]:
    """Lists of `size` items, the last one maybe shorter."""
    batch: list[A] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
