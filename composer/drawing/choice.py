"""Found, drawn or a chart: what fits a slot, by what it wants to show. The author decides; this proposes.

Knows words (`templates/choice.toml`); does not know libraries or generators.
"""

import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache

from composer.article import Article, ImageSlot
from composer.prompts import TEMPLATES


class Way(StrEnum):
    """How a slot is best filled."""

    FOUND = "found"  # a fact: a person, a place, a thing that exists
    EITHER = "either"  # an ordinary thing: whatever comes first
    DRAWN = "drawn"  # a mood, an idea, a scene that does not exist
    CHART = "chart"  # numbers


NAME = re.compile(r"(?<![.!?:;]\s)(?<!^)(?<!\")\b[A-Z][a-z]+(?:\s+(?:of|the|de|van|von)?\s*[A-Z][a-z]+)*")


def way_of(article: Article, slot: ImageSlot) -> Way:
    """What is proposed for a slot, by the words of its query and purpose."""
    said = f"{slot.query} {slot.purpose}".lower()
    words = _words()
    if _any(words["chart"], said):
        return Way.CHART
    if names_in(slot.query, article):
        return Way.FOUND
    if _any(words["drawn"], said):
        return Way.DRAWN
    return Way.FOUND if _any(words["found"], slot.query.lower()) else Way.EITHER


def names_in(query: str, article: Article) -> list[str]:
    """Names of persons, places and works in a query: words with a capital that do not begin it, or that the article
    writes with one in the middle of its sentences."""
    inside = [m[0].strip() for m in NAME.finditer(query)]
    first = re.match(r"[A-Z][a-z]+", query)
    if first and f" {first[0]} " in " " + " ".join(b.markdown for b in article.blocks if b.kind == "text") + " ":
        lower = first[0].lower()
        text = " ".join(b.markdown for b in article.blocks if b.kind == "text")
        middle = re.search(rf"(?<=[a-z,] ){first[0]}\b", text)
        if middle and not re.search(rf"\b{lower}\b", text):
            inside.insert(0, first[0])
    return inside


def _any(words: tuple[str, ...], said: str) -> bool:
    return any(re.search(rf"\b{re.escape(word)}\b" if word.isascii() else re.escape(word), said) for word in words)


@cache
def _words() -> Mapping[str, tuple[str, ...]]:
    table = tomllib.loads((TEMPLATES / "choice.toml").read_text(encoding="utf-8"))
    return {name: tuple(words) for name, words in table.items()}
