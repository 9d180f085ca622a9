"""The index of pictures on this machine: one SQLite file with what is written about them and their vectors.

Found by words (bm25, with every language's caption) and by vectors (exact search in memory). A batch is in the file
whole or not at all, so a killed process loses the batch in flight and nothing else. Knows paths and captions; does
not decode pictures or load models.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Sequence, Set
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import SetupError, UsageError
from retrieval.picture import Attribution, Digest, Picture
from retrieval.rows import Described, Row, as_json, description, marks, picture_of, within
from retrieval.schema import prepare
from retrieval.vectors import Vectors
from retrieval.words import match_expression, searchable

COLUMNS = "path, origin, stamp, digest, media_type, width, height, caption, keywords, attribution, phash, captions"


class Library:
    """An open index. Safe to use from several threads; several processes may read while one writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._vectors: dict[str, tuple[int, Vectors]] = {}
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
        """Put pictures in, each replacing what was known of its path, its vectors too; their ids. All or none.

        A row with an id keeps the vectors it had as well, unless what a sentence encoder reads of it has changed.
        """
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

    def stored(self, after: int, limit: int) -> list[Row]:
        """The next rows in order of their ids, with ids and vectors."""
        with self._lock:
            return self._rows("WHERE id > ? ORDER BY id LIMIT ?", (after, limit))

    def same(self, digest: Digest) -> Row | None:
        """A row of this picture, the one with the most vectors, the oldest of equals."""
        with self._lock:
            found = self._rows("WHERE digest = ? ORDER BY id LIMIT 16", (digest,))
        return max(found, key=lambda r: len(r.vectors), default=None)

    def conversions(self) -> dict[Digest, Digest]:
        """The pictures that are PNGs made of files in other forms, by the sha256 of those files."""
        original, changes = (f"json_extract(attribution, '$.{name}')" for name in ("original", "changes"))
        ask = f"SELECT {original}, digest FROM picture WHERE {original} != '' AND {changes} LIKE '%converted to PNG'"
        with self._lock:
            return dict(self._db.execute(ask))

    def encoders(self) -> dict[str, int]:
        """How many pictures have a vector of each encoder."""
        with self._lock:
            return dict(self._db.execute("SELECT encoder, count(*) FROM vector GROUP BY encoder"))

    def by_words(self, query: str, k: int, origins: Sequence[str] = (), among: Set[int] | None = None) -> list[int]:
        """Ids of the pictures whose words fit best, best first (bm25), of some origins, `among` these ids alone."""
        expression = match_expression(query)
        if not expression:
            return []
        where, values = within(origins)
        if among is not None:
            where, values = f"{where} AND picture.id IN (SELECT value FROM json_each(?))", [*values, str(sorted(among))]
        sql = (
            "SELECT picture.id FROM words JOIN picture ON picture.id = words.rowid WHERE words MATCH ?"
            f"{where} ORDER BY bm25(words, 4.0, 2.0, 1.0), picture.id LIMIT ?"
        )
        with self._lock:
            return [int(row[0]) for row in self._db.execute(sql, (expression, *values, k))]

    def by_vector(
        self,
        encoder: str,
        vector: NDArray[np.float32],
        k: int,
        origins: Sequence[str] = (),
        among: Set[int] | None = None,
    ) -> list[tuple[int, float]]:
        """Ids and cosines of the nearest, best first; exact up to `vectors.EXACT`. Raises UsageError when there are none."""
        held = self._matrix(encoder)
        keep = np.isin(held.ids, self._ids_of(origins)) if origins else None
        if among is not None:
            these = np.isin(held.ids, np.fromiter(among, np.int64, len(among)))
            keep = these if keep is None else keep & these
        return held.nearest(vector, k, keep)

    def cosines(self, encoder: str, vector: NDArray[np.float32], wanted: Sequence[int]) -> dict[int, float]:
        """The cosine of each of these pictures that has a vector."""
        return self._matrix(encoder).cosines(vector, list(wanted))

    def vector_of(self, encoder: str, wanted: int) -> NDArray[np.float32] | None:
        """A picture's vector of this encoder, where it has one."""
        return self._matrix(encoder).row_of(wanted)

    def pictures(self, ids: Sequence[int]) -> dict[int, tuple[Picture, Path]]:
        """The pictures of these ids and where their files lie."""
        columns = "id, digest, media_type, width, height, caption, keywords, attribution, phash, path"
        with self._lock:
            rows = self._db.execute(f"SELECT {columns} FROM picture WHERE id IN ({marks(ids)})", list(ids)).fetchall()
        return {int(r[0]): (picture_of(r), Path(r[9])) for r in rows}

    def captions(self, ids: Sequence[int]) -> dict[int, dict[str, str]]:
        """What is written about these pictures in other languages, by language."""
        with self._lock:
            rows = self._db.execute(f"SELECT id, captions FROM picture WHERE id IN ({marks(ids)})", list(ids))
            return {int(i): json.loads(text) for i, text in rows.fetchall()}

    def ask(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """What a SELECT over the index's tables gives."""
        with self._lock:
            return self._db.execute(sql, list(values)).fetchall()

    def add_looks(self, looks: Sequence[tuple[int, str, str]]) -> None:
        """Keep ids, kinds and colours of pictures that were looked at."""
        with self._lock, self._db:
            self._db.executemany("INSERT OR REPLACE INTO look SELECT id, ?2, ?3 FROM picture WHERE id = ?1", looks)

    def document_counts(self, terms: Sequence[str]) -> list[int]:
        """In how many pictures' words each term (an FTS5 expression) is found."""
        with self._lock:
            ask = "SELECT count(*) FROM words WHERE words MATCH ?"
            return [int(self._db.execute(ask, (term,)).fetchone()[0]) for term in terms]

    def containing(self, term: str, ids: Sequence[int]) -> set[int]:
        """Which of these pictures' words hold a term (an FTS5 expression)."""
        ask = f"SELECT rowid FROM words WHERE words MATCH ? AND rowid IN ({marks(ids)})"
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
            ask = f"SELECT id FROM picture WHERE path IN ({marks(paths)}) ORDER BY id"
            return [int(row[0]) for row in self._db.execute(ask, list(paths))]

    def ids_of(self, digests: Sequence[Digest]) -> list[int]:
        """One id of each picture that is in, in the order given."""
        with self._lock:
            ask = f"SELECT digest, min(id) FROM picture WHERE digest IN ({marks(digests)}) GROUP BY digest"
            known = dict(self._db.execute(ask, list(digests)).fetchall())
        return [int(known[d]) for d in digests if d in known]

    def path_of(self, digest: Digest) -> Path | None:
        """A file of this picture."""
        with self._lock:
            row = self._db.execute("SELECT path FROM picture WHERE digest = ? LIMIT 1", (digest,)).fetchone()
        return Path(row[0]) if row else None

    def _put(self, row: Row) -> int:
        p = row.picture
        held = self._db.execute("SELECT caption, keywords FROM picture WHERE id = ?", (row.id,)).fetchone()
        for (old,) in self._db.execute("SELECT id FROM picture WHERE path = ?", (row.path,)).fetchall():
            if not held or old != row.id:
                self._drop(old)
        facts = (row.path, row.origin, row.stamp, p.digest, p.media_type, p.width, p.height, p.caption)
        credit = {name: getattr(p.attribution, name) for name in Attribution.__slots__}
        values = (*facts, as_json(p.keywords), as_json(credit), p.phash, as_json(dict(row.captions)))
        if held:
            self._db.execute("DELETE FROM words WHERE rowid = ?", (row.id,))
            self._db.execute(f"UPDATE picture SET ({COLUMNS}) = ({marks(values)}) WHERE id = ?", (*values, row.id))
            if description(held[0], json.loads(held[1])) != description(p.caption, p.keywords):
                self._db.execute("DELETE FROM vector WHERE picture = ?", (row.id,))
            number = row.id
        else:
            cursor = self._db.execute(f"INSERT INTO picture ({COLUMNS}) VALUES ({marks(values)})", values)
            number = int(cursor.lastrowid or 0)
        words = (searchable(p.caption), searchable(" ".join(p.keywords)), searchable(" ".join(row.captions.values())))
        self._db.execute("INSERT INTO words (rowid, caption, keywords, others) VALUES (?,?,?,?)", (number, *words))
        self._db.executemany(
            "INSERT OR REPLACE INTO vector (picture, encoder, value) VALUES (?,?,?)",
            [(number, encoder, value.astype(np.float16).tobytes()) for encoder, value in row.vectors.items()],
        )
        return number

    def _rows(self, where: str, values: Sequence[object]) -> list[Row]:
        found = self._db.execute(f"SELECT id, {COLUMNS} FROM picture {where}", list(values)).fetchall()
        ask = f"SELECT picture, encoder, value FROM vector WHERE picture IN ({marks(found)})"
        vectors: dict[int, dict[str, NDArray[np.float32]]] = {}
        for number, encoder, value in self._db.execute(ask, [r[0] for r in found]):
            vectors.setdefault(number, {})[encoder] = np.frombuffer(value, np.float16).astype(np.float32)
        return [
            Row(
                picture=picture_of((r[0], *r[4:12])),
                path=r[1],
                origin=r[2],
                stamp=r[3],
                captions=json.loads(r[12]),
                vectors=vectors.get(r[0], {}),
                id=r[0],
            )
            for r in found
        ]

    def _drop(self, row_id: int) -> None:
        self._db.execute("DELETE FROM words WHERE rowid = ?", (row_id,))
        self._db.execute("DELETE FROM picture WHERE id = ?", (row_id,))

    def _ids_of(self, origins: Sequence[str]) -> NDArray[np.int64]:
        where, values = within(origins)
        with self._lock:
            rows = self._db.execute(f"SELECT id FROM picture WHERE 1 {where}", values).fetchall()
        return np.array([r[0] for r in rows], np.int64)

    def _matrix(self, encoder: str) -> Vectors:
        """All vectors of an encoder; read again when another process has written."""
        with self._lock:
            stamp = int(self._db.execute("PRAGMA data_version").fetchone()[0])
            held = self._vectors.get(encoder)
            if held is None or held[0] != stamp:
                rows = self._db.execute("SELECT picture, value FROM vector WHERE encoder = ?", (encoder,)).fetchall()
                if not rows:
                    raise self._other_encoder(encoder)
                values = np.frombuffer(b"".join(r[1] for r in rows), np.float16).reshape(len(rows), -1)
                held = (stamp, Vectors(np.array([r[0] for r in rows], np.int64), values))
                self._vectors[encoder] = held
            return held[1]

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
