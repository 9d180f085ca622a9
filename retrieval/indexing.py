"""From folders and packs of picture files to a library: what is new or changed is read, what is gone is taken out.

Works in batches that are in the library whole or not at all, and only where something is missing: a killed run is
continued by the next. Knows files and libraries; the encoders' insides and the packs' making are elsewhere.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PIL import Image

from retrieval.captions import Notes, notes_of, sidecars
from retrieval.encoder import Encoder
from retrieval.errors import InterleaveError, UsageError
from retrieval.fetch import Progress, quiet
from retrieval.images import MAX_BYTES, as_picture, decode_rgb
from retrieval.library import Library, Row
from retrieval.packs import pictures_of
from retrieval.picture import Attribution

# Files with other endings are not looked into.
ENDINGS = frozenset(["png", "jpg", "jpeg", "jfif", "webp", "gif", "bmp", "tif", "tiff", "svg", "heic", "heif", "avif"])
BATCH = 64
READERS = 2  # threads that decode
ENCODER_PX = 512  # longer side at which pictures are decoded for an image encoder
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoders:
    """The models that give pictures their vectors; None: none of that kind."""

    sentence: Encoder | None = None  # reads captions
    image: Encoder | None = None  # looks at pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an indexing run did."""

    added: int = 0  # new or changed
    unchanged: int = 0
    removed: int = 0
    broken: tuple[str, ...] = ()  # "path: reason" of files that are no usable pictures


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that is new or changed."""

    path: Path
    stamp: str


def index_folder(
    library: Library,
    folder: Path,
    encoders: Encoders = Encoders(),
    attribution: Attribution | None = None,
    progress: Progress = quiet,
) -> Report:
    """Bring the library up to date with a folder and all folders in it.

    `attribution` holds where neither a sidecar file nor the picture says otherwise; without it the licence is
    "unknown". Raises UsageError when the folder is not there; what was indexed of it is kept then.
    """
    folder = folder.expanduser().resolve()
    if not folder.is_dir():
        there = library.count(str(folder))
        kept = f" The {there} pictures indexed from it are kept." if there else ""
        raise UsageError(f"There is no folder {folder}. Is its disk connected and the name right?{kept}")
    own = attribution or Attribution(source=folder.name, licence="unknown")

    def read(waiting: Waiting) -> Row:
        data = waiting.path.read_bytes()
        notes = notes_of(waiting.path, data)
        picture, _ = as_picture(
            data, caption=notes.caption, keywords=notes.keywords, attribution=_credit(notes, own, waiting.path)
        )
        return Row(
            picture=picture,
            path=str(waiting.path),
            origin=str(folder),
            stamp=waiting.stamp,
            captions=notes.captions,
        )

    found = [Waiting(path, _stamp(path, own)) for path in _files(folder)]
    report = _update(library, str(folder), found, read, progress)
    add_vectors(library, str(folder), encoders, progress)
    return report


def index_pack(
    library: Library, name: str, folder: Path, encoders: Encoders = Encoders(), progress: Progress = quiet
) -> Report:  # fmt: skip
    """Bring the library up to date with an installed pack; `folder` is the one given to `packs.install`."""
    entries = {path: entry for entry, path in pictures_of(name, folder)}

    def read(waiting: Waiting) -> Row:
        entry = entries[waiting.path]
        picture, _ = as_picture(
            waiting.path.read_bytes(), caption=entry.caption, keywords=entry.keywords, attribution=entry.attribution
        )
        return Row(picture=picture, path=str(waiting.path), origin=name, stamp=waiting.stamp, captions=entry.captions)

    found = [Waiting(path, f"{path.stat().st_size} {_short_hash(repr(entry))}") for path, entry in entries.items()]
    report = _update(library, name, found, read, progress)
    add_vectors(library, name, encoders, progress)
    return report


def add_vectors(library: Library, origin: str, encoders: Encoders, progress: Progress = quiet) -> None:
    """Give each picture of an origin the vectors it does not have yet. Raises SetupError when an encoder is missing."""
    if encoders.sentence is not None:
        waiting = library.missing(encoders.sentence.name, origin)
        for done, batch in _batches(waiting, 4 * BATCH):
            progress("reading captions", done, len(waiting))
            values = encoders.sentence.encode_texts([d.text for d in batch])
            library.add_vectors(encoders.sentence.name, [d.id for d in batch], values)
    if encoders.image is not None:
        waiting = library.missing(encoders.image.name, origin)
        with ThreadPoolExecutor(READERS, thread_name_prefix="decode") as pool:
            for done, batch in _batches(waiting, BATCH):
                progress("looking at pictures", done, len(waiting))
                images = pool.map(_pixels, [d.path for d in batch])
                shown = [(d.id, image) for d, image in zip(batch, images, strict=True) if image is not None]
                values = encoders.image.encode_images([image for _, image in shown])
                library.add_vectors(encoders.image.name, [i for i, _ in shown], values)


def _update(
    library: Library, origin: str, found: Sequence[Waiting], read: Callable[[Waiting], Row], progress: Progress
) -> Report:
    known = library.stamps(origin)
    new = [w for w in found if known.get(str(w.path)) != w.stamp]
    gone = known.keys() - {str(w.path) for w in found}
    broken: dict[str, str] = {}
    added = 0
    with ThreadPoolExecutor(READERS, thread_name_prefix="read") as pool:
        for done, batch in _batches(new, BATCH):
            progress("reading pictures", done, len(new))
            results = list(pool.map(lambda w: _tried(read, w), batch))
            rows = [r for r in results if isinstance(r, Row)]
            broken |= {str(w.path): r for w, r in zip(batch, results, strict=True) if isinstance(r, str)}
            library.add(rows)
            added += len(rows)
    progress("reading pictures", len(new), len(new))
    leaving = gone | (broken.keys() & known.keys())
    library.remove(sorted(leaving))
    reasons = tuple(f"{readable(path)}: {reason}" for path, reason in broken.items())
    return Report(added=added, unchanged=len(found) - len(new), removed=len(leaving), broken=reasons)


def _tried(read: Callable[[Waiting], Row], waiting: Waiting) -> Row | str:
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


def _batches(items: Sequence[T], size: int) -> Iterable[tuple[int, Sequence[T]]]:
    return ((begin, items[begin : begin + size]) for begin in range(0, len(items), size))


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


def _pixels(path: Path) -> Image.Image | None:
    try:
        return decode_rgb(path.read_bytes(), px=ENCODER_PX)
    except (InterleaveError, OSError):
        return None
