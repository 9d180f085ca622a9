"""Blocks as a reader sees them: their kind, their visible words, their sentences.

Knows Markdown's marks by their look, not by parsing: a block may be any piece of a file. Knows no pictures.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from composer.markdown import CJK
from retrieval.words import SMALL, pairs, stem

Kind = Literal["heading", "list", "quote", "code", "table", "html", "text"]

FENCE = re.compile(r"^\s{0,3}(```|~~~)", re.MULTILINE)
LINK = re.compile(r"!?\[([^\]]*)\]\(([^)]*)\)")
TEMPLATE = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
QUOTED = re.compile(r"\{\{\s*\"([^\"]*)\"[^}]*\}\}")
HREF = re.compile(r"<a\s[^>]*href=\"([^\"]*)\"[^>]*>", re.IGNORECASE)
TAG = re.compile(r"<[^>]+>|<!--.*?-->", re.DOTALL)
MARKS = re.compile(r"[#*_`>|]")
SENTENCE = re.compile(r"(?<=[.!?:])\s+|(?<=[。！？：])|\n")
LATIN = re.compile(r"[a-z0-9]+")
ADDRESS_WORD = re.compile(r"[a-z]{3,}")
COMMON_WORDS = (
    "our we you your he she his her us can will not but if so more what when how who which than then also about all do"
    " did just one http https www"
)
NOT_TELLING = SMALL | frozenset(COMMON_WORDS.split())
PREFIX = 6  # letters of a long word that are compared: "recruiting" and "recruiter" are one


@dataclass(frozen=True, slots=True)
class Block:
    """A top-level piece of a text."""

    raw: str
    kind: Kind
    plain: str  # what a reader sees


def blocks_of(pieces: Sequence[str]) -> list[Block]:
    """The blocks of a text that is already cut into pieces; a code block may span several."""
    found, fenced = [], False
    for raw in pieces:
        before = fenced
        fenced ^= len(FENCE.findall(raw)) % 2 == 1
        code = before or fenced or bool(FENCE.match(raw))
        found.append(Block(raw, "code" if code else kind_of(raw), visible(raw)))
    return found


def kind_of(raw: str) -> Kind:
    """The kind of a block that is not inside a fence."""
    text = raw.lstrip()
    if re.match(r"#{1,6}(\s|$)", text) or re.match(r".+\n[-=]{3,}\s*$", text):
        return "heading"
    if re.match(r"([-*+]|\d+[.)])\s", text):
        return "list"
    if raw.startswith(("    ", "\t")):
        return "code"
    return {">": "quote", "|": "table", "<": "html"}.get(text[:1], "text")  # type: ignore[return-value]


def visible(raw: str) -> str:
    """A block without marks, tags, addresses and template code."""
    text = LINK.sub(r"\1 ", TEMPLATE.sub(" ", html.unescape(raw)))
    return MARKS.sub("", TAG.sub(" ", text)).strip()


def with_addresses(raw: str) -> str:
    """The visible text and the words in the addresses it links to: "/blog/web-standards/" says what it leads to."""
    text = HREF.sub(lambda m: f" {_address_words(m.group(1))} ", QUOTED.sub(r"\1", html.unescape(raw)))
    text = LINK.sub(lambda m: f"{m.group(1)} {_address_words(m.group(2))} ", TEMPLATE.sub(" ", text))
    return MARKS.sub("", TAG.sub(" ", text)).strip()


def sentences(plain: str) -> list[str]:
    """The sentences of a block's visible text; the whole of it where it has none of two words."""
    found = [s.strip() for s in SENTENCE.split(plain) if len(s.split()) > 1 or CJK.search(s)]
    return found or ([plain] if plain else [])


def word_count(plain: str) -> int:
    """Words; two Chinese characters count as one."""
    return len(CJK.sub(" ", plain).split()) + (len(CJK.findall(plain)) + 1) // 2


def telling_words(text: str) -> list[str]:
    """The words that tell texts apart, stemmed and cut to a prefix; Chinese as pairs of characters. With repeats."""
    latin = (w for w in LATIN.findall(CJK.sub(" ", text).lower()) if len(w) > 1 and w not in NOT_TELLING)
    return [_prefix(_stem(w)) for w in latin] + pairs(text)


def _stem(word: str) -> str:
    for ending, least in (("ing", 6), ("ed", 5)):
        if word.endswith(ending) and len(word) >= least:
            return word[: -len(ending)]
    return stem(word)


def _prefix(word: str) -> str:
    return word if word.isdecimal() else word[:PREFIX]


def _address_words(address: str) -> str:
    return " ".join(w for w in ADDRESS_WORD.findall(address.lower()) if w not in NOT_TELLING)
