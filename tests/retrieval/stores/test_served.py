"""A library whose vectors are searched on a server finds what it finds on its own."""

from collections.abc import Iterator

import pytest

from retrieval.errors import SetupError, UsageError
from retrieval.library import Library
from retrieval.picture import Attribution
from retrieval.query import EVERYTHING, Filters
from retrieval.source import LibrarySource
from retrieval.stores.served import ServedVectors, collection_of, push, served
from tests.retrieval.fakes import WordEncoder, row
from tests.retrieval.stores.qdrant_http import played

CAPTIONS = ("a red fox", "a hound", "apple pie", "a red car", "a puppy in the snow", "hound and fox")
EVERY = (
    EVERYTHING,
    Filters(use="commercial"),
    Filters(orientation="landscape"),
    Filters(min_px=30),
    Filters(sources=frozenset({"Web"})),
    Filters(tags=frozenset({"hound"})),
    Filters(look="drawing"),
    Filters(colour="red"),
)


@pytest.fixture
def there() -> Iterator[ServedVectors]:
    pytest.importorskip("qdrant_client", reason="qdrant-client is installed by requirements-dev.txt only")
    with played() as server:
        found = served(f"qdrant:{server.url}")
        assert found is not None
        yield found


@pytest.fixture
def full(library: Library) -> Library:
    encoder = WordEncoder()
    credits = (Attribution(licence="CC BY-NC 4.0", source="Web"), Attribution(licence="CC0 1.0", source="Packs"))
    rows = [row(n, caption, credit=credits[n % 2]) for n, caption in enumerate(CAPTIONS)]
    ids = library.add(rows)
    library.add_vectors(encoder.name, ids, encoder.encode_texts(CAPTIONS))
    library.add_looks([(i, "drawing" if i % 2 else "photo", " red " if i % 3 else " blue ") for i in ids])
    return library


@pytest.mark.parametrize("filters", EVERY, ids=str)
def test_it_finds_the_same(full: Library, there: ServedVectors, filters: Filters) -> None:
    encoder = WordEncoder()
    assert push(full, there, encoder.name) == len(CAPTIONS)
    alone, away = LibrarySource(full, sentence=encoder), LibrarySource(full, sentence=encoder, served=there)
    for query in ("a red fox", "a hound", "apple"):
        expected = [(c.picture.digest, c.relevance) for c in alone.find(query, 6, filters)]
        assert [(c.picture.digest, c.relevance) for c in away.find(query, 6, filters)] == expected


def test_what_is_gone_here_is_gone_there_after_a_push(full: Library, there: ServedVectors) -> None:
    encoder = WordEncoder()
    push(full, there, encoder.name)
    full.remove([full.pictures([1])[1][1].as_posix()])
    assert push(full, there, encoder.name) == len(CAPTIONS) - 1
    with pytest.raises(UsageError, match="holds no vectors of other"):
        push(full, there, "other")


def test_addresses() -> None:
    assert served("none") is None
    assert collection_of("open_clip:ViT-B-32/x:1a") == "interleave-open-clip-vit-b-32-x-1a"
    with pytest.raises(SetupError, match="qdrant:http"):
        served("postgres:here")
