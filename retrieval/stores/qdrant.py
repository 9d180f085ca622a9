"""Vectors on a Qdrant server or cluster, for libraries that have outgrown one machine.

One collection holds one encoder's vectors; which, is written in the collection's metadata. Filters become Qdrant's own,
so the server does the filtering. Needs `qdrant-client`, which only those who use a server install.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from retrieval.errors import SetupError, SourceError
from retrieval.stores.store import EVERYTHING, Filter, Hit, Point, Vectors, fitting, refuse

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

BATCH = 500  # points a request
TIMEOUT_S = 30
MEMORY = ":memory:"  # the client's own stand-in for a server, for tests
# Facts the server keeps an index of.
WORDS = ("licence", "uses", "source", "origin", "orientation", "kind", "tags", "colours")
NUMBERS = ("width", "height", "short_side")
INSTALL = "The Qdrant client is not installed. Run: pip install qdrant-client==1.20.0"


class QdrantStore:
    """A VectorStore. Searches are exact by default: the server's graph is faster over millions and misses some,
    under a filter many (recall 0.78 was measured untuned); `exact=False` asks it."""

    def __init__(self, client: "QdrantClient", collection: str, *, encoder: str, dim: int, exact: bool = True) -> None:
        self.encoder = encoder
        self.dim = dim
        self._client = client
        self._collection = collection
        self._exact = exact
        self._stand_in = client.init_options.get("location") == MEMORY  # it warns of what it does not have
        with _explained(collection):
            self._prepare()

    def upsert(self, points: Sequence[Point]) -> None:
        """See VectorStore. Written in batches: a broken connection leaves the batches before it."""
        from qdrant_client import models

        rows = [(p.id, fitting(p.vector, self.dim, self.encoder), _payload(p)) for p in points]
        for begin in range(0, len(rows), BATCH):
            batch = [models.PointStruct(id=i, vector=v.tolist(), payload=f) for i, v, f in rows[begin : begin + BATCH]]
            with _explained(self._collection):
                self._client.upsert(self._collection, batch, wait=True)

    def delete(self, ids: Sequence[int]) -> None:
        """See VectorStore."""
        from qdrant_client import models

        for begin in range(0, len(ids), BATCH):
            chosen = models.PointIdsList(points=[int(i) for i in ids[begin : begin + BATCH]])
            with _explained(self._collection):
                self._client.delete(self._collection, chosen, wait=True)

    def search(self, vector: Vectors, k: int, filter: Filter = EVERYTHING) -> list[Hit]:
        """See VectorStore. Among points of equal score at the end of the list the server chooses."""
        from qdrant_client import models

        wanted = fitting(vector, self.dim, self.encoder).tolist()
        if k < 1:
            return []
        with _explained(self._collection):
            found = self._client.query_points(
                self._collection,
                query=wanted,
                query_filter=_conditions(filter),
                search_params=None if self._stand_in else models.SearchParams(exact=self._exact),
                limit=k,
                with_payload=False,
            )
        hits = [Hit(int(p.id), float(p.score)) for p in found.points]
        return sorted(hits, key=lambda h: (-h.score, h.id))

    def count(self) -> int:
        """See VectorStore."""
        with _explained(self._collection):
            return int(self._client.count(self._collection, exact=True).count)

    def ids(self) -> Iterator[list[int]]:
        """See VectorStore."""
        offset: Any = None
        while True:
            with _explained(self._collection):
                points, offset = self._client.scroll(
                    self._collection, limit=10 * BATCH, offset=offset, with_payload=False, with_vectors=False
                )
            yield [int(p.id) for p in points]
            if offset is None:
                return

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _prepare(self) -> None:
        """Make the collection where there is none; else see that it is this encoder's. Raises UsageError."""
        from qdrant_client import models

        if not self._client.collection_exists(self._collection):
            space = models.VectorParams(size=self.dim, distance=models.Distance.COSINE)
            mark = {"encoder": self.encoder, "dim": self.dim}
            self._client.create_collection(self._collection, vectors_config=space, metadata=mark)
            self._index_facts()
        config = self._client.get_collection(self._collection).config
        holds = (config.metadata or {}).get("encoder", "an encoder that is not named")
        if holds != self.encoder:
            raise refuse(f"The Qdrant collection {self._collection}", str(holds), self.encoder)
        if (size := _size(config.params.vectors)) != self.dim:
            raise refuse(
                f"The Qdrant collection {self._collection}", f"{holds} with {size} numbers", f"one with {self.dim}"
            )

    def _index_facts(self) -> None:
        if self._stand_in:
            return
        for names, kind in ((WORDS, "keyword"), (NUMBERS, "integer")):
            for name in names:
                self._client.create_payload_index(self._collection, name, field_schema=kind, wait=True)


def open_qdrant(
    address: str, collection: str, *, encoder: str, dim: int, api_key: str = "", exact: bool = True
) -> QdrantStore:
    """The store at a server's address ("http://host:6333"). Raises SetupError where the client or the server is
    missing, UsageError where the collection holds another encoder's vectors."""
    try:
        import qdrant_client  # noqa: F401
    except ImportError as error:
        raise SetupError(INSTALL) from error
    if (
        api_key
        and address.startswith("http://")
        and urlsplit(address).hostname not in ("127.0.0.1", "::1", "localhost")
    ):
        raise SetupError(f"The key of {address} would cross the network in the clear. Use its https address.")
    try:
        return QdrantStore(_client(address, api_key), collection, encoder=encoder, dim=dim, exact=exact)
    except (SourceError, ValueError) as error:
        raise SetupError(f"The Qdrant server {address} cannot be used: {error} Is it running there?") from error


def _client(address: str, api_key: str) -> "QdrantClient":
    from qdrant_client import QdrantClient

    if address == MEMORY:
        return QdrantClient(MEMORY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a key without https, which stays on this machine here
        return QdrantClient(url=address, api_key=api_key or None, timeout=TIMEOUT_S, check_compatibility=False)


def _conditions(filter: Filter) -> Any:  # noqa: ANN401 - a Qdrant filter, or None for every point
    """A filter in Qdrant's words."""
    from qdrant_client import models

    def among(wanted: Mapping[str, tuple[str, ...]]) -> list[Any]:
        return [models.FieldCondition(key=n, match=models.MatchAny(any=list(v))) for n, v in wanted.items()]

    large = [models.FieldCondition(key=n, range=models.Range(gte=least)) for n, least in filter.at_least.items()]
    these = [] if filter.ids is None else [models.HasIdCondition(has_id=sorted(filter.ids))]
    must, must_not = [*among(filter.any_of), *large, *these], among(filter.none_of)
    return models.Filter(must=must or None, must_not=must_not or None) if must or must_not else None


def _payload(point: Point) -> dict[str, Any]:
    return {name: list(fact) if isinstance(fact, tuple) else fact for name, fact in point.facts.items()}


def _size(vectors: object) -> int:
    return int(getattr(vectors, "size", 0) or 0)


@contextmanager
def _explained(collection: str) -> Iterator[None]:
    """The client's errors as SourceError."""
    from qdrant_client.http.exceptions import ApiException
    from qdrant_client.http.exceptions import ResponseHandlingException as Unreachable

    try:
        yield
    except (Unreachable, ApiException, OSError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise SourceError(f"The Qdrant collection {collection} cannot be reached: {reason}.") from error
