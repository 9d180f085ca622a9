"""The contract of VectorStore, held against every store there is."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from retrieval.encoder import unit_rows
from retrieval.errors import SetupError, SourceError, UsageError
from retrieval.stores.qdrant import BATCH, NUMBERS, WORDS, QdrantStore, _conditions, open_qdrant
from retrieval.stores.store import EVERYTHING, Filter, Point, VectorStore
from tests.retrieval.stores.memory import MemoryStore
from tests.retrieval.stores.qdrant_http import Played, played

DIM = 16
Open = Callable[..., VectorStore]


def memory() -> Open:
    shelf: dict[str, object] = {}
    return lambda encoder="clip:1", dim=DIM: MemoryStore(shelf, encoder=encoder, dim=dim)


def qdrant() -> Open:
    pytest.importorskip("qdrant_client", reason="qdrant-client is installed by requirements-dev.txt only")
    client = open_qdrant(":memory:", "pictures", encoder="clip:1", dim=DIM)._client
    return lambda encoder="clip:1", dim=DIM: QdrantStore(client, "pictures", encoder=encoder, dim=dim)


@pytest.fixture
def server() -> Iterator[Played]:
    pytest.importorskip("qdrant_client", reason="qdrant-client is installed by requirements-dev.txt only")
    with played() as made:
        yield made


def qdrant_by_http(server: Played) -> Open:
    return lambda encoder="clip:1", dim=DIM: open_qdrant(server.url, "pictures", encoder=encoder, dim=dim, api_key="k")


@pytest.fixture(params=["memory", "qdrant", "qdrant_by_http"])
def opened(request: pytest.FixtureRequest) -> Iterator[Open]:
    if request.param == "memory":
        open_one = memory()
    elif request.param == "qdrant":
        open_one = qdrant()
    else:
        open_one = qdrant_by_http(request.getfixturevalue("server"))
    stores: list[VectorStore] = []

    def kept(*arguments: Any, **named: Any) -> VectorStore:  # noqa: ANN401
        stores.append(open_one(*arguments, **named))
        return stores[-1]

    yield kept
    for store in stores:
        if isinstance(store, QdrantStore) and request.param == "qdrant_by_http":
            store.close()


@pytest.fixture
def store(opened: Open) -> VectorStore:
    return opened()


def rows(count: int, seed: int = 0) -> Any:  # noqa: ANN401
    return unit_rows(np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32))


def points(count: int, seed: int = 0) -> list[Point]:
    """Points with facts of every kind; some lack some."""
    made = []
    for i, vector in enumerate(rows(count, seed)):
        facts: dict[str, Any] = {"licence": ("cc0", "by", "by-nc")[i % 3], "width": 100 * (i % 7)}
        if i % 5:
            facts["tags"] = (f"t{i % 4}", f"t{i % 6}")
        made.append(Point(id=i, vector=vector, facts=facts))
    return made


def test_an_empty_store_finds_nothing(store: VectorStore) -> None:
    assert store.count() == 0
    assert store.search(rows(1)[0], 5) == []
    store.upsert([])
    store.delete([])
    store.delete([7])
    assert store.count() == 0


def test_the_nearest_best_first_with_their_cosines(store: VectorStore) -> None:
    put = points(40)
    store.upsert(put)
    asked = rows(1, seed=9)[0]
    cosines = {p.id: float(p.vector @ asked) for p in put}
    expected = sorted(cosines, key=lambda i: -cosines[i])[:10]
    hits = store.search(asked, 10)
    assert [h.id for h in hits] == expected
    assert [h.score for h in hits] == pytest.approx([cosines[i] for i in expected], abs=1e-5)
    assert len(store.search(asked, 100)) == store.count() == 40
    assert store.search(asked, 0) == []


def test_ids_are_told_and_searched_among(store: VectorStore) -> None:
    store.upsert(points(40))
    assert sorted(i for batch in store.ids() for i in batch) == list(range(40))
    some = Filter(ids=frozenset({3, 17, 99}), any_of={"licence": ("cc0",)})
    assert [h.id for h in store.search(rows(1)[0], 5, some)] == [3]
    assert store.search(rows(1)[0], 5, Filter(ids=frozenset())) == []


def test_a_point_is_replaced_whole(store: VectorStore) -> None:
    one, two = rows(2)
    store.upsert([Point(id=3, vector=one, facts={"licence": "cc0", "tags": ("a",)})])
    store.upsert([Point(id=3, vector=two, facts={"licence": "by"})])
    assert store.count() == 1
    assert store.search(two, 1)[0].score == pytest.approx(1.0, abs=1e-5)
    assert store.search(two, 1, Filter(any_of={"tags": ("a",)})) == []
    assert len(store.search(two, 1, Filter(any_of={"licence": ("by",)}))) == 1


def test_what_is_deleted_is_not_found(store: VectorStore) -> None:
    store.upsert(points(10))
    store.delete([0, 4, 99])
    assert store.count() == 8
    assert {h.id for h in store.search(rows(1)[0], 20)} == set(range(10)) - {0, 4}


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(),
        Filter(any_of={"licence": ("cc0",)}),
        Filter(any_of={"licence": ("cc0", "by")}),
        Filter(any_of={"tags": ("t1",)}),
        Filter(none_of={"tags": ("t1", "t2")}),
        Filter(none_of={"licence": ("by-nc",)}),
        Filter(at_least={"width": 300}),
        Filter(at_least={"height": 1}),
        Filter(any_of={"nothing": ("x",)}),
        Filter(none_of={"nothing": ("x",)}),
        Filter(any_of={"licence": ("by",), "tags": ("t3",)}, none_of={"tags": ("t1",)}, at_least={"width": 100}),
    ],
    ids=str,
)
def test_filters_lose_nothing_and_let_nothing_through(store: VectorStore, wanted: Filter) -> None:
    put = points(120)
    judge = MemoryStore({}, encoder="clip:1", dim=DIM)
    for one in (store, judge):
        one.upsert(put)
    for asked in rows(5, seed=3):
        assert [h.id for h in store.search(asked, 12, wanted)] == [h.id for h in judge.search(asked, 12, wanted)]


def test_equal_scores_stand_by_id(store: VectorStore) -> None:
    (same,) = rows(1)
    store.upsert([Point(id=i, vector=same) for i in (5, 1, 3)])
    assert [h.id for h in store.search(same, 3)] == [1, 3, 5]


def test_more_than_one_batch(store: VectorStore) -> None:
    store.upsert(points(2 * BATCH + 1))
    assert store.count() == 2 * BATCH + 1
    store.delete(range(2 * BATCH))
    assert store.count() == 1


@pytest.mark.parametrize("shape", [(DIM - 1,), (DIM + 1,), (1, DIM), ()])
def test_a_vector_of_another_shape_is_refused_and_nothing_written(store: VectorStore, shape: tuple[int, ...]) -> None:
    wrong = np.ones(shape, np.float32)
    with pytest.raises(UsageError, match=r"clip:1 has the shape \(16,\)"):
        store.upsert([*points(2), Point(id=9, vector=wrong)])
    with pytest.raises(UsageError, match="shape"):
        store.search(wrong, 3)
    assert store.count() == 0


def test_opened_again_it_is_all_there(opened: Open) -> None:
    opened().upsert(points(5))
    assert opened().count() == 5


def test_another_encoders_vectors_are_refused(opened: Open) -> None:
    opened().upsert(points(5))
    with pytest.raises(UsageError, match=r"holds vectors of clip:1, and clip:2.*index into another collection"):
        opened("clip:2")
    with pytest.raises(UsageError, match="clip:1 with 16 numbers"):
        opened("clip:1", dim=8)


def test_what_goes_over_the_wire(server: Played) -> None:
    store = open_qdrant(server.url, "pictures", encoder="clip:1", dim=DIM)
    made = [path for method, path, _ in server.asked if method == "PUT"]
    assert made == ["/collections/pictures", *["/collections/pictures/index"] * len([*WORDS, *NUMBERS])]
    assert server.asked[1][2]["metadata"] == {"encoder": "clip:1", "dim": DIM}
    store.upsert(points(2))
    store.search(rows(1)[0], 7, Filter(any_of={"licence": ("cc0",)}))
    query = server.asked[-1][2]
    assert (query["limit"], query["params"]["exact"], query["with_payload"]) == (7, True, False)
    assert query["filter"]["must"] == [{"key": "licence", "match": {"any": ["cc0"]}}]
    store.close()
    quick = open_qdrant(server.url, "pictures", encoder="clip:1", dim=DIM, exact=False)
    assert quick.count() == 2
    quick.search(rows(1)[0], 7)
    assert server.asked[-1][2]["params"]["exact"] is False
    quick.close()


def test_filters_are_the_servers_own() -> None:
    pytest.importorskip("qdrant_client", reason="qdrant-client is installed by requirements-dev.txt only")
    wanted = Filter(any_of={"licence": ("cc0", "by")}, none_of={"tags": ("flag",)}, at_least={"width": 300})
    assert _conditions(EVERYTHING) is None
    assert _conditions(wanted).model_dump(exclude_none=True) == {
        "must": [
            {"key": "licence", "match": {"any": ["cc0", "by"]}},
            {"key": "width", "range": {"gte": 300.0}},
        ],
        "must_not": [{"key": "tags", "match": {"any": ["flag"]}}],
    }


def test_a_server_that_is_not_there_is_said() -> None:
    pytest.importorskip("qdrant_client", reason="qdrant-client is installed by requirements-dev.txt only")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    with pytest.raises(SetupError, match=rf"http://127.0.0.1:{port} cannot be used: .*Is it running there"):
        open_qdrant(f"http://127.0.0.1:{port}", "pictures", encoder="clip:1", dim=DIM)


def test_a_server_that_goes_away_fails_the_search_only(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("qdrant_client", reason="qdrant-client is installed by requirements-dev.txt only")
    from qdrant_client.http.exceptions import ResponseHandlingException

    store = open_qdrant(":memory:", "pictures", encoder="clip:1", dim=DIM)

    def gone(*arguments: object, **named: object) -> None:
        raise ResponseHandlingException(ConnectionError("Connection refused"))

    monkeypatch.setattr(store._client, "query_points", gone)
    with pytest.raises(SourceError, match=r"pictures cannot be reached: .*Connection refused"):
        store.search(rows(1)[0], 3)
    assert store.count() == 0


def test_a_key_does_not_cross_the_network_in_the_clear() -> None:
    pytest.importorskip("qdrant_client", reason="qdrant-client is installed by requirements-dev.txt only")
    with pytest.raises(SetupError, match="in the clear"):
        open_qdrant("http://vectors.example:6333", "pictures", encoder="clip:1", dim=DIM, api_key="secret")


def test_without_the_client_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "qdrant_client", None)
    with pytest.raises(SetupError, match="pip install qdrant-client"):
        open_qdrant("http://127.0.0.1:1", "pictures", encoder="clip:1", dim=DIM)
