"""Looking through a library: its newest pictures, pictures like one of them, and what can be filtered by.

Knows libraries and encoders; ranking for a query is `retrieval.source`'s business.
"""

import json
from collections.abc import Sequence

from retrieval.encoder import Encoder
from retrieval.errors import UsageError
from retrieval.filtering import matching
from retrieval.library import Library
from retrieval.picture import Candidate, Digest
from retrieval.query import EVERYTHING, Filters

NAME = "library"


def newest(library: Library, k: int, filters: Filters = EVERYTHING) -> list[Candidate]:
    """The `k` pictures that came last and that the filters take."""
    among = matching(library, filters)
    where = "" if among is None else " WHERE id IN (SELECT value FROM json_each(?))"
    values = [] if among is None else [json.dumps(sorted(among))]
    rows = library.ask(f"SELECT max(id) FROM picture{where} GROUP BY digest ORDER BY 1 DESC LIMIT ?", [*values, k])
    return _candidates(library, [(int(row[0]), 0.0) for row in rows])


def similar(
    library: Library, digest: Digest, encoders: Sequence[Encoder], k: int, filters: Filters = EVERYTHING
) -> list[Candidate]:
    """The `k` pictures nearest to one of the library's by the first of the encoders that saw it; without itself.

    Pixels before captions, when the caller names them in that order. Raises UsageError for a picture that is not in,
    or that no encoder has a vector of.
    """
    ids = library.ids_of([digest])
    if not ids:
        raise UsageError("This picture is not in the library any more. Search again.")
    held = library.encoders()
    for encoder in (e for e in encoders if e.name in held):
        vector = library.vector_of(encoder.name, ids[0])
        if vector is not None:
            near = library.by_vector(encoder.name, vector, k + 1, among=matching(library, filters))
            return [c for c in _candidates(library, near) if c.picture.digest != digest][:k]
    raise UsageError(
        "Nothing is known of this picture that others could be like: no encoder has seen it. "
        "Index its folder again with a sentence encoder or an image encoder."
    )


def sources(library: Library) -> list[str]:
    """Where the pictures come from, as their credits say; the largest first."""
    ask = "SELECT attribution ->> 'source' AS name, count(*) FROM picture GROUP BY name ORDER BY 2 DESC, 1"
    return [str(name) for name, _ in library.ask(ask) if name]


def _candidates(library: Library, scored: Sequence[tuple[int, float]]) -> list[Candidate]:
    pictures = library.pictures([i for i, _ in scored])
    return [
        Candidate(picture=pictures[i][0], source=NAME, score=score, relevance=min(1.0, max(0.0, score)))
        for i, score in scored
        if i in pictures
    ]
