"""The law of the editor: node -> Markdown -> node keeps everything, and Markdown -> node -> Markdown keeps its meaning."""

import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from composer.errors import UsageError
from composer.markdown import parser
from composer.ui.canonical import canonical
from composer.ui.document import Node, to_node, to_nodes
from composer.ui.source import to_markdown

ALPHABET = string.ascii_letters[:6] + "0123 \u00a0" + string.punctuation + "你好。「」，é\u200f\u0627😀"
texts = st.text(ALPHABET, min_size=1, max_size=14)
hrefs = st.sampled_from(
    ["https://example.org/a_b", "https://example.org/(x)?a=1&b=2", "#place", "mailto:a@example.org"]
)
links = st.builds(lambda h, t: {"type": "link", "attrs": {"href": h, "title": t}}, hrefs, st.none() | st.just('a "b"'))
plain = [st.just({"type": kind}) for kind in ("bold", "italic", "strike", "code")]
marks = st.lists(st.one_of(links, *plain), max_size=3, unique_by=lambda m: m["type"])
runs = st.builds(lambda text, marks: {"type": "text", "text": text, "marks": marks}, texts, marks)
breaks = st.just({"type": "hardBreak"})
strays = st.builds(
    lambda a: {"type": "stray", "attrs": {"src": "x.png", "alt": a, "title": None}}, st.just("a [b] *c*")
)
lines = st.lists(st.one_of(runs, runs, runs, breaks, strays), max_size=6)
paragraphs = st.builds(lambda c: {"type": "paragraph", "content": c}, lines)
headings = st.builds(lambda c, n: {"type": "heading", "attrs": {"level": n}, "content": c}, lines, st.integers(1, 6))
codes = st.builds(
    lambda t, n: {"type": "codeBlock", "attrs": {"language": n}, "content": [{"type": "text", "text": t}] if t else []},
    st.text(ALPHABET + "\n", max_size=30),
    st.sampled_from([None, "python", "c++"]),
)
cells = st.builds(lambda c: {"type": "tableCell", "attrs": {"align": None}, "content": [c]}, paragraphs)
rows = st.lists(cells, min_size=1, max_size=3).map(lambda c: {"type": "tableRow", "content": c})
tables = st.lists(rows, min_size=1, max_size=3).map(lambda r: {"type": "table", "content": r})
leaves = st.one_of(paragraphs, paragraphs, codes, st.just({"type": "horizontalRule"}))


def _containers(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    inside = st.lists(inner, min_size=1, max_size=3)
    items = st.lists(inside.map(lambda c: {"type": "listItem", "content": c}), min_size=1, max_size=3)
    return st.one_of(
        inside.map(lambda c: {"type": "blockquote", "content": c}),
        items.map(lambda i: {"type": "bulletList", "content": i}),
        st.builds(
            lambda i, n: {"type": "orderedList", "attrs": {"start": n}, "content": i}, items, st.sampled_from([1, 0, 7])
        ),
    )


nodes = st.one_of(paragraphs, headings, tables, st.recursive(leaves, _containers, max_leaves=6))


@settings(max_examples=400)
@given(nodes)
def test_what_the_editor_holds_reads_back_the_same(node: Node) -> None:
    wanted = canonical(node)
    assert to_node(to_markdown(node)) == wanted
    assert canonical(wanted) == wanted


MARKDOWN = [
    "## A *heading* with `code`",
    "**「你好」**，然后",
    "snake_case and 2 * 3 < 4 & so",
    "1\\. no list\\\n\\# no heading",
    "- a\n- b\n  - c\n\n    more",
    "3. x\n4. y",
    "> a quote\n>\n> - with a list",
    "| a | b |\n| :-- | --: |\n| `x\\|y` | **z** |",
    "````md\n```\ninside\n```\n````",
    "[^1] and $x_1$ and <b>text</b>",
    "![alt](picture.png) in a line",
    '<https://example.org> and [x](https://example.org "t")',
    "[![x](y.png)](https://example.org) and *![z](w.png)*",
    "~~gone~~ line\\\nbreak",
    "***",
]


@pytest.mark.parametrize("markdown", MARKDOWN)
def test_what_markdown_says_is_kept(markdown: str) -> None:
    node = to_node(markdown)
    assert node["type"] != "source"
    again = to_markdown(node)
    assert to_node(again) == node
    assert _without_tightness(again) == _without_tightness(markdown)


def _without_tightness(markdown: str) -> str:
    html: str = parser().render(markdown)
    return html.replace("<p>", "").replace("</p>", "").replace("\n", "")


@given(st.text(ALPHABET + "\n", max_size=60))
@example("[a]: https://example.org")
@example("one\n\ntwo")
def test_any_markdown_can_be_shown_and_comes_back(markdown: str) -> None:
    node = to_node(markdown)
    again = to_markdown(node)
    assert to_node(again) == canonical(node)
    assert node["type"] != "source" or again == markdown


def test_plain_text_stays_plain() -> None:
    for text in ("A lamp, 2 m high (in 1823).", "snake_case", "a < b, c > d", "Tom & Ann", "你好，世界。"):
        assert to_markdown({"type": "paragraph", "content": [{"type": "text", "text": text}]}) == text


def test_bold_beside_full_width_punctuation_is_kept() -> None:
    bold = {"type": "text", "text": "「你好」", "marks": [{"type": "bold"}]}
    node = {"type": "paragraph", "content": [bold, {"type": "text", "text": "然后"}]}
    assert to_node(to_markdown(node)) == node


@pytest.mark.parametrize(
    "node",
    [
        {"type": "script"},
        {"type": "paragraph", "content": [{"type": "paragraph"}]},
        {"type": "blockquote", "content": ["x"]},
        7,
    ],
)
def test_what_is_no_text_is_refused(node: Node) -> None:
    with pytest.raises(UsageError):
        to_markdown(node)


def test_nothing_nested_without_end() -> None:
    node: Node = {"type": "paragraph"}
    for _ in range(100):
        node = {"type": "blockquote", "content": [node]}
    with pytest.raises(UsageError, match="deeply"):
        to_markdown(node)


def test_a_link_that_runs_code_loses_its_mark() -> None:
    mark = {"type": "link", "attrs": {"href": "javascript:alert(1)"}}
    node = {"type": "paragraph", "content": [{"type": "text", "text": "x", "marks": [mark]}]}
    assert to_markdown(node) == "x"


def test_a_block_of_several_parts_is_shown_as_its_source() -> None:
    assert to_node("one\n\ntwo")["type"] == "source"
    assert [n["type"] for n in to_nodes("one\n\n## two")] == ["paragraph", "heading"]
