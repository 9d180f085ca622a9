"""Where articles live: an append-only log each, its pictures by sha256, and a snapshot for lists.

A folder is an article: `events.jsonl` (first line: format and version; then one record a line), `article.json` (a
snapshot, rewritten when a run ends, never read where the log can be), `pictures/DIGEST.EXT`. Everything is written
before it is shown. Knows files and locks; does not know models, stages or pages.
"""

import json
import os
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError, to_json

from composer.apply import apply, inverse
from composer.article import Article, Author, TextBlock
from composer.edits import AddBlock, AppendText, Edit, RemoveBlock, ReplaceText, target
from composer.errors import ConflictError, UsageError
from composer.events import Edited, Event, Failed, Finished, Named, Progress, Role, StageStarted, Warned
from composer.history import History, Turn
from composer.logfile import FORMAT, VERSION, append
from composer.logfile import RECORD as RECORD
from composer.logfile import Record as Record
from composer.logfile import explained as explained
from composer.logfile import read_log as read_log
from retrieval.picture import Digest

ARTICLE: TypeAdapter[Article] = TypeAdapter(Article)
EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/svg+xml": "svg",
}


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
        self._patches: dict[str, list[str]] = {}  # ids of the blocks that each patch added
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

    def commit_all(self, edits: Sequence[Edit], *, step: int, patch: str = "") -> Article:
        """A person's edits as one step, logged in one write: all of them or none. Raises ConflictError."""
        with self._changed:
            article = self.article
            for edit in edits:
                article = apply(article, edit, by="person")
            self._write(*(Edited(edit=edit, by="person", step=step, patch=patch) for edit in edits))
            return self.article

    def patch(self, patch: str) -> list[str] | None:
        """Ids of the blocks that a patch added, in order; None when it was never taken."""
        with self._changed:
            return self._patches.get(patch)

    def held(self) -> AbstractContextManager[object]:
        """Nobody else changes the article meanwhile: to look first and then commit."""
        return self._changed

    def at(self, seq: int) -> Article:
        """The article as it was after record number `seq`."""
        return fold((r.event for r in self._records[:seq]), self.article.id)

    def text_at(self, block_id: str, seq: int) -> str | None:
        """A block's text as it was after record number `seq`; None where it did not stand."""
        tail = ""
        for record in reversed(self._records[: max(seq, 0)]):
            match record.event:
                case Edited(edit=AppendText(id=name, text=text)) if name == block_id:
                    tail = text + tail
                case Edited(edit=ReplaceText(id=name, markdown=text)) if name == block_id:
                    return text + tail
                case Edited(edit=AddBlock(block=TextBlock(id=name, markdown=text))) if name == block_id:
                    return text + tail
                case Edited(edit=RemoveBlock(id=name)) if name == block_id:
                    return None
                case _:
                    pass
        return None

    def touched(self, block_id: str, since: int) -> bool:
        """Whether an edit named this block after record number `since`."""
        return any(isinstance(r.event, Edited) and target(r.event.edit) == block_id for r in self._records[since:])

    def emit(self, event: StageStarted | Progress | Warned | Failed | Finished | Named) -> None:
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

    def _write(self, *events: Event) -> None:
        if not events:
            return
        records = [Record(seq=self.seq + n, time=time.time(), event=e) for n, e in enumerate(events, start=1)]
        try:
            lines = b"".join(to_json(r, inf_nan_mode="strings") + b"\n" for r in records)  # null would not be read back
        except PydanticSerializationError as error:
            raise UsageError(
                "The edit holds broken characters (half of a UTF-16 pair). Type or paste it anew."
            ) from error
        append(self.folder / "events.jsonl", lines, at=self._size)
        self._size += len(lines)
        for record in records:
            self._records.append(record)
            self._take(record.event)
        self._changed.notify_all()

    def _take(self, event: Event) -> None:
        if isinstance(event, Edited):
            self.history.took(event, inverse(self.article, event.edit))
            if event.patch:
                added = [event.edit.block.id] if isinstance(event.edit, AddBlock) else []
                self._patches.setdefault(event.patch, []).extend(added)
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
