"""The search page's questions, on a small library of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from composer.engines import Engines
from composer.settings import load_settings
from composer.ui.search import add_search_routes
from retrieval.picture import Attribution
from retrieval.rows import Row
from tests.composer.kit import picture
from tests.retrieval.fakes import WordEncoder

NAMES = ("brass lamp", "old brass lamp", "glass lens", "red apple", "green apple")


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("INTERLEAVE_HOME", str(tmp_path))
    engines = Engines(load_settings(sentence_encoder="none"))
    engines.sentences = encoder = WordEncoder()
    rows = []
    for name in NAMES:
        shown, data = picture(name)
        path = tmp_path / f"{name}.png"
        path.write_bytes(data)
        vectors = {encoder.name: encoder.encode_texts([name])[0]}
        rows.append(Row(picture=shown, path=str(path), origin="test", vectors=vectors))
    engines.library().add(rows)
    app = FastAPI()
    add_search_routes(app, engines)
    with TestClient(app) as made:
        yield made
    engines.library().close()


def captions(client: TestClient, **asked: str) -> list[str]:
    answer = client.get("/library/search", params=asked)
    assert answer.status_code == 200, answer.text
    return [p["caption"] for p in answer.json()["pictures"]]


def test_words_find_and_nothing_shows_what_came_last(client: TestClient) -> None:
    assert captions(client, q="brass lamp")[0] == "brass lamp"
    assert captions(client) == list(reversed(NAMES))
    short = client.get("/library/search", params={"k": "2"}).json()
    assert len(short["pictures"]) == 2
    assert short["more"]


def test_every_picture_carries_its_credit(client: TestClient) -> None:
    first = client.get("/library/search", params={"q": "lens"}).json()["pictures"][0]
    assert first["credit"] == "“glass lens” by Ann, from Test pack, CC0 1.0"
    chinese = client.get("/library/search", params={"q": "lens"}, headers={"accept-language": "zh-CN"}).json()
    assert "作者" in chinese["pictures"][0]["credit"]


def test_similar_pictures_stand_without_the_one_they_are_like(client: TestClient) -> None:
    digest = picture("red apple")[0].digest
    like = captions(client, like=digest)
    assert like[0] == "green apple"
    assert "red apple" not in like


def test_a_reference_brings_up_what_looks_like_it(client: TestClient) -> None:
    digest = picture("glass lens")[0].digest
    answer = client.get("/library/search", params={"style": digest, "strength": "100"}).json()
    assert answer["pictures"][0]["caption"] == "glass lens"
    assert answer["card"]["palette"][0].startswith("#")
    assert client.get("/library/search").json()["card"] is None


def test_filters_hold_and_bad_values_are_explained(client: TestClient) -> None:
    assert captions(client, tag="apple") == ["green apple", "red apple"]
    assert captions(client, min_px="400") == []
    assert captions(client, use="commercial") == list(reversed(NAMES))
    for name, value in (
        ("use", "anything"),
        ("min_px", "-3"),
        ("colour", "mauve"),
        ("like", "no such"),
        ("q", '"a" @b'),
    ):
        answer = client.get("/library/search", params={name: value})
        assert answer.status_code == 400
        assert len(answer.json()["error"]) > 20


def test_thumbnails_are_small_and_of_the_library_alone(client: TestClient, tmp_path: Path) -> None:
    digest = picture("red apple")[0].digest
    answer = client.get(f"/library/pictures/{digest}?px=64")
    assert answer.headers["content-type"] == "image/webp"
    (tmp_path / "red apple.png").write_bytes(b"no picture any more")
    assert client.get(f"/library/pictures/{digest}?px=100").status_code == 404
    assert client.get("/library/pictures/..%2f..%2fetc%2fpasswd").status_code == 404


def test_the_page_says_what_there_is_to_choose_from(client: TestClient) -> None:
    about = client.get("/library/about").json()
    assert about["count"] == len(NAMES)
    assert about["sources"] == [Attribution(source="Test pack").source]
    assert "<main" in client.get("/search").text
