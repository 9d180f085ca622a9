"""Text blocks as HTML that asks for nothing: what a browser would fetch becomes a link that a reader may follow."""

from collections.abc import Iterator

from markdown_it.token import Token

from composer.article import Article, TextBlock
from composer.markdown import parser


def text_html(block: TextBlock) -> str:
    """A text block as HTML. Its first level-2 heading carries the block's id; the title stays the only <h1>."""
    tokens = parser().parse(block.markdown)
    for token in tokens:
        if token.tag == "h1":
            token.tag = "h2"
        if token.type == "inline":
            token.children = list(_without_pictures(token.children or []))
    first = next((t for t in tokens if t.type == "heading_open" and t.tag == "h2"), None)
    if first is not None:
        first.attrSet("id", block.id)
    html: str = parser().renderer.render(tokens, parser().options, {})
    return html


def stray_pictures(article: Article) -> list[str]:
    """A warning for each text block that shows a picture by its address: it has no credit and may be gone tomorrow."""
    return [
        f"Block {block.id} shows the picture {address} by its address and without a credit; the page only links to it. "
        "Add a picture slot and upload it there."
        for block in article.blocks
        if isinstance(block, TextBlock)
        for address in _addresses(block.markdown)
    ]


def _addresses(markdown: str) -> Iterator[str]:
    for token in parser().parse(markdown):
        yield from (str(c.attrGet("src") or "") for c in token.children or () if c.type == "image")


def _without_pictures(children: list[Token]) -> Iterator[Token]:
    links = 0
    for child in children:
        links += child.nesting if child.type.startswith("link_") else 0
        if child.type != "image":
            yield child
            continue
        text = Token("text", "", 0, content=child.content or str(child.attrGet("src") or ""))
        if links:  # a link cannot stand inside a link
            yield text
        else:
            yield Token("link_open", "a", 1, attrs={"href": str(child.attrGet("src") or "")})
            yield text
            yield Token("link_close", "a", -1)
