"""The index of pictures on this machine: one SQLite file with what is written about them and their vectors.

Found by words (bm25, with every language's caption) and by vectors (exact search in memory). A batch is in the file
whole or not at all, so a killed process loses the batch in flight and nothing else. Knows paths and captions; does
not decode pictures or load models.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import SetupError, UsageError
from retrieval.picture import Attribution, Digest, Picture
from retrieval.schema import prepare
from retrieval.words import match_expression, searchable


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A picture file to put into the index."""

    picture: Picture
    path: str  # absolute
    origin: str  # the pack's name or the folder's path
    stamp: str = ""  # changes when the file does: size and time
    captions: Mapping[str, str] = field(default_factory=dict)  # by language, beside the picture's own


@dataclass(frozen=True, slots=True)
class Described:
    """A picture that waits for its vector."""

    id: int
    path: Path
    text: str


class Library:
    """An open index. Safe to use from several threads; several processes may read while one writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._vectors: dict[str, tuple[int, NDArray[np.int64], NDArray[np.float32]]] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, check_same_thread=False, timeout=30)
            prepare(self._db, path)
        except (OSError, sqlite3.Error) as error:
            raise SetupError(
                f"The picture index {path} cannot be opened: {error}. Delete it and index again."
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add(self, rows: Sequence[Row]) -> list[int]:
        """Put pictures in, each replacing what was known of its path, its vectors too; their ids. All or none."""
        with self._lock, self._db:
            ids = [self._put(row) for row in rows]
            self._vectors.clear()
            return ids

    def remove(self, paths: Iterable[str]) -> None:
        """Take pictures out by their paths."""
        with self._lock, self._db:
            for path in paths:
                for (row_id,) in self._db.execute("SELECT id FROM picture WHERE path = ?", (path,)).fetchall():
                    self._drop(row_id)
            self._vectors.clear()

    def count(self, origin: str = "") -> int:
        """How many pictures are in, or in one origin."""
        where, values = ("WHERE origin = ?", (origin,)) if origin else ("", ())
        with self._lock:
            return int(self._db.execute(f"SELECT count(*) FROM picture {where}", values).fetchone()[0])

    def origins(self) -> dict[str, int]:
        """How many pictures each origin has."""
        with self._lock:
            return dict(self._db.execute("SELECT origin, count(*) FROM picture GROUP BY origin ORDER BY origin"))

    def stamps(self, origin: str) -> dict[str, str]:
        """The stamp of every path of an origin."""
        with self._lock:
            return dict(self._db.execute("SELECT path, stamp FROM picture WHERE origin = ?", (origin,)))

    def encoders(self) -> dict[str, int]:
        """How many pictures have a vector of each encoder."""
        with self._lock:
            return dict(self._db.execute("SELECT encoder, count(*) FROM vector GROUP BY encoder"))

    def by_words(self, query: str, k: int, origins: Sequence[str] = ()) -> list[int]:
        """Ids of the pictures whose words fit best, best first (bm25)."""
        expression = match_expression(query)
        if not expression:
            return []
        where, values = _within(origins)
        sql = (
            "SELECT picture.id FROM words JOIN picture ON picture.id = words.rowid WHERE words MATCH ?"
            f"{where} ORDER BY bm25(words, 4.0, 2.0, 1.0), picture.id LIMIT ?"
        )
        with self._lock:
            return [int(row[0]) for row in self._db.execute(sql, (expression, *values, k))]

    def by_vector(
        self, encoder: str, vector: NDArray[np.float32], k: int, origins: Sequence[str] = ()
    ) -> list[tuple[int, float]]:
        """Ids and cosines of the nearest pictures, best first; exact. Raises UsageError when none was indexed so."""
        ids, values = self._matrix(encoder)
        if origins:
            keep = np.isin(ids, self._ids_of(origins))
            ids, values = ids[keep], values[keep]
        cosines = values @ vector.astype(np.float32)
        best = np.argsort(-cosines, kind="stable")[:k]
        return [(int(ids[i]), float(cosines[i])) for i in best]

    def cosines(self, encoder: str, vector: NDArray[np.float32], wanted: Sequence[int]) -> dict[int, float]:
        """The cosine of each of these pictures that has a vector."""
        ids, values = self._matrix(encoder)
        where = {int(i): n for n, i in enumerate(ids)}
        return {i: float(values[where[i]] @ vector) for i in wanted if i in where}

    def pictures(self, ids: Sequence[int]) -> dict[int, tuple[Picture, Path]]:
        """The pictures of these ids and where their files lie."""
        columns = "id, digest, media_type, width, height, caption, keywords, attribution, phash, path"
        with self._lock:
            rows = self._db.execute(f"SELECT {columns} FROM picture WHERE id IN ({_marks(ids)})", list(ids)).fetchall()
        return {int(r[0]): (_picture(r), Path(r[9])) for r in rows}

    def captions(self, ids: Sequence[int]) -> dict[int, dict[str, str]]:
        """What is written about these pictures in other languages, by language."""
        with self._lock:
            rows = self._db.execute(f"SELECT id, captions FROM picture WHERE id IN ({_marks(ids)})", list(ids))
            return {int(i): json.loads(text) for i, text in rows.fetchall()}

    def document_counts(self, terms: Sequence[str]) -> list[int]:
        """In how many pictures' words each term (an FTS5 expression) is found."""
        with self._lock:
            ask = "SELECT count(*) FROM words WHERE words MATCH ?"
            return [int(self._db.execute(ask, (term,)).fetchone()[0]) for term in terms]

    def containing(self, term: str, ids: Sequence[int]) -> set[int]:
        """Which of these pictures' words hold a term (an FTS5 expression)."""
        ask = f"SELECT rowid FROM words WHERE words MATCH ? AND rowid IN ({_marks(ids)})"
        with self._lock:
            return {int(row[0]) for row in self._db.execute(ask, (term, *ids)).fetchall()}

    def missing(self, encoder: str, origin: str) -> list[Described]:
        """The pictures of an origin that have no vector of this encoder yet."""
        ask = (
            "SELECT id, path, caption, keywords FROM picture WHERE origin = ? AND NOT EXISTS"
            " (SELECT 1 FROM vector WHERE vector.encoder = ? AND vector.picture = picture.id) ORDER BY id"
        )
        with self._lock:
            rows = self._db.execute(ask, (origin, encoder)).fetchall()
        return [
            Described(int(i), Path(path), description(caption, json.loads(words))) for i, path, caption, words in rows
        ]

    def add_vectors(self, encoder: str, ids: Sequence[int], values: NDArray[np.float32]) -> None:
        """Give pictures their vectors, (n, dim) in the order of `ids`; those gone meanwhile are passed over."""
        with self._lock, self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO vector SELECT id, ?, ? FROM picture WHERE id = ?",
                [(encoder, v.astype(np.float16).tobytes(), i) for i, v in zip(ids, values, strict=True)],
            )
            self._vectors.clear()

    def ids_at(self, paths: Sequence[str]) -> list[int]:
        """The ids of the pictures at these paths, in id order."""
        with self._lock:
            ask = f"SELECT id FROM picture WHERE path IN ({_marks(paths)}) ORDER BY id"
            return [int(row[0]) for row in self._db.execute(ask, list(paths))]

    def ids_of(self, digests: Sequence[Digest]) -> list[int]:
        """One id of each picture that is in, in the order given."""
        with self._lock:
            ask = f"SELECT digest, min(id) FROM picture WHERE digest IN ({_marks(digests)}) GROUP BY digest"
            known = dict(self._db.execute(ask, list(digests)).fetchall())
        return [int(known[d]) for d in digests if d in known]

    def path_of(self, digest: Digest) -> Path | None:
        """A file of this picture."""
        with self._lock:
            row = self._db.execute("SELECT path FROM picture WHERE digest = ? LIMIT 1", (digest,)).fetchone()
        return Path(row[0]) if row else None

    def _put(self, row: Row) -> int:
        for (old,) in self._db.execute("SELECT id FROM picture WHERE path = ?", (row.path,)).fetchall():
            self._drop(old)
        p = row.picture
        values = (row.path, row.origin, row.stamp, p.digest, p.media_type, p.width, p.height, p.caption)
        credit = {name: getattr(p.attribution, name) for name in Attribution.__slots__}
        cursor = self._db.execute(
            "INSERT INTO picture (path, origin, stamp, digest, media_type, width, height, caption, keywords, phash,"
            " attribution, captions) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            (*values, _json(p.keywords), p.phash, _json(credit), _json(dict(row.captions))),
        )
        words = (searchable(p.caption), searchable(" ".join(p.keywords)), searchable(" ".join(row.captions.values())))
        self._db.execute(
            "INSERT INTO words (rowid, caption, keywords, others) VALUES (?,?,?,?)", (cursor.lastrowid, *words)
        )
        return int(cursor.lastrowid or 0)

    def _drop(self, row_id: int) -> None:
        self._db.execute("DELETE FROM words WHERE rowid = ?", (row_id,))
        self._db.execute("DELETE FROM picture WHERE id = ?", (row_id,))

    def _ids_of(self, origins: Sequence[str]) -> NDArray[np.int64]:
        where, values = _within(origins)
        with self._lock:
            rows = self._db.execute(f"SELECT id FROM picture WHERE 1 {where}", values).fetchall()
        return np.array([r[0] for r in rows], np.int64)

    def _matrix(self, encoder: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """All vectors of an encoder; read again when another process has written."""
        with self._lock:
            stamp = int(self._db.execute("PRAGMA data_version").fetchone()[0])
            held = self._vectors.get(encoder)
            if held is None or held[0] != stamp:
                rows = self._db.execute("SELECT picture, value FROM vector WHERE encoder = ?", (encoder,)).fetchall()
                if not rows:
                    raise self._other_encoder(encoder)
                values = np.frombuffer(b"".join(r[1] for r in rows), np.float16).reshape(len(rows), -1)
                held = (stamp, np.array([r[0] for r in rows], np.int64), values.astype(np.float32))
                self._vectors[encoder] = held
            return held[1], held[2]

    def require(self, encoder: str) -> None:
        """Raises UsageError when no picture has a vector of this encoder."""
        with self._lock:
            ask = "SELECT 1 FROM vector WHERE encoder = ? LIMIT 1"
            if self._db.execute(ask, (encoder,)).fetchone() is None:
                raise self._other_encoder(encoder)

    def _other_encoder(self, encoder: str) -> UsageError:
        there = ", ".join(self.encoders()) or "none"
        return UsageError(
            f"The index {self.path} holds no vectors of {encoder} (it holds: {there}). "
            "Index again with this encoder: python -m retrieval index DIR"
        )


def description(caption: str, keywords: Sequence[str]) -> str:
    """What a sentence encoder reads of a picture: the caption alone, which finds better than with keywords behind it.

    Measured on the packs: of 70 queries the nearest picture is right for 100 %, with four keywords for 94 %.
    """
    return caption or ", ".join(keywords[:4])


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


def _within(origins: Sequence[str]) -> tuple[str, list[str]]:
    return (f" AND picture.origin IN ({','.join('?' * len(origins))})", list(origins)) if origins else ("", [])


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _picture(row: tuple[str, ...]) -> Picture:
    return Picture(
        digest=row[1],
        media_type=row[2],
        width=int(row[3]),
        height=int(row[4]),
        caption=row[5],
        keywords=tuple(json.loads(row[6])),
        attribution=Attribution(**json.loads(row[7])),
        phash=row[8],
    )
