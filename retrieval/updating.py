"""One bringing up to date of one origin: batches are read ahead, encoded and put into the library, whole or not at all.

Knows which rows moved and which bytes are known already. Where files come from and what is written about them is
given to it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.decoding import Seen, ahead, batched
from retrieval.encoder import Encoder
from retrieval.errors import InterleaveError
from retrieval.fetch import Progress
from retrieval.images import MAX_BYTES
from retrieval.library import Library
from retrieval.picture import Digest
from retrieval.rows import Row, description

BATCH = 64
DEPTH = 2 * BATCH  # pictures that may be read ahead
READING = "reading pictures"
Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoders:
    """The models that give pictures their vectors; None: none of that kind."""

    sentence: Encoder | None = None  # reads captions
    image: Encoder | None = None  # looks at pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an indexing run did."""

    added: int = 0  # new or changed
    moved: int = 0  # known bytes at another path: id and vectors kept
    copies: int = 0  # of those added: bytes that were known, so no pixels were encoded
    unchanged: int = 0
    removed: int = 0
    broken: tuple[str, ...] = ()  # "path: reason" of files that are no usable pictures


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that is new or changed."""

    path: Path
    stamp: str


@dataclass(frozen=True, slots=True)
class Read:
    """A file that was read: its row without id and vectors, and what was seen."""

    row: Row
    seen: Seen


@dataclass(slots=True)
class Left:
    """Rows whose file is gone or has changed: where one of the same picture turns up, it is the same row."""

    ids: dict[str, int] = field(default_factory=dict)  # by path
    paths: dict[Digest, set[str]] = field(default_factory=dict)

    def remember(self, library: Library, paths: Sequence[str]) -> None:
        """Look up the rows of these paths."""
        for some in batched(paths, 500):
            for number, (picture, path) in library.pictures(library.ids_at(some)).items():
                self.ids[str(path)] = number
                self.paths.setdefault(picture.digest, set()).add(str(path))

    def claim(self, row: Row) -> str:
        """The path of the row that this file continues, which nobody else gets; "" for a new one."""
        paths = self.paths.get(row.picture.digest, set())
        path = row.path if row.path in paths else min(paths, default="")
        paths.discard(path)
        return path


@dataclass(frozen=True, slots=True)
class Files:
    """What an origin holds now, what the library knows of it, and how a file is read."""

    found: Iterable[Waiting]
    known: Mapping[str, str]  # stamp by path
    read: Callable[[Waiting], Read]  # raises UsageError or OSError for a file that is no usable picture


def update(library: Library, encoders: Encoders, files: Files, progress: Progress) -> Report:
    """Read what is new or changed of the files, take out what is gone."""
    gone, new, unchanged = dict(files.known), list[Waiting](), 0
    for waiting in files.found:
        if gone.pop(str(waiting.path), None) == waiting.stamp:
            unchanged += 1
        else:
            new.append(waiting)
    left = Left()
    left.remember(library, [*gone, *(str(w.path) for w in new if str(w.path) in files.known)])
    report, done, broken = Report(unchanged=unchanged), 0, dict[str, str]()
    for batch in batched(ahead(lambda w: (w, _tried(files.read, w)), new, depth=DEPTH), BATCH):
        progress(READING, done, len(new))
        broken |= {str(w.path): r for w, r in batch if isinstance(r, str)}
        report = _write(library, encoders, left, [r for _, r in batch if isinstance(r, Read)], report)
        done += len(batch)
    progress(READING, len(new), len(new))
    still = {path for paths in left.paths.values() for path in paths}
    leaving = [p for p in gone if p in still] + [p for p in broken if p in still]
    library.remove(sorted(leaving))
    reasons = tuple(f"{readable(path)}: {reason}" for path, reason in broken.items())
    return replace(report, removed=len(leaving), broken=reasons)


def _write(library: Library, encoders: Encoders, left: Left, batch: Sequence[Read], report: Report) -> Report:
    """Encode a batch and put it in."""
    vectors: list[dict[str, Vector]] = [{} for _ in batch]
    if encoders.sentence is not None:
        _add_sentences(encoders.sentence, batch, vectors)
    if encoders.image is not None:
        _add_images(library, encoders.image, batch, vectors)
    rows, moved, copies = [], 0, 0
    for one, held in zip(batch, vectors, strict=True):
        before = left.claim(one.row)
        moved += before not in ("", one.row.path)
        copies += not before and one.seen.twin is not None
        rows.append(replace(one.row, vectors=held, id=left.ids.get(before, 0)))
    library.add(rows)
    added = report.added + len(rows) - moved
    return replace(report, added=added, moved=report.moved + moved, copies=report.copies + copies)


def _add_sentences(encoder: Encoder, batch: Sequence[Read], vectors: Sequence[dict[str, Vector]]) -> None:
    waiting: list[tuple[dict[str, Vector], str]] = []
    for one, held in zip(batch, vectors, strict=True):
        twin, text = one.seen.twin, _text(one.row)
        if twin and encoder.name in twin.vectors and _text(twin) == text:
            held[encoder.name] = twin.vectors[encoder.name]
        else:
            waiting.append((held, text))
    values = encoder.encode_texts([text for _, text in waiting])
    for (held, _), value in zip(waiting, values, strict=True):
        held[encoder.name] = value


def _add_images(
    library: Library, encoder: Encoder, batch: Sequence[Read], vectors: Sequence[dict[str, Vector]]
) -> None:
    """Vectors of pictures; one that stands in the library or in the batch already is not encoded again."""
    known: dict[Digest, Vector] = {}
    images = {}
    for one in batch:
        digest = one.row.picture.digest
        twin = one.seen.twin if one.seen.image is None else library.same(digest)  # it may have come in since
        if twin is not None and encoder.name in twin.vectors:
            known[digest] = twin.vectors[encoder.name]
        elif one.seen.image is not None:
            images[digest] = one.seen.image
    waiting = [digest for digest in images if digest not in known]
    known |= zip(waiting, encoder.encode_images([images[d] for d in waiting]), strict=True)
    for one, held in zip(batch, vectors, strict=True):
        held[encoder.name] = known[one.row.picture.digest]


def _text(row: Row) -> str:
    return description(row.picture.caption, row.picture.keywords)


def _tried(read: Callable[[Waiting], Read], waiting: Waiting) -> Read | str:
    """The row, or in words why there is none."""
    if readable(str(waiting.path)) != str(waiting.path):
        return "its name is not in UTF-8; rename it"
    try:
        if waiting.path.stat().st_size > MAX_BYTES:
            return f"it is larger than {MAX_BYTES // 1_000_000} MB"
        return read(waiting)
    except (InterleaveError, OSError) as error:
        return str(error)


def readable(path: str) -> str:
    """A path as it can be shown and stored; bytes that are not UTF-8 become question marks."""
    return path.encode(errors="replace").decode()
