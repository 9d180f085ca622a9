"""An HTML text's blocks and the gaps between them, by character. Knows tags; does not mend or rewrite them."""

import re
from html.parser import HTMLParser

from composer.placement.document import SHOWS_PICTURE, VOID, Document
from composer.placement.text import Block, Kind, visible

BLOCKS: dict[str, Kind] = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "heading"),
    **dict.fromkeys(("ul", "ol", "dl"), "list"),
    "p": "text",
    "blockquote": "quote",
    "pre": "code",
    "table": "table",
    "figure": "html",
    "hr": "html",
    "img": "html",
}
CONTAINERS = frozenset(["html", "body", "main", "article", "section", "div", "[document]"])
FIRST = re.compile(r"<\s*(?:p|h[1-6]|article|body|html|div|section|!doctype)\b", re.IGNORECASE)


def looks_like_html(text: str) -> bool:
    """Whether a text is an HTML page or fragment, and not Markdown with some tags in it."""
    head = re.sub(r"<!--.*?-->", "", text.lstrip("\ufeff \t\r\n")[:2000], flags=re.DOTALL).lstrip()
    return bool(FIRST.match(head)) and not re.search(r"^(#{1,6} |- |\d+\. |```)", text, re.MULTILINE)


def read_html(text: str) -> Document:
    """The blocks that stand in the page's flow, and the gaps between them."""
    reader = _Reader(text)
    reader.feed(text)
    reader.close()
    spans = tuple(reader.spans)
    blocks = tuple(Block(text[a:b], kind, visible(text[a:b])) for (a, b), kind in zip(spans, reader.kinds, strict=True))
    closed = {0} if not blocks or blocks[0].kind == "heading" else set()
    pictured = frozenset(i for i, block in enumerate(blocks) if SHOWS_PICTURE.search(block.raw))
    return Document(text=text, form="html", spans=spans, blocks=blocks, closed=frozenset(closed), pictured=pictured)


class _Reader(HTMLParser):
    """Collects the spans of blocks whose parents are all plain containers."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.spans: list[tuple[int, int]] = []
        self.kinds: list[Kind] = []
        self._lines = [0]
        for found in re.finditer("\n", text):
            self._lines.append(found.end())
        self._text = text
        self._stack: list[str] = []
        self._inside: tuple[str, int, int] | None = None  # tag, where it began, how deep the stack was

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = self._at()
        if self._inside and self._inside[0] == "p" and tag in BLOCKS and tag != "img":
            self._inside = None  # a paragraph without an end: its place cannot be told, so it is no block
            self._stack = [t for t in self._stack if t != "p"]
        flows = self._inside is None and all(t in CONTAINERS for t in self._stack)
        if flows and tag in BLOCKS:
            if tag in VOID:
                self._take(tag, at, at + len(self.get_starttag_text() or ""))
            else:
                self._inside = (tag, at, len(self._stack))
        if tag not in VOID:
            self._stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._inside is None and tag in VOID & BLOCKS.keys() and all(t in CONTAINERS for t in self._stack):
            self._take(tag, self._at(), self._at() + len(self.get_starttag_text() or ""))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._stack:
            return
        while self._stack.pop() != tag:
            pass
        if self._inside and self._inside[0] == tag and len(self._stack) == self._inside[2]:
            end = self._text.find(">", self._at()) + 1
            if end > 0:
                self._take(tag, self._inside[1], end)
            self._inside = None
        elif self._inside and len(self._stack) < self._inside[2]:
            self._inside = None

    def _take(self, tag: str, begin: int, end: int) -> None:
        self.spans.append((begin, end))
        self.kinds.append(BLOCKS[tag])

    def _at(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column
