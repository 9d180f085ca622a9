"""From a slot to what a generator is asked for: words, what it is for, how it looks, which form, which seed.

Knows articles and `templates/drawing.toml`; does not know models but by their abilities.
"""

import math
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from composer.article import Article, ImageSlot, Size
from composer.drawing.request import Abilities, Drawing, Look
from composer.prompts import TEMPLATES
from composer.store import PictureFolder
from composer.styling import style_words
from retrieval.images import decode_rgb
from retrieval.picture import Digest

SQUARE = 256  # px; models for no more were taught by squares
MOST_REFERENCES = 4  # more are not told apart, and each costs memory
STARTING_STRENGTH = 0.75  # a reference that is only where the picture begins must not show its things


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A picture to be drawn for a slot, with what the record of it needs."""

    slot: str
    query: str
    drawing: Drawing
    references: tuple[Digest, ...] = ()
    start: Digest = ""
    mask: Digest = ""
    choose: bool = True  # into the slot at once; else it only stands beside the others


def look_of(article: Article, pictures: PictureFolder | None) -> Look:
    """What all pictures of the article have in common: the words of its style, and its references."""
    found = [(p.digest, path) for p in article.brief.references if pictures and (path := pictures.path(p.digest))]
    found = found[:MOST_REFERENCES]
    return Look(
        words=style_words(article),
        references=tuple(decode_rgb(path.read_bytes()) for _, path in found),
        digests=tuple(digest for digest, _ in found),
    )


def asked(article: Article, slot: ImageSlot, look: Look, abilities: Abilities, *, px: int) -> Wanted:
    """The first picture for a slot. `px` is the longer side that the settings want."""
    table = _table()
    side = min(px, abilities.side or px)
    width, height = (side // 32 * 32,) * 2 if abilities.square else form(slot.size, side)
    begins = abilities.references == "start"
    drawing = Drawing(
        prompt=with_entities(slot.query, article),
        context=_context(article, slot),
        style=look.words,
        negative=str(table["negative"]),
        width=width,
        height=height,
        seed=seed_of(article, slot),
        references=look.references[:1] if begins else look.references,
        strength=STARTING_STRENGTH if begins else 0.6,
    )
    return Wanted(slot=slot.id, query=slot.query, drawing=drawing, references=look.digests[: len(drawing.references)])


def form(size: Size, px: int) -> tuple[int, int]:
    """Width and height for a slot's size, with about as many pixels as a square of `px`. Models for small pictures know
    squares alone."""
    across, down = _table()["aspects"][size]
    if px <= SQUARE:
        return _rounded(px), _rounded(px)
    width = px * math.sqrt(across / down)
    return _rounded(width), _rounded(width * down / across)


def seed_of(article: Article, slot: ImageSlot) -> int:
    """A slot's own seed, the same on every run."""
    return article.brief.seed + int(slot.id[1:])


def with_entities(query: str, article: Article) -> str:
    """The query with what the article's entity sheet says of the things it names, so that they look alike everywhere."""
    told = [f"{name}: {look}" for name, look in sheet_of(article).items() if _names(query, name)]
    return "; ".join([query, *told])


def sheet_of(article: Article) -> dict[str, str]:
    """The entity sheet: lines "name = how it looks" in the words of the article's style."""
    lines = (line.partition("=") for line in article.style.splitlines())
    return {name.strip(): look.strip() for name, mark, look in lines if mark and name.strip() and look.strip()}


def _names(query: str, name: str) -> bool:
    """Whether a query names an entity: as a word of its own, one or several of it; CJK words may stand anywhere."""
    if not name.isascii():
        return name.lower() in query.lower()
    return re.search(rf"\b{re.escape(name)}(?:e?s)?\b", query, re.IGNORECASE) is not None


def _context(article: Article, slot: ImageSlot) -> str:
    section = article.section_of(slot.id)
    title = (section.title if section else "") or article.title
    if not title or not title.isascii():
        return ""
    return str(_table()["context"]).format(section=title)


def _rounded(side: float) -> int:
    return max(32, round(side / 32) * 32)


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((TEMPLATES / "drawing.toml").read_text(encoding="utf-8"))
