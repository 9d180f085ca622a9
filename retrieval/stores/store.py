"""What a store of vectors must do, and the values it takes and gives.

A store holds one encoder's vectors. Beside each lie a few facts that searches filter by: words ("licence", "source"),
lists of words ("tags") and whole numbers ("width"). Knows no pictures: ids lead to those elsewhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import UsageError

Fact = str | int | tuple[str, ...]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A vector to keep."""

    id: int  # not negative
    vector: Vectors  # (dim,) float32 of unit length
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a point's facts must be, all of it at once; an empty filter takes every point. A fact that a point does not
    have is none of anything and at least nothing."""

    any_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the word, or one of the list, is among these
    none_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # it is not
    at_least: Mapping[str, int] = field(default_factory=dict)  # the number is this or more
    ids: frozenset[int] | None = None  # it is one of these points; None for any


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True)
class Hit:
    """A point found."""

    id: int
    score: float  # cosine, -1 to 1


class VectorStore(Protocol):
    """Keeps vectors and finds the nearest. What `upsert` and `delete` have returned from survives a kill -9.

    Opened for another encoder than the one whose vectors it holds, a store raises UsageError at once.
    """

    encoder: str
    dim: int

    def upsert(self, points: Sequence[Point]) -> None:
        """Put points in, each replacing what was under its id, its facts too. Raises UsageError for a wrong shape,
        SourceError where the store cannot be reached."""
        ...

    def delete(self, ids: Sequence[int]) -> None:
        """Take points out; an id that is not there is no error."""
        ...

    def search(self, vector: Vectors, k: int, filter: Filter = EVERYTHING) -> list[Hit]:
        """The `k` nearest of the points that the filter takes, best first, equal scores by id; exact unless a store
        says otherwise. Raises UsageError for a wrong shape, SourceError where the store cannot be reached."""
        ...

    def count(self) -> int:
        """How many points are in."""
        ...

    def ids(self) -> Iterator[list[int]]:
        """The ids of all points, in batches."""
        ...


def takes(filter: Filter, point: Point) -> bool:
    """Whether a filter takes a point: what every store must agree with."""
    facts = point.facts

    def words(name: str) -> set[str]:
        fact = facts.get(name)
        return {fact} if isinstance(fact, str) else set(fact) if isinstance(fact, tuple) else set()

    def number(name: str) -> int | None:
        fact = facts.get(name)
        return fact if isinstance(fact, int) else None

    wanted = all(words(name) & set(values) for name, values in filter.any_of.items())
    unwanted = any(words(name) & set(values) for name, values in filter.none_of.items())
    large = all((n := number(name)) is not None and n >= least for name, least in filter.at_least.items())
    return wanted and not unwanted and large and (filter.ids is None or point.id in filter.ids)


def fitting(vector: Vectors, dim: int, encoder: str) -> Vectors:
    """The vector, if it has this store's shape. Raises UsageError."""
    if vector.shape != (dim,):
        raise UsageError(f"A vector of {encoder} has the shape ({dim},); one of {vector.shape} came.")
    return vector.astype(np.float32)


def refuse(place: str, holds: str, asked: str) -> UsageError:
    """The error of a store that holds another encoder's vectors."""
    return UsageError(
        f"{place} holds vectors of {holds}, and {asked} was to be searched there: they do not compare. "
        "Use the encoder it was made with, or index into another collection."
    )
