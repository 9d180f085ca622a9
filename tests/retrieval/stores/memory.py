"""The plainest store that keeps the contract, to judge the others by."""

from collections.abc import Iterator, Sequence

import numpy as np

from retrieval.stores.store import EVERYTHING, Filter, Hit, Point, Vectors, fitting, refuse, takes


class MemoryStore:
    """A dictionary. `shelf` stands for the disk: what was put there is found when a store is opened on it again."""

    def __init__(self, shelf: dict[str, object], *, encoder: str, dim: int) -> None:
        holds = shelf.setdefault("encoder", encoder)
        if holds != encoder:
            raise refuse("The shelf", str(holds), encoder)
        if shelf.setdefault("dim", dim) != dim:
            raise refuse("The shelf", f"{holds} with {shelf['dim']} numbers", f"one with {dim}")
        self.encoder = encoder
        self.dim = dim
        self._points: dict[int, Point] = shelf.setdefault("points", {})  # type: ignore[assignment]

    def upsert(self, points: Sequence[Point]) -> None:
        for point in points:
            fitting(point.vector, self.dim, self.encoder)
        self._points |= {p.id: p for p in points}

    def delete(self, ids: Sequence[int]) -> None:
        for i in ids:
            self._points.pop(i, None)

    def search(self, vector: Vectors, k: int, filter: Filter = EVERYTHING) -> list[Hit]:
        wanted = fitting(vector, self.dim, self.encoder)
        hits = [Hit(p.id, float(np.dot(p.vector, wanted))) for p in self._points.values() if takes(filter, p)]
        return sorted(hits, key=lambda h: (-h.score, h.id))[: max(0, k)]

    def count(self) -> int:
        return len(self._points)

    def ids(self) -> Iterator[list[int]]:
        yield list(self._points)
