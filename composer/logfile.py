"""The file of an article's log: whole lines or none, the first one says what it is.

Knows bytes and records; does not know what an article is.
"""

import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from composer.errors import SetupError, UsageError
from composer.events import Event

FORMAT = "interleave-article-log"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line of a log."""

    seq: int  # 1, 2, 3, ...
    time: float  # seconds since 1970
    event: Event


RECORD: TypeAdapter[Record] = TypeAdapter(Record)


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
