"""Credits in the form that Creative Commons recommends, whole in every export, whatever the fields say."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.export import bundle
from composer.export.credits import changes_in, credit_line, credit_parts, licence_address
from composer.markdown import parser
from composer.store import RECORD
from retrieval.picture import Attribution
from tests.export.kit import Page, illustrated

FOUND = Attribution(
    title="Lighthouse of Hörnum",
    author="PtrQs",
    author_url="https://commons.wikimedia.org/wiki/User:PtrQs",
    source="Wikimedia Commons",
    licence="CC BY-SA 4.0",
    url="https://commons.wikimedia.org/wiki/File:L.jpg",
    changes="resized to 960 px",
    retrieved="2026-11-23",
    original="ab" * 32,
)
words = st.text("abc<>&[]()*_`\"'，。中文 ", min_size=1, max_size=12).map(str.strip).filter(bool)
credits = st.builds(
    Attribution,
    title=words,
    author=words,
    source=words,
    licence=st.sampled_from(["CC BY 4.0", "CC BY-NC-ND 3.0", "CC0 1.0", "Public domain", "GPL-2.0"]),
    author_url=st.sampled_from(["", "https://a.example/ada?x=1&y=(2)"]),
    url=st.sampled_from(["", "https://a.example/page"]),
    changes=st.sampled_from(["", "cropped", "resized to 960 px, recoloured", "cut out by hand"]),
    retrieved=st.just("2026-11-23"),
)


def test_title_author_source_licence_with_their_links() -> None:
    assert credit_line(FOUND, "en") == (
        "“Lighthouse of Hörnum” by PtrQs, from Wikimedia Commons, CC BY-SA 4.0, changed: resized to 960 px"
    )
    assert credit_line(FOUND, "zh") == (
        "《Lighthouse of Hörnum》，作者：PtrQs，来源：Wikimedia Commons，CC BY-SA 4.0，有修改：缩小至 960 px"
    )
    for language in ("en", "zh"):
        assert [p.url for p in credit_parts(FOUND, language)] == [
            "https://commons.wikimedia.org/wiki/File:L.jpg",
            "https://commons.wikimedia.org/wiki/User:PtrQs",
            "",
            "https://creativecommons.org/licenses/by-sa/4.0/",
            "",
        ]


def test_a_licence_is_linked_even_where_the_picture_names_no_address() -> None:
    assert licence_address(Attribution(licence="CC BY 2.0")) == "https://creativecommons.org/licenses/by/2.0/"
    assert licence_address(Attribution(licence="CC BY 2.0", licence_url="https://a.example/l")) == "https://a.example/l"
    assert licence_address(Attribution(licence="yours")) == licence_address(Attribution(licence="unknown")) == ""


@pytest.mark.parametrize(
    ("changes", "english", "chinese"),
    [
        ("resized to 9 px, cropped", "changed: resized to 9 px and cropped", "有修改：缩小至 9 px、裁剪"),
        ("recoloured", "changed: recoloured", "有修改：调整颜色"),
        ("drawn at 640 px", "changed: drawn at 640 px", "有修改：绘制为 640 px"),
        ("converted to PNG", "changed: converted to PNG", "有修改：转换为 PNG"),
        ("the sky was painted over", "changed: the sky was painted over", "有修改"),
        ("croppedness", "changed: croppedness", "有修改"),
        (" , ", "changed", "有修改"),
    ],
)  # fmt: skip
def test_what_was_changed_is_said(changes: str, english: str, chinese: str) -> None:
    assert changes_in(changes, "en") == changes_in(changes, "fr") == english
    assert changes_in(changes, "zh-TW") == chinese


@given(credits, st.sampled_from(["en", "zh", "de"]))
def test_no_part_of_a_credit_is_lost_on_the_way(credit: Attribution, language: str) -> None:
    article, files = illustrated(language=language, credit=credit)
    made = bundle(article, files.get)
    for page in (Page(made.html), Page(parser().render(made.markdown))):
        shown = " ".join(page.text.split())
        links = [a.get("href") for a in page.all("a")]
        for part in credit_parts(credit, language):
            assert " ".join(part.text.split()) in shown
            assert not part.url or links.count(part.url.replace(" ", "%20")) == 2
    for entry in made.credits:
        for name in ("title", "author", "author_url", "source", "licence", "url", "changes", "retrieved"):
            assert entry[name] == getattr(credit, name)
        assert entry["original"] == entry["digest"]
        assert entry["licence_url"] == licence_address(credit)


def test_the_file_a_picture_was_made_from_is_listed() -> None:
    article, files = illustrated(credit=FOUND)
    assert {e["original"] for e in bundle(article, files.get).credits} == {"ab" * 32}


def test_a_log_from_before_a_credit_had_these_fields_is_read() -> None:
    old = {
        "seq": 3,
        "time": 1.5,
        "event": {
            "kind": "edited",
            "by": "model",
            "edit": {
                "kind": "offer_images",
                "id": "b2",
                "candidates": [
                    {
                        "picture": {
                            "digest": "0" * 64,
                            "media_type": "image/png",
                            "width": 3,
                            "height": 2,
                            "attribution": {"title": "Old", "author": "Ann", "source": "Pack", "licence": "CC0 1.0"},
                        },
                        "source": "library",
                        "score": 0.5,
                        "relevance": 0.75,
                    }
                ],
            },
        },
    }
    record = RECORD.validate_json(json.dumps(old))
    credit = record.event.edit.candidates[0].picture.attribution  # type: ignore[union-attr]
    assert (credit.author_url, credit.retrieved, credit.original) == ("", "", "")
    assert replace(credit, title="") == Attribution(author="Ann", source="Pack", licence="CC0 1.0")
