"""What is not drawn: prompts by their words, pictures by what a CLIP model sees in them.

A list of words and a few captions, in `templates/safety.toml`: it keeps the plain cases out and nothing more.
`docs/generation.md` says what it misses. The operator alone switches it (`INTERLEAVE_SAFETY_FILTER`).
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from composer.drawing.request import Drawing
from composer.prompts import TEMPLATES
from composer.settings import Settings
from retrieval.encoder import Encoder

LETTERS = str.maketrans("013457@$", "oieastas")  # how words are disguised


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What `templates/safety.toml` says."""

    words: Mapping[str, tuple[str, ...]]  # category -> words that are never drawn
    together: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]  # a word of the one with a word of the other
    seen: tuple[str, ...]  # captions of what is not shown
    plain: tuple[str, ...]  # captions of everything else
    margin: float  # by how much a picture must look more like the first than like the second


def refused(query: str, drawing: Drawing, settings: Settings) -> str:
    """Why these words are not drawn; "" where they are."""
    if not settings.safety_filter:
        return ""
    text = plain(f"{query} {drawing.prompt} {drawing.context} {drawing.style}")
    for category, words in rules().words.items():
        if found := _first(words, text):
            return f"“{found}” is not drawn here ({category})."
    for these, those in rules().together:
        if (one := _first(these, text)) and (other := _first(those, text)):
            return f"“{one}” together with “{other}” is not drawn here."
    return ""


def held_back(image: Image.Image, encoder: Encoder | None, settings: Settings) -> str:
    """Why a picture is not shown; "" where it is, and where no model can look."""
    if not settings.safety_filter or encoder is None:
        return ""
    known = rules()
    rows = encoder.encode_texts([*known.seen, *known.plain])  # (captions, dim)
    likeness = rows @ encoder.encode_images([image.convert("RGB")])[0]  # (captions,)
    worst = int(np.argmax(likeness[: len(known.seen)]))
    ahead = float(likeness[worst] - likeness[len(known.seen) :].max())
    return f"it looks like “{known.seen[worst]}”." if ahead > known.margin else ""


def plain(text: str) -> str:
    """Small letters without accents, with disguised ones turned back."""
    letters = unicodedata.normalize("NFKD", text.lower())
    letters = "".join(c for c in letters if not unicodedata.combining(c)).translate(LETTERS)
    return re.sub(r"[\W_]+", " ", re.sub(r"(?<=\b\w)[\s.\-_*]+(?=\w\b)", "", letters))


def _first(words: Sequence[str], text: str) -> str:
    """The first of the words, or of their plurals, that stands in a text; CJK words may stand anywhere."""
    for word in words:
        pattern = rf"\b{re.escape(word)}(?:s|es)?\b" if word.isascii() else re.escape(word)
        if re.search(pattern, text):
            return word
    return ""


@cache
def rules() -> Rules:
    """The rules as they are written down."""
    table = tomllib.loads((TEMPLATES / "safety.toml").read_text(encoding="utf-8"))
    pairs = tuple((tuple(pair["these"]), tuple(pair["those"])) for pair in table["together"])
    words = {category: tuple(found) for category, found in table["words"].items()}
    look = table["look"]
    return Rules(
        words=words, together=pairs, seen=tuple(look["seen"]), plain=tuple(look["plain"]), margin=float(look["margin"])
    )
