"""The tables of a library's file, and how files of older versions are brought up to date."""

import sqlite3
from pathlib import Path

from retrieval.errors import SetupError

SCHEMA_VERSION = 3
SCHEMA = """
CREATE TABLE picture (
  id INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL, origin TEXT NOT NULL, stamp TEXT NOT NULL, digest TEXT NOT NULL,
  media_type TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, caption TEXT NOT NULL,
  keywords TEXT NOT NULL, phash TEXT NOT NULL, attribution TEXT NOT NULL,
  captions TEXT NOT NULL);
CREATE INDEX picture_digest ON picture (digest);
CREATE INDEX picture_origin ON picture (origin);
CREATE VIRTUAL TABLE words USING fts5 (caption, keywords, others, tokenize = 'porter unicode61 remove_diacritics 2');
CREATE TABLE vector (
  picture INTEGER NOT NULL REFERENCES picture (id) ON DELETE CASCADE, encoder TEXT NOT NULL, value BLOB NOT NULL,
  PRIMARY KEY (encoder, picture)) WITHOUT ROWID;
"""


def prepare(db: sqlite3.Connection, path: Path) -> None:
    """Make the tables in a new file, bring an older one up to date. Raises SetupError for a version it cannot read."""
    db.execute("PRAGMA page_size = 16384")  # of a new file: in pages of 4096 a vector of 512 numbers takes 5 kB
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA foreign_keys = ON")
    with db:
        db.execute("BEGIN IMMEDIATE")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            for statement in SCHEMA.strip().split(";\n"):
                db.execute(statement)
        elif version == 2:  # its vectors were made of captions with keywords behind them
            db.execute("DELETE FROM vector")
        elif version != SCHEMA_VERSION:
            raise SetupError(
                f"The picture index {path} has version {version}, this program {SCHEMA_VERSION}. Delete it and index again."
            )
        db.execute(
            "CREATE INDEX IF NOT EXISTS vector_picture ON vector (picture)"
        )  # without it a deletion reads them all
        db.execute(
            "CREATE TABLE IF NOT EXISTS look (picture INTEGER PRIMARY KEY REFERENCES picture (id) ON DELETE CASCADE,"
            " kind TEXT NOT NULL, colours TEXT NOT NULL)"
        )
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
