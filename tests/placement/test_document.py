"""The law: pictures go in, and not a character of the text changes, nor what it means."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.placement.document import Document, decode, encode, keeps_structure, read_markdown
from composer.placement.document_html import looks_like_html, read_html

FIGURE = "![A fox](images/fox.png)\n\n*A fox in the snow* by Ann · CC0"

ODD = {
    "front matter": "---\ntitle: A\n\nb: c\n---\n\nText one.\n\nText two.\n",
    "toml front matter": "+++\ntitle = 'A'\n+++\nText one.\n\nText two.",
    "windows lines": "One.\r\n\r\nTwo.\r\n\r\n- a\r\n- b\r\n",
    "old mac lines": "One.\r\rTwo.\r\r# H\rThree.",
    "mixed lines": "One.\r\n\nTwo.\n\r\nThree.\r",
    "no final newline": "One.\n\nTwo.",
    "byte order mark": "\ufeffOne.\n\nTwo.\n",
    "byte order mark and front matter": "\ufeff---\na: b\n---\nOne.\n\nTwo.\n",
    "no blank lines": "# Title\nText.\n## Two\n- a\n- b\n> quote\n```\ncode\n```\nEnd.",
    "code": "One.\n\n```python\nx = 1\n\n\ny = 2\n```\n\n    indented\n\n    code\n\nTwo.\n",
    "fence without end": "One.\n\n```\nTwo.\n\nThree.\n",
    "table": "One.\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\nTwo.\n",
    "footnotes": "One.[^1]\n\nTwo.[^n]\n\n[^1]: A note.\n\n    Its second paragraph.\n\n[^n]: http://example.org\n",
    "references": "One [a].\n[a]: http://example.org\n\nTwo [b].\n\n[b]: http://example.org 'T'\n",
    "raw html": "One.\n\n<div class='x'>\n\nInside.\n\nInside two.\n\n</div>\n\nTwo.\n\n<!-- a\n\ncomment -->\n\nThree.\n",
    "comment without end": "One.\n\n<!-- a\n\ncomment\n",
    "pictures": "One.\n\n![](a.png)\n\nTwo ![x](b.png) two.\n\n<img src='c.png'>\n\nThree.\n\nFour.\n",
    "formula": "One.\n\n$$\na\n\nb\n$$\n\nTwo.\n",
    "chinese": "西湖在杭州。\n\n湖上有三座岛，如下图：\n\n春天桃花开。\n",
    "only blank": "\n\n  \n",
    "empty": "",
    "loose list": "- a\n\n  b\n\n- c\n\n1) d\n\n    code?\n",
    "setext": "Title\n=====\n\nText\n---\nMore\n",
    "rules": "One.\n\n***\n\nTwo.\n---\nThree.\n",
    "strange spaces": "One.\u2028Still one.\x0b\n\n\u3000Two.\x00\x85three\n\nFour\n",
    "hard breaks": "One.  \nstill one.\\\nand on\n\nTwo.   \n",
}


def illustrated(document: Document, gaps: list[int], piece: str = FIGURE) -> str:
    return document.with_pieces(dict.fromkeys(gaps, piece))


def without(document: Document, gaps: list[int], piece: str = FIGURE) -> str:
    """What is left when the inserted characters are taken out again, where `insertion` says they went in."""
    text, shift = illustrated(document, gaps, piece), 0
    for gap in gaps:
        at, put = document.insertion(gap, piece)
        assert text[at + shift - shift : at + len(put)] == put
        text = text[:at] + text[at + len(put) :]
    return text


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_odd_files_stay_as_they_are(text: str) -> None:
    document = read_markdown(text)
    gaps = document.open_gaps
    assert without(document, gaps) == text
    assert keeps_structure(text, illustrated(document, gaps), [FIGURE] * len(gaps))


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_every_gap_alone_keeps_the_structure(text: str) -> None:
    document = read_markdown(text)
    for gap in document.open_gaps:
        assert keeps_structure(text, illustrated(document, [gap]), [FIGURE])


PIECES = st.one_of(
    st.sampled_from([piece for text in ODD.values() for piece in text.split("\n\n")]),
    st.sampled_from(
        ["# H", "- a\n- b", "> q", "```\nx\n```", "    code", "<div>", "</div>", "[^1]: n", "$$", "| a |\n|---|", "***"]
    ),
    st.text(alphabet=st.sampled_from("ab *_`#->|[]()!<&\\~+=1.:$\t"), max_size=30),
)
TEXTS = st.tuples(st.lists(PIECES, max_size=8), st.sampled_from(["\n\n", "\r\n\r\n", "\n", "\n\n\n"])).map(
    lambda t: t[1].join(t[0])
)


@given(TEXTS)
def test_no_character_changes(text: str) -> None:
    document = read_markdown(text)
    assert without(document, document.open_gaps) == text


@given(st.binary(max_size=200))
def test_any_bytes_come_back(data: bytes) -> None:
    assert encode(decode(data)) == data
    document = read_markdown(decode(data))
    assert encode(without(document, document.open_gaps)) == data


@given(st.text(alphabet=st.sampled_from("ab \r\n\ufeff-#`<>!"), max_size=60))
def test_line_ends_of_every_kind_stay(text: str) -> None:
    document = read_markdown(text)
    assert without(document, document.open_gaps) == text


def test_lines_end_as_the_texts_own() -> None:
    document = read_markdown("One.\r\n\r\nTwo.\r\n")
    assert re.search(r"(?<!\r)\n", illustrated(document, [1])) is None


def test_pictures_that_stand_take_their_places() -> None:
    document = read_markdown(ODD["pictures"])
    assert [document.blocks[i].raw for i in sorted(document.pictured)] == [
        "![](a.png)",
        "Two ![x](b.png) two.",
        "<img src='c.png'>",
    ]
    assert document.open_gaps == [0, 5, 6]


def test_no_gap_inside_html_formulas_notes_and_code() -> None:
    raw = read_markdown(ODD["raw html"])
    inside = [g for g in raw.open_gaps if 0 < g < len(raw.blocks) and "Inside" in raw.blocks[g].raw]
    assert inside == []
    formula = read_markdown(ODD["formula"])
    assert all(not (formula.blocks[g - 1].raw.startswith("$$") and g < 4) for g in formula.open_gaps if g > 1)
    notes = read_markdown(ODD["footnotes"])
    assert max(notes.open_gaps) <= 2
    assert read_markdown(ODD["fence without end"]).open_gaps == [0, 1]


def test_a_title_stays_first() -> None:
    assert read_markdown("# Title\n\nText.\n").open_gaps == [1, 2]


def test_twenty_thousand_words_are_read_at_once() -> None:
    text = "\n\n".join(f"## Part {n}\n\n{'word ' * 100}." for n in range(200))
    assert len(read_markdown(text).blocks) == 400


def test_html_pages() -> None:
    page = (
        "<!doctype html>\n<html><head><title>T</title></head>\n<body><article>\n<h1>Title</h1>\n<p>One.</p>\n"
        "<p>Two <b>bold</b>.</p><ul><li>a</li></ul><nav><p>menu</p></nav>\n<p><img src='a.png'></p></article></body></html>"
    )
    assert looks_like_html(page)
    assert not looks_like_html("# Title\n\n<p>Hello</p>")
    document = read_html(page)
    assert [b.plain for b in document.blocks] == ["Title", "One.", "Two  bold .", "a", ""]
    assert document.open_gaps == [1, 2, 3]
    assert without(document, document.open_gaps, "<figure></figure>") == page


@given(
    st.lists(
        st.sampled_from(
            ["<p>", "</p>", "<div>", "</div>", "a", "\n", "<ul><li>x</li></ul>", "<img>", "<!--", "-->", "<p", "&amp;"]
        ),
        max_size=12,
    )
)
def test_html_of_any_kind_stays(parts: list[str]) -> None:
    document = read_html("".join(parts))
    assert without(document, document.open_gaps, "<figure></figure>") == "".join(parts)
