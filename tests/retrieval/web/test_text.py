"""Fields of web answers become plain text, addresses or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.web.text import LONGEST, first_link, number, plain, web


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("<p>A <b>red</b> fox</p><p>in&nbsp;snow</p>", "A red fox in snow"),
        ("Tom &amp; <i>Jerry</i> &lt;3", "Tom & Jerry <3"),
        ("a<script>alert('</b>')</script>b<style>x{}</style>c", "a b c"),
        ("in<b>side</b>", "inside"),
        ("one<br>two\r\n\tthree\x00\u202e\u200b", "one two three"),
        ("<script>never closed", ""),
        ("a < b > c", "a < b > c"),
        ("<<b>x", "<x"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        (1838, "1838"),
        (None, ""),
        (True, ""),
        (["x"], ""),
        ({"value": "x"}, ""),
        ("中文 <a href='x'>链接</a>", "中文 链接"),
    ],
)
def test_plain(value: object, text: str) -> None:
    assert plain(value) == text


@given(st.text() | st.text("<>/ab&;!-\"' "))
def test_any_text_becomes_one_short_line(text: str) -> None:
    line = plain(text)
    assert line == " ".join(line.split())
    assert len(line) <= LONGEST + 2


def test_long_text_is_cut_at_a_word() -> None:
    assert plain("word " * 100, 12) == "word word …"


@pytest.mark.parametrize(
    ("value", "link"),
    [
        ('<a href="//commons.wikimedia.org/wiki/User:A">A</a>', "https://commons.wikimedia.org/wiki/User:A"),
        ("<a href='https://a.example/x'>A</a> <a href='https://b.example'>B</a>", "https://a.example/x"),
        ('<a href="javascript:alert(1)">A</a>', ""),
        ("no link", ""),
        (None, ""),
    ],
)
def test_first_link(value: object, link: str) -> None:
    assert first_link(value) == link


@pytest.mark.parametrize(
    "value", [None, 3, "", "javascript:alert(1)", "data:text/html,x", "https://", "https://a b", "ftp://a.example"]
)
def test_no_web_address(value: object) -> None:
    assert web(value) == ""


@pytest.mark.parametrize(("value", "count"), [(5, 5), (0, 0), (-3, 0), ("5", 0), (None, 0), (True, 0), (2.5, 0)])
def test_numbers(value: object, count: int) -> None:
    assert number(value) == count
