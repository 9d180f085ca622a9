"""A library's vectors on a server: brought there in batches, searched there with the same filters as on this machine.

The library keeps pictures, captions and vectors; the server holds a copy of the vectors and what is filtered by. Knows
libraries and stores; which server it is, is the adapter's business.
"""

import re
import threading
from collections.abc import Callable, Sequence

from retrieval.errors import SetupError, UsageError
from retrieval.filtering import matching, orientation_of
from retrieval.library import Library
from retrieval.licences import IntendedUse, allows
from retrieval.query import Filters
from retrieval.rows import Row
from retrieval.stores.qdrant import QdrantStore, open_qdrant
from retrieval.stores.store import Fact, Filter, Point, Vectors

STEP = 2000  # rows read and sent at once
USES: tuple[IntendedUse, ...] = ("commercial", "modify", "both")
Opener = Callable[[str, int], QdrantStore]


class ServedVectors:
    """The vectors of one library on a server, one collection an encoder. Safe to use from several threads."""

    def __init__(self, opened: Opener) -> None:
        self._opened = opened
        self._stores: dict[str, QdrantStore] = {}
        self._lock = threading.Lock()

    def store(self, encoder: str, dim: int) -> QdrantStore:
        """The encoder's store, opened once. Raises SetupError, UsageError."""
        with self._lock:
            if encoder not in self._stores:
                self._stores[encoder] = self._opened(encoder, dim)
            return self._stores[encoder]

    def nearest(
        self, library: Library, encoder: str, vector: Vectors, k: int, origins: Sequence[str], filters: Filters
    ) -> list[tuple[int, float]]:
        """Ids and cosines of the nearest that the filters take. Raises SourceError where the server cannot be reached."""
        store = self.store(encoder, len(vector))
        return [(hit.id, hit.score) for hit in store.search(vector, k, filter_of(library, filters, origins))]


def served(address: str, *, api_key: str = "") -> ServedVectors | None:
    """The vectors at an address as the setting names it, "qdrant:http://host:6333"; None for "none". Raises SetupError."""
    if address == "none":
        return None
    kind, _, place = address.partition(":")
    if kind != "qdrant" or not place:
        raise SetupError(f"There is no vector store {address!r}. Write none, or qdrant:http://host:6333.")

    def opened(encoder: str, dim: int) -> QdrantStore:
        return open_qdrant(place, collection_of(encoder), encoder=encoder, dim=dim, api_key=api_key)

    return ServedVectors(opened)


def collection_of(encoder: str) -> str:
    """The collection of an encoder's vectors."""
    return "interleave-" + re.sub(r"[^a-z0-9]+", "-", encoder.lower()).strip("-")


def push(
    library: Library, there: ServedVectors, encoder: str, seen: Callable[[str, int, int], None] = lambda *_: None
) -> int:
    """Bring the server up to date with the library's vectors of an encoder; how many it holds then.

    Every point is sent anew, so that a broken push is simply repeated; points that the library has no more are taken out.
    Raises UsageError where the library holds no vectors of this encoder.
    """
    total, after, kept, store = library.encoders().get(encoder, 0), 0, set[int](), None
    if not total:
        raise UsageError(
            f"The library holds no vectors of {encoder}. It holds: {', '.join(library.encoders()) or 'none'}."
        )
    while rows := library.stored(after, STEP):
        after, seen_there = rows[-1].id, _looks(library, rows[0].id, rows[-1].id)
        points = [
            Point(id=r.id, vector=r.vectors[encoder], facts=facts_of(r, *seen_there.get(r.id, ("", ""))))
            for r in rows
            if encoder in r.vectors
        ]
        if points:
            store = store or there.store(encoder, len(points[0].vector))
            store.upsert(points)
            kept |= {p.id for p in points}
            seen("sending vectors", len(kept), total)
    assert store is not None
    for ids in store.ids():
        store.delete([i for i in ids if i not in kept])
    return store.count()


def facts_of(row: Row, kind: str, colours: str) -> dict[str, Fact]:
    """What the server filters a picture by; `kind` and `colours` as the library's table of looks has them."""
    picture, credit = row.picture, row.picture.attribution
    wide, high = picture.width, picture.height
    return {
        "origin": row.origin,
        "source": credit.source,
        "licence": credit.licence,
        "uses": tuple(use for use in USES if allows(credit.licence, use, credit.licence_url)),
        "orientation": orientation_of(wide, high),
        "short_side": min(wide, high),
        "width": wide,
        "height": high,
        "kind": kind,
        "colours": tuple(colours.split()),
    }


def _looks(library: Library, first: int, last: int) -> dict[int, tuple[str, str]]:
    """Kind and colours of the pictures that were looked at, between two ids."""
    rows = library.ask("SELECT picture, kind, colours FROM look WHERE picture BETWEEN ? AND ?", [first, last])
    return {int(number): (str(kind), str(colours)) for number, kind, colours in rows}


def filter_of(library: Library, filters: Filters, origins: Sequence[str] = ()) -> Filter:
    """A library's filters in a store's words. Tags are words of captions, so the library looks those up itself."""
    any_of: dict[str, tuple[str, ...]] = {
        "origin": tuple(origins),
        "source": tuple(sorted(filters.sources)),
        "uses": () if filters.use == "any" else (filters.use,),
        "orientation": (filters.orientation,) if filters.orientation else (),
        "kind": (filters.look,) if filters.look else (),
        "colours": (filters.colour,) if filters.colour else (),
    }
    return Filter(
        any_of={name: values for name, values in any_of.items() if values},
        at_least={"short_side": filters.min_px} if filters.min_px else {},
        ids=matching(library, Filters(tags=filters.tags)) if filters.tags else None,
    )
