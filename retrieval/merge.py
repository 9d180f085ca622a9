"""Libraries that several workers made, put together into one without encoding anything again.

Knows rows and their vectors. Rows get new ids; of a path that is in twice the library named last is believed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from retrieval.errors import UsageError
from retrieval.fetch import Progress, quiet
from retrieval.library import Library

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge did."""

    rows: int = 0  # read
    replaced: int = 0  # of them at a path that was in already


def merge(out: Library, sources: Sequence[Path], progress: Progress = quiet) -> Merged:
    """Put everything of these libraries into `out`, batch by batch: a killed merge is simply run again.

    Raises UsageError when one is missing or is `out` itself, before anything is written.
    """
    for path in sources:
        if not path.is_file():
            raise UsageError(f"There is no library {path} to merge. Give files that `index --library FILE` made.")
        if path.resolve() == out.path.resolve():
            raise UsageError(f"{path} is to be merged into itself. Give another file for the result.")
    merged = Merged()
    for path in sources:
        source = Library(path)
        try:
            merged = _take(out, source, merged, progress)
        finally:
            source.close()
    return merged


def _take(out: Library, source: Library, merged: Merged, progress: Progress) -> Merged:
    total, done = source.count(), 0
    batch = source.stored(0, BATCH)
    while batch:
        progress(f"merging {source.path.name}", done, total)
        known = len(out.ids_at([row.path for row in batch]))
        out.add([replace(row, id=0) for row in batch])
        merged = replace(merged, rows=merged.rows + len(batch), replaced=merged.replaced + known)
        done += len(batch)
        batch = source.stored(batch[-1].id, BATCH)
    progress(f"merging {source.path.name}", done, total)
    return merged
