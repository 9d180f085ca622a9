"""From folders and packs of picture files to a library: what is new or changed is read, what is gone is taken out.

One pass: threads read and decode the next files while the encoders look at a batch, and each batch is in the library
whole or not at all, so a killed run is continued by the next. A file that moved keeps its row; bytes that are known are
not encoded again. Knows files and libraries; the encoders' insides and the packs' making are elsewhere.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.captions import Notes, notes_of, sidecars
from retrieval.decoding import ahead, batched, eye
from retrieval.encoder import Encoder
from retrieval.errors import InterleaveError, UsageError
from retrieval.fetch import Progress, quiet
from retrieval.images import digest_of
from retrieval.library import Library
from retrieval.packs import pictures_of
from retrieval.picture import Attribution, Digest
from retrieval.rows import Described, Row
from retrieval.updating import BATCH, DEPTH, Encoders, Files, Read, Report, Waiting, update

__all__ = ["ENDINGS", "Encoders", "Report", "Shard", "add_vectors", "index_folder", "index_pack"]

# Files with other endings are not looked into.
ENDINGS = frozenset(["png", "jpg", "jpeg", "jfif", "webp", "gif", "bmp", "tif", "tiff", "svg", "heic", "heif", "avif"])
Vector = NDArray[np.float32]
NONE = Encoders()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One of several parts of a folder, told apart by the hash of the path within it; 1 of 1 is all."""

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise UsageError(f"A shard is I/N with I from 1 to N; {self.number}/{self.of} was given.")

    def holds(self, path: Path, folder: Path) -> bool:
        """Whether a file belongs to this part: the same on every machine."""
        name = path.relative_to(folder).as_posix().encode(errors="surrogateescape")
        return int.from_bytes(hashlib.sha256(name).digest()[:8], "big") % self.of == self.number - 1


WHOLE = Shard()


def index_folder(
    library: Library,
    folder: Path,
    encoders: Encoders = NONE,
    attribution: Attribution | None = None,
    progress: Progress = quiet,
    *,
    shard: Shard = WHOLE,
) -> Report:
    """Bring the library up to date with a folder and all folders in it, or with one shard of it.

    `attribution` holds where neither a sidecar file nor the picture says otherwise; without it the licence is
    "unknown". Raises UsageError when the folder is not there; what was indexed of it is kept then.
    """
    folder = folder.expanduser().resolve()
    if not folder.is_dir():
        there = library.count(str(folder))
        kept = f" The {there} pictures indexed from it are kept." if there else ""
        raise UsageError(f"There is no folder {folder}. Is its disk connected and the name right?{kept}")
    own = attribution or Attribution(source=folder.name, licence="unknown")
    sight = eye(library, encoders.image)

    def read(waiting: Waiting) -> Read:
        data = waiting.path.read_bytes()
        seen, notes = sight.see(data), notes_of(waiting.path, data)
        credit = seen.credit(_credit(notes, own, waiting.path))
        picture = replace(seen.picture, caption=notes.caption, keywords=notes.keywords, attribution=credit)
        row = Row(
            picture=picture,
            path=str(waiting.path),
            origin=str(folder),
            stamp=waiting.stamp,
            captions=notes.captions,
        )
        return Read(row, seen)

    inside = (path for path in _files(folder) if shard.holds(path, folder))
    found = (Waiting(path, _stamp(path, own)) for path in inside)
    known = {p: s for p, s in library.stamps(str(folder)).items() if shard.holds(Path(p), folder)}
    report = update(library, encoders, Files(found, known, read), progress)
    add_vectors(library, str(folder), encoders, progress)
    return report


def index_pack(
    library: Library, name: str, folder: Path, encoders: Encoders = NONE, progress: Progress = quiet
) -> Report:  # fmt: skip
    """Bring the library up to date with an installed pack; `folder` is the one given to `packs.install`."""
    entries = {path: entry for entry, path in pictures_of(name, folder)}
    sight = eye(library, encoders.image)

    def read(waiting: Waiting) -> Read:
        entry = entries[waiting.path]
        seen = sight.see(waiting.path.read_bytes())
        credit = seen.credit(entry.attribution)
        picture = replace(seen.picture, caption=entry.caption, keywords=entry.keywords, attribution=credit)
        row = Row(picture=picture, path=str(waiting.path), origin=name, stamp=waiting.stamp, captions=entry.captions)
        return Read(row, seen)

    found = (Waiting(path, f"{path.stat().st_size} {_short_hash(repr(entry))}") for path, entry in entries.items())
    report = update(library, encoders, Files(found, library.stamps(name), read), progress)
    add_vectors(library, name, encoders, progress)
    return report


def add_vectors(library: Library, origin: str, encoders: Encoders, progress: Progress = quiet) -> None:
    """Give each picture of an origin the vectors it does not have yet. Raises SetupError when an encoder is missing."""
    if encoders.sentence is not None:
        waiting, done = library.missing(encoders.sentence.name, origin), 0
        for batch in batched(waiting, 4 * BATCH):
            progress("reading captions", done, len(waiting))
            values = encoders.sentence.encode_texts([d.text for d in batch])
            library.add_vectors(encoders.sentence.name, [d.id for d in batch], values)
            done += len(batch)
    if encoders.image is not None:
        _look(library, encoders.image, library.missing(encoders.image.name, origin), progress)


def _look(library: Library, encoder: Encoder, waiting: Sequence[Described], progress: Progress) -> None:
    """Image vectors for pictures that are in the library without; equal bytes are encoded once."""
    if not waiting:
        return
    sight, done = eye(library, encoder), 0

    def look(one: Described) -> tuple[int, Vector | Image.Image | None, Digest]:
        try:
            data = one.path.read_bytes()
            known = sight.vector(data)
            return one.id, sight.look(data) if known is None else known, digest_of(data)
        except (InterleaveError, OSError):
            return one.id, None, ""

    for batch in batched(ahead(look, waiting, depth=DEPTH), BATCH):
        progress("looking at pictures", done, len(waiting))
        images = {digest: shown for _, shown, digest in batch if isinstance(shown, Image.Image)}
        values = dict(zip(images, encoder.encode_images(list(images.values())), strict=True))
        rows = [(i, values.get(d, shown)) for i, shown, d in batch if shown is not None]
        library.add_vectors(encoder.name, [i for i, _ in rows], np.array([v for _, v in rows]))
        done += len(batch)


def _files(folder: Path) -> Iterator[Path]:
    """Picture files by their ending, in order; hidden ones and linked folders are passed over."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(files):
            path = Path(place) / name
            if not name.startswith(".") and path.suffix.lower()[1:] in ENDINGS and path.is_file():
                yield path


def _stamp(path: Path, own: Attribution) -> str:
    """Another one when the picture, what lies beside it or what the author says of it has changed."""
    parts = [repr(own)]
    for file in (path, *sidecars(path)):
        facts = file.stat()
        parts.append(f"{file.name} {facts.st_size} {facts.st_mtime_ns}")
    return _short_hash("\n".join(parts))


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:24]


def _credit(notes: Notes, own: Attribution, path: Path) -> Attribution:
    return Attribution(
        title=notes.title or own.title or notes.caption or path.stem,
        author=notes.author or own.author,
        source=notes.source or own.source,
        licence=notes.licence or own.licence,
        licence_url=notes.licence_url if notes.licence else own.licence_url,
        url=notes.url or own.url,
    )
