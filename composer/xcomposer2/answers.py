"""What is read out of XComposer2's replies, and what stands in for a reply that says nothing. Nothing here can fail.

Every function is pure and takes any text; the same reply gives the same answer.
"""

import re
from collections.abc import Sequence

from composer.xcomposer2.prompts import LETTERS

SEGMENT = re.compile(r"<\s*seg\s*([0-9]{1,6})\s*>", re.IGNORECASE)
LETTER = re.compile(r"(?<![A-Za-z])([A-Za-z])(?![A-Za-z])")
SENTENCE = re.compile(r"[.!?。！？;；\n]")
LONGEST_TITLE = 80  # characters
MARKDOWN = re.compile(r"^\s*(#{1,6}\s|[-*+>]\s|\d+[.)]\s)")
QUOTES = "\"'“”‘’「」『』《》"


def slots(reply: str, lines: Sequence[str], *, count: int | None) -> tuple[int, ...]:
    """Lines after which a picture goes, in the order of the article, each once; at most `count`.

    Numbers that name no line are left out. Where none is left, the lines are chosen by `spread`.
    """
    named = [int(digits) for digits in SEGMENT.findall(reply)]
    known = list(dict.fromkeys(n for n in named if n < len(lines)))
    if count is not None:
        known = known[: max(0, count)]
    return tuple(sorted(known)) if known else spread(lines, count=count)


def spread(lines: Sequence[str], *, count: int | None) -> tuple[int, ...]:
    """Evenly among the lines that are text and no headings; one in five where no count is wanted."""
    texts = [n for n, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
    wanted = max(1, len(texts) // 5) if count is None else max(0, count)
    wanted = min(wanted, len(texts))
    return tuple(texts[(2 * n + 1) * len(texts) // (2 * wanted)] for n in range(wanted))


def title(reply: str, line: str) -> str:
    """The title up to the closing quotation mark, in one line; else the line's first sentence."""
    first = re.split(r'["”“\n]', reply.lstrip(QUOTES + " \n\t"), maxsplit=1)[0]
    return _cut(" ".join(first.split()).strip(QUOTES + " ")) or plain_title(line)


def plain_title(line: str) -> str:
    """A line's first sentence without Markdown."""
    text = " ".join(MARKDOWN.sub("", line).replace("*", "").replace("`", "").split())
    return _cut(next((part.strip() for part in SENTENCE.split(text) if part.strip()), text))


def choice(reply: str, count: int) -> int:
    """Which candidate a reply names, from 0: the first letter of a candidate that stands alone; else the first one,
    which is the best by the search."""
    for letter in LETTER.findall(reply):
        number = LETTERS.find(letter.upper())
        if 0 <= number < count:
            return number
    return 0


def names_a_choice(reply: str) -> bool:
    """Whether nothing more of a reply is needed to read the choice."""
    return LETTER.search(reply) is not None


def paragraphs(text: str) -> list[str]:
    """An article's lines: no empty ones."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _cut(title: str) -> str:
    """A title of at most LONGEST_TITLE characters, cut at a word."""
    if len(title) <= LONGEST_TITLE:
        return title
    cut = title[:LONGEST_TITLE]
    return cut.rsplit(" ", 1)[0] if " " in cut else cut
