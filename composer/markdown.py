"""Markdown as blocks, words and sentences.

Knows the text's form (through markdown-it-py); does not know what it is about.
"""

import re
from functools import cache
from itertools import pairwise

from markdown_it import MarkdownIt

CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af]")
WORD = re.compile(r"[^\W_]+(?:['’.,-][^\W_]+)*")
SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)\]*_]*\s+|(?<=[。！？])[”’）」』]*\s*|(?<=…)\s+")


@cache
def parser() -> MarkdownIt:
    """CommonMark with tables and strikethrough; raw HTML stays text, and links that could run code are not links."""
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def split_blocks(markdown: str) -> list[str]:
    """The top-level blocks as they stand in the text, in order, without the blank lines between them."""
    lines = markdown.split("\n")
    starts = [t.map[0] for t in parser().parse(markdown) if t.level == 0 and t.map and t.nesting >= 0]
    if not starts:
        return [markdown.strip()] if markdown.strip() else []
    cuts = [
        0,
        *starts[1:],
        len(lines),
    ]  # link references, of which no token tells, stay with a block
    pieces = ("\n".join(lines[a:b]).strip("\n").rstrip() for a, b in pairwise(cuts))
    return [p for p in pieces if p.strip()]


def plain_text(markdown: str) -> str:
    """The text that a reader sees, one line a block."""
    lines = []
    for token in parser().parse(markdown):
        if token.type == "inline":
            lines.append("".join(_visible(child.type, child.content) for child in token.children or ()))
        elif token.type in ("fence", "code_block"):
            lines.append(token.content.rstrip())
    return "\n".join(lines)


def count_words(text: str) -> int:
    """Words; a Chinese, Japanese or Korean character counts as one."""
    characters = len(CJK.findall(text))
    return characters + len(WORD.findall(CJK.sub(" ", text)))


def sentences(text: str) -> list[str]:
    """The sentences of plain text, with their closing marks, stripped."""
    cuts = [0, *(m.end() for m in SENTENCE_END.finditer(text)), len(text)]
    return [s for a, b in pairwise(cuts) if (s := text[a:b].strip())]


def ends_whole(text: str) -> bool:
    """Whether prose ends with a whole sentence."""
    return bool(re.search(r"[.!?。！？…:：][\"'”’)\]」』）*_]*$", text.rstrip()))


def is_prose(block: str) -> bool:
    """Whether a block is a paragraph: not a heading, list, quote, table, code or rule."""
    first = next((t for t in parser().parse(block) if t.level == 0), None)
    return first is not None and first.type == "paragraph_open"


def drop_open_end(paragraph: str) -> str:
    """A paragraph without a last sentence that was cut off; "" when it has no whole sentence."""
    if ends_whole(paragraph):
        return paragraph
    whole = sentences(paragraph)
    end = paragraph.rfind(whole[-1]) if whole else 0
    return paragraph[:end].rstrip()


def _visible(kind: str, content: str) -> str:
    if kind in ("softbreak", "hardbreak"):
        return " "
    return content if kind in ("text", "code_inline", "image", "html_inline") else ""
