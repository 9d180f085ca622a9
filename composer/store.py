"""Where articles live: an append-only log each, its pictures by sha256, and a snapshot for lists.

A folder is an article: `events.jsonl` (first line: format and version; then one record a line), `article.json` (a
snapshot, rewritten when a run ends, never read where the log can be), `pictures/DIGEST.EXT`. Everything is written
before it is shown. Knows files and locks; does not know models, stages or pages.
"""

import errno
import json
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from composer.apply import apply, inverse
from composer.article import Article, Author
from composer.edits import Edit
from composer.errors import ConflictError, SetupError, UsageError
from composer.events import Edited, Event, Failed, Finished, Progress, Role, StageStarted, Warned
from composer.history import History, Turn
from retrieval.picture import Digest

FORMAT = "interleave-article-log"
VERSION = 1
ARTICLE: TypeAdapter[Article] = TypeAdapter(Article)
EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/svg+xml": "svg",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line of a log."""

    seq: int  # 1, 2, 3, ...
    time: float  # seconds since 1970
    event: Event


RECORD: TypeAdapter[Record] = TypeAdapter(Record)


class PictureFolder:
    """Picture files of one article, named by sha256."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, digest: Digest, media_type: str, data: bytes) -> Path:
        """Keep a picture's bytes; safe against a crash in the middle. Raises SetupError when the disk refuses."""
        target = self.folder / f"{digest}.{EXTENSIONS.get(media_type, 'bin')}"
        if not target.exists():
            with explained(target):
                self.folder.mkdir(parents=True, exist_ok=True)
                part = target.with_suffix(f".{os.getpid()}.{threading.get_ident()}.part")
                part.write_bytes(data)
                os.replace(part, target)
        return target

    def path(self, digest: Digest) -> Path | None:
        """The file of a picture, or None where it is not kept here."""
        if len(digest) != 64 or not digest.isalnum():
            return None
        return next((p for p in self.folder.glob(f"{digest}.*") if p.suffix != ".part"), None)

    def read(self, digest: Digest) -> bytes | None:
        """The bytes of a picture, or None where it is not kept here."""
        path = self.path(digest)
        return path.read_bytes() if path else None


class ArticleLog:
    """One article, open: its present state, its log, its history and who listens. Safe to use from several threads."""

    def __init__(self, folder: Path, records: list[Record], article_id: str, size: int) -> None:
        self.folder = folder
        self._size = size  # of the log file, bytes
        self.pictures = PictureFolder(folder / "pictures")
        self.article = Article(id=article_id)
        self.history = History()
        self._records = records
        self._changed = threading.Condition(threading.RLock())
        for record in records:
            self._take(record.event)

    @property
    def seq(self) -> int:
        """Number of the newest record; 0 for an empty log."""
        return len(self._records)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self.history.inverses("undo") is not None

    @property
    def can_redo(self) -> bool:
        """Whether there is an undo to take back."""
        return self.history.inverses("redo") is not None

    def next_step(self) -> int:
        """A number for a new group of edits that undo takes back together."""
        with self._changed:
            return self.history.next_step()

    def commit(self, edit: Edit, *, by: Author, step: int = 0, role: Role = "do") -> Article:
        """Apply, log, announce. Raises ConflictError and logs nothing when the edit does not fit."""
        with self._changed:
            apply(self.article, edit, by=by)
            self._write(Edited(edit=edit, by=by, step=step, role=role))
            return self.article

    def emit(self, event: StageStarted | Progress | Warned | Failed | Finished) -> None:
        """Log and announce; a Progress is announced by no record, so it is dropped here."""
        if isinstance(event, Progress):
            return
        with self._changed:
            self._write(event)

    def undo(self) -> bool:
        """Take back the newest step; False when there is none. What no longer fits is left as it is."""
        return self._turn("undo")

    def redo(self) -> bool:
        """Take back the newest undo; False when there is none."""
        return self._turn("redo")

    def take_back(self, step: int) -> None:
        """Undo this step if it is the newest."""
        with self._changed:
            if self.history.newest() == step:
                self._turn("undo")

    def since(self, seq: int) -> list[Record]:
        """All records after number `seq`."""
        with self._changed:
            return self._records[seq:]

    def wait(self, seq: int, timeout: float) -> list[Record]:
        """The records after `seq`, waiting up to `timeout` seconds for the first."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._records) > seq, timeout)
            return self._records[seq:]

    def snapshot(self) -> None:
        """Write article.json, whole or not at all."""
        target = self.folder / "article.json"
        with explained(target):
            part = target.with_suffix(f".{os.getpid()}.{threading.get_ident()}.part")
            part.write_bytes(to_json(self.article, indent=2, inf_nan_mode="strings"))
            os.replace(part, target)

    def _turn(self, turn: Turn) -> bool:
        with self._changed:
            edits = self.history.inverses(turn)
            if edits is None:
                return False
            step, fitting = self.history.next_step(), 0
            for edit in edits:
                try:
                    self.commit(edit, by="person", step=step, role=turn)
                    fitting += 1
                except ConflictError as error:
                    self._write(Warned(message=f"Not taken back, the article has moved on: {error}"))
            if not fitting:
                self.history.drop(turn)
            return True

    def _write(self, event: Event) -> None:
        record = Record(seq=self.seq + 1, time=time.time(), event=event)
        try:
            line = to_json(record, inf_nan_mode="strings") + b"\n"  # null, the default, would not be read back
        except PydanticSerializationError as error:
            raise UsageError(
                "The edit holds broken characters (half of a UTF-16 pair). Type or paste it anew."
            ) from error
        append(self.folder / "events.jsonl", line, at=self._size)
        self._size += len(line)
        self._records.append(record)
        self._take(event)
        self._changed.notify_all()

    def _take(self, event: Event) -> None:
        if isinstance(event, Edited):
            self.history.took(event, inverse(self.article, event.edit))
            self.article = apply(self.article, event.edit, by=event.by)


def fold(events: Iterable[Event], article_id: str) -> Article:
    """The article that a log's events make."""
    article = Article(id=article_id)
    for event in events:
        if isinstance(event, Edited):
            article = apply(article, event.edit, by=event.by)
    return article


def create(folder: Path, article_id: str) -> ArticleLog:
    """Start an article in a folder. Raises SetupError when it cannot be written, UsageError when it is taken."""
    log = folder / "events.jsonl"
    if log.exists():
        raise UsageError(f"{folder} holds an article already. Choose another folder, or continue with --resume.")
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    head = {"format": FORMAT, "version": VERSION, "article": article_id, "created": time.time()}
    line = json.dumps(head).encode() + b"\n"
    append(log, line, at=0)
    return ArticleLog(folder, [], article_id, len(line))


def reopen(folder: Path) -> ArticleLog:
    """Open an article as its log tells it. A last line cut short by a crash is dropped from the file."""
    path = folder / "events.jsonl"
    size = path.stat().st_size if path.exists() else 0  # before reading: what is written meanwhile is not cut off
    article_id, records, good = read_log(path)
    if good < size:
        with explained(path), path.open("r+b") as file:
            file.truncate(good)
    try:
        return ArticleLog(folder, records, article_id, good)
    except ConflictError as error:
        raise UsageError(f"{path} is damaged, its edits do not fit together: {error}") from error


def read_log(path: Path) -> tuple[str, list[Record], int]:
    """Article id, records, and how many bytes of the file are whole lines. Raises UsageError on anything else."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"No article log can be read at {path}: {error.strerror}.") from error
    head, *lines = data.split(b"\n")
    try:
        first = json.loads(head)
        article_id, version = str(first["article"]), int(first["version"])
        if first["format"] != FORMAT or not lines:  # a first line without its end was cut short
            raise ValueError(first["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is not an article log: its first line does not say so.") from error
    if version > VERSION:
        raise UsageError(f"{path} has log version {version}; this program reads up to {VERSION}. Update Interleave.")
    records, good = [], len(head) + 1
    for number, line in enumerate(lines, start=2):
        if number == len(lines) + 1:  # behind the last newline: nothing, or a line that a crash cut short
            break
        try:
            records.append(RECORD.validate_json(line))
        except ValidationError as error:
            raise UsageError(f"{path}, line {number} is damaged: {error.errors()[0]['msg']}.") from error
        if records[-1].seq != len(records):
            raise UsageError(f"{path}, line {number}: record {len(records)} was expected, {records[-1].seq} came.")
        good += len(line) + 1
    return article_id, records, good


def append(path: Path, line: bytes, *, at: int) -> None:
    """Add one line in one write at byte `at`, the end: a killed process leaves whole lines but for the last, a full
    disk leaves none of it."""
    with explained(path), path.open("ab", buffering=0) as file:
        if file.tell() != at:
            raise SetupError(f"{path} was changed by another process. Close it there, then reopen the article here.")
        try:
            if file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            file.truncate(at)
            raise


class explained:
    """Turns a refusal of the file system into a SetupError that says what to do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise SetupError(
                f"Cannot write {self.path}: {error.strerror or error}. Make room there or choose another folder; "
                "what was shown so far is kept."
            ) from error
