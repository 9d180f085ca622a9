import numpy as np
import pytest

from retrieval import vectors
from retrieval.encoder import unit_rows
from retrieval.vectors import Vectors


def rows(count: int, dim: int = 96) -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((40, dim))
    spread = centres[rng.integers(0, 40, count)] + 0.6 * rng.standard_normal((count, dim))
    return unit_rows(spread).astype(np.float16)


@pytest.mark.parametrize("limit", [10_000, 500])
def test_the_nearest_are_found_exactly_or_screened(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(vectors, "EXACT", limit)
    monkeypatch.setattr(vectors, "SCREENED", 400)
    values = rows(4000)
    held = Vectors(np.arange(4000) * 3, values)
    found = 0
    for query in values[::200].astype(np.float32):
        exact = values.astype(np.float32) @ query
        wanted = {int(i) * 3 for i in np.argsort(-exact, kind="stable")[:10]}
        got = held.nearest(query, 10)
        assert [score for _, score in got] == sorted((s for _, s in got), reverse=True)
        found += len(wanted & {i for i, _ in got})
    assert found >= (200 if limit > 4000 else 198)  # recall@10: 1, and at least 0.99 where it screens


@pytest.mark.parametrize("limit", [10_000, 500])
def test_of_those_kept_every_one_can_be_found(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(vectors, "EXACT", limit)
    values = rows(2000)
    held = Vectors(np.arange(2000), values)
    keep = np.zeros(2000, bool)
    keep[::100] = True
    got = held.nearest(values[7].astype(np.float32), 50, keep)
    assert {i for i, _ in got} == set(range(0, 2000, 100))


def test_equal_scores_come_by_id() -> None:
    same = np.tile(unit_rows(np.ones((1, 8))), (5, 1)).astype(np.float16)
    held = Vectors(np.array([9, 4, 7, 1, 3]), same)
    assert [i for i, _ in held.nearest(same[0].astype(np.float32), 3)] == [1, 3, 4]
    assert held.row_of(4) is not None
    assert held.row_of(5) is None
