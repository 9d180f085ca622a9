"""Whatever a service answers, a source understands it or says that it does not."""

import json
import unicodedata
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import SourceError
from retrieval.web import commons
from retrieval.web.asking import Later, as_object
from retrieval.web.client import Answer
from retrieval.web.openverse import Openverse
from retrieval.web.record import Record
from retrieval.web.source import _caption, _sureness
from tests.retrieval.web.stub import commons_page, openverse_result

ODD = ["https://a.example/b.jpg", "<b>x</b>", "cc0", "\ud800", "https://a.example/\ud800", "javascript:x", "by-nc"]
words = st.text(max_size=8) | st.sampled_from(ODD)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | words
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=8
)


def changed(whole: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A whole value in which a few fields are anything."""
    changes = st.dictionaries(st.sampled_from(sorted(whole)), anything, max_size=3)
    return changes.map(lambda found: {**whole, **found})


@st.composite
def commons_pages(draw: st.DrawFn) -> dict[str, Any]:
    page = commons_page(SimpleNamespace(url="https://upload.wikimedia.org"))  # type: ignore[arg-type]
    info: Any = page["imageinfo"]
    said = draw(changed({name: draw(changed(entry)) for name, entry in info[0]["extmetadata"].items()}))
    whole = {"imageinfo": [draw(changed({**info[0], "extmetadata": said}))]}
    return draw(changed({**page, **whole}))


def answer(value: object) -> Answer:
    return Answer(status=200, headers={}, body=json.dumps(value).encode(), url="https://a.example/")


def sound(record: Record) -> None:
    """A record that can be shown, logged and fetched."""
    texts = (record.title, record.author, record.source, record.page, record.author_url, record.about, *record.keywords)
    for text in (*texts, record.terms.name, record.terms.url, *record.addresses, _caption(record)):
        text.encode()
        assert not {unicodedata.category(c) for c in text} & {"Cc", "Cs"}
        assert "<b>" not in text
    assert record.addresses
    for address in (*record.addresses, record.page, record.author_url, record.terms.url):
        assert not address or address.startswith(("https://", "http://"))
    assert min(record.width, record.height) >= 0
    assert 0 <= _sureness("a red fox", record, None) <= 1


@given(st.fixed_dictionaries({"results": st.lists(changed(openverse_result()) | anything, min_size=1) | anything}))
def test_any_answer_of_openverse(value: object) -> None:
    made = Openverse(None, None)  # type: ignore[arg-type]
    try:
        records = made._records(answer(value))
    except SourceError:
        return
    for record in records:
        sound(record)


pages = st.lists(commons_pages(), min_size=1, max_size=3) | st.dictionaries(words, commons_pages(), min_size=1)


@given(st.fixed_dictionaries({"query": st.fixed_dictionaries({"pages": pages})}))
def test_any_answer_of_commons(value: object) -> None:
    try:
        records = commons._records(answer(value))
    except (SourceError, Later):
        return
    for record in records:
        sound(record)


@given(
    st.dictionaries(
        st.sampled_from(["query", "error", "pages"]), anything | st.dictionaries(st.just("pages"), anything)
    )
)
def test_any_other_answer_of_commons(value: object) -> None:
    try:
        assert commons._records(answer(value)) == []
    except (SourceError, Later):
        return


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000, b"\xff\xfe", b"", b"9" * 5000, b'{"results": ['])
def test_what_is_no_json_object(body: bytes) -> None:
    with pytest.raises(SourceError):
        as_object(Answer(status=200, headers={}, body=body, url=""))
