"""A text as it stands: where its blocks are, where a picture may go, and the same text with pictures put in.

Nothing is ever rewritten: a picture goes in as characters between two blocks, and taking these out gives the text
back, byte for byte. Knows Markdown's form (through markdown-it-py); `document_html` knows HTML's.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

from composer.placement.text import Block, Kind, visible

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
FRONT = re.compile(r"(---|\+\+\+)[ \t]*$")
TITLE = re.compile(r"^title\s*[:=]\s*(['\"]?)(\S.*?)\1\s*$", re.MULTILINE)  # in front matter
OPEN_TAG = re.compile(r"<(?:(/)\s*)?([a-zA-Z][\w-]*)(?:\s[^>]*?)?(/)?>")
VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
SHOWS_PICTURE = re.compile(r"<(?:img|picture|figure|video|iframe|svg|object)\b", re.IGNORECASE)
FOOTNOTE = re.compile(r"\s{0,3}\[\^[^\]]+\]:")
KINDS: Mapping[str, Kind] = {
    "heading_open": "heading",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "blockquote_open": "quote",
    "fence": "code",
    "code_block": "code",
    "table_open": "table",
    "html_block": "html",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text cut into blocks. Gap g stands before block g; the last gap is behind the last block."""

    text: str
    form: Literal["markdown", "html"]
    spans: tuple[tuple[int, int], ...]  # of each block: characters of `text`
    blocks: tuple[Block, ...]
    closed: frozenset[int]  # gaps where a picture would break what stands there
    pictured: frozenset[int]  # blocks that show a picture already

    @property
    def title(self) -> str:
        """The heading it begins with, else the title of its front matter; "" for neither."""
        if self.blocks and self.blocks[0].kind == "heading":
            return self.blocks[0].plain
        front = self.text[: self.spans[0][0]] if self.spans and FRONT.match(self.text.lstrip("\ufeff")[:3]) else ""
        found = TITLE.search(front)
        return found.group(2) if found else ""

    @property
    def taken(self) -> list[int]:
        """For each picture that stands already the gap behind it."""
        return sorted(i + 1 for i in self.pictured)

    @property
    def open_gaps(self) -> list[int]:
        """Where a picture may go: not beside one that stands already, not inside anything."""
        beside = {g for i in self.pictured for g in (i, i + 1)}
        return [g for g in range(len(self.blocks) + 1) if g not in self.closed and g not in beside and self.blocks]

    @property
    def newline(self) -> str:
        """How its lines end: as the first one does."""
        found = re.search(r"\r\n|\r|\n", self.text)
        return found.group() if found else "\n"

    def with_pieces(self, pieces: Mapping[int, str], more: Mapping[int, str] | None = None) -> str:
        """The text with a piece in each of these gaps, parted by blank lines, and `more` characters at these places;
        everything else as it stands."""
        inserted = [self.insertion(gap, piece) for gap, piece in pieces.items()] + list((more or {}).items())
        text = self.text
        for at, put in sorted(inserted, reverse=True):
            text = text[:at] + put + text[at:]
        return text

    def insertion(self, gap: int, piece: str) -> tuple[int, str]:
        """Where a piece goes in and the characters that do."""
        line = self.newline
        body = piece.strip("\n").replace("\n", line)
        if gap == 0:
            at = self.spans[0][0]
            before = self.text[:at]
            free = not before.strip("\ufeff") or before.endswith((line * 2, "\n\n", "\r\r"))
            return at, ("" if free else line) + body + line * 2
        at = self.spans[gap - 1][1]
        rest = LINE.findall(self.text[at:])
        next_line = rest[1] if len(rest) > 1 else ""
        return at, line * 2 + body + (line if next_line.strip() else "")


def decode(data: bytes) -> str:
    """Bytes as text that `encode` gives back whole, whatever they are."""
    return data.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The bytes of a text of `decode`."""
    return text.encode("utf-8", "surrogateescape")


def read_markdown(text: str) -> Document:
    """A Markdown text's blocks and gaps."""
    lines = LINE.findall(text)
    first = _body_starts(lines)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    bare = [
        line.rstrip("\r\n").replace("\ufeff", " ") if n == 0 else line.rstrip("\r\n") for n, line in enumerate(lines)
    ]
    tokens = [t for t in _parser().parse("\n".join(bare[first:])) if t.level == 0 and t.map and t.nesting >= 0]
    spans: list[tuple[int, int]] = []
    blocks: list[Block] = []
    pictured: set[int] = set()
    marked = int(text.startswith("\ufeff"))
    for token in tokens:
        begin, end = first + (token.map or [0, 0])[0], first + (token.map or [0, 0])[1]
        while end > begin and not bare[end - 1].strip():
            end -= 1
        if end == begin:
            continue
        raw = "\n".join(bare[begin:end])
        if ("![" in raw and _has_image(raw)) or (token.type != "fence" and SHOWS_PICTURE.search(raw)):
            pictured.add(len(blocks))
        blocks.append(Block(raw, KINDS.get(token.type, "text"), visible(raw)))
        last = end - 1
        spans.append((starts[begin] + marked * (begin == 0), starts[last] + len(lines[last].rstrip("\r\n"))))
    return Document(
        text=text,
        form="markdown",
        spans=tuple(spans),
        blocks=tuple(blocks),
        closed=frozenset(_closed(blocks)),
        pictured=frozenset(pictured),
    )


def keeps_structure(before: str, after: str, pieces: Sequence[str]) -> bool:
    """Whether a Markdown text with pieces put in reads as before, but for these pieces."""
    old, new = _shapes(before), _shapes(after)
    extra = [_shapes(p) for p in pieces]
    position = 0
    while position < len(new):
        if old and new[position] == old[0]:
            old.pop(0)
            position += 1
        elif found := next((e for e in extra if new[position : position + len(e)] == e), None):
            extra.remove(found)
            position += len(found)
        else:
            return False
    return not old and not extra


def _body_starts(lines: Sequence[str]) -> int:
    """The line behind the front matter; 0 where there is none."""
    mark = FRONT.match(lines[0].lstrip("\ufeff").rstrip("\r\n")) if lines else None
    if mark:
        for number, line in enumerate(lines[1:], start=1):
            if line.rstrip() in (mark.group(1), "...") and number > 0:
                return number + 1
    return 0


def _closed(blocks: Sequence[Block]) -> set[int]:
    """Gaps inside raw HTML, formulas, footnotes and code that is not ended; before the title; between a list's halves."""
    closed, depth, formula, footnote = set(), 0, False, False
    if blocks and blocks[0].kind == "heading":
        closed.add(0)
    for number, block in enumerate(blocks):
        is_note = bool(FOOTNOTE.match(block.raw)) or (
            footnote and block.kind == "code" and block.raw.startswith("    ")
        )
        if is_note:
            closed.add(number)
        footnote = is_note
        if block.kind not in ("code",):
            depth = max(0, depth + _tags_left_open(block.raw))
            formula ^= block.raw.count("$$") % 2 == 1
        if depth or formula or _not_ended(block):
            closed.add(number + 1)
    for number, (a, b) in enumerate(pairwise(blocks), start=1):
        if b.raw.startswith(("    ", "\t")) and a.kind in ("list", "code"):
            closed.add(number)
    if footnote:
        closed.add(len(blocks))
    return closed


def _tags_left_open(raw: str) -> int:
    """Opening less closing tags of raw HTML in a block."""
    count = 0
    for closing, name, alone in OPEN_TAG.findall(re.sub(r"<!--.*?-->|`[^`\n]*`", "", raw, flags=re.DOTALL)):
        if name.lower() not in VOID and not alone:
            count += -1 if closing else 1
    return count


def _not_ended(block: Block) -> bool:
    """Whether a fence or a comment runs on to the end of the file."""
    if block.kind == "html":
        return block.raw.count("<!--") > block.raw.count("-->")
    if block.kind != "code" or not (mark := re.match(r"\s{0,3}(`{3,}|~{3,})", block.raw)):
        return False
    last = block.raw.split("\n")[-1].strip()
    return "\n" not in block.raw or not re.fullmatch(rf"{re.escape(mark.group(1)[0])}{{{len(mark.group(1))},}}", last)


def _has_image(raw: str) -> bool:
    return any(child.type == "image" for token in _parser().parse(raw) for child in token.children or ())


def _shapes(markdown: str) -> list[tuple[tuple[object, ...], ...]]:
    """The top-level blocks of a text, each as what its tokens are."""
    lines = LINE.findall(markdown)
    first = _body_starts(lines)
    body = "\n".join(line.rstrip("\r\n") for line in lines[first:]).lstrip("\ufeff")
    groups: list[list[tuple[object, ...]]] = []
    for token in _parser().parse(body):
        if token.level == 0 and token.nesting >= 0:
            groups.append([])
        groups[-1].append(_shape(token))
    return [tuple(group) for group in groups]


def _shape(token: Token) -> tuple[object, ...]:
    inside = tuple((c.type, c.content, str(c.attrs)) for c in token.children or ())
    content = token.content.rstrip("\n") if token.type in ("html_block", "code_block", "fence") else token.content
    return token.type, token.tag, content, token.info, token.markup, str(token.attrs), inside


@cache
def _parser() -> MarkdownIt:
    """CommonMark with tables, strikethrough and raw HTML, as sites render it."""
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
