"""Found, drawn or a chart: what fits a slot. The words of a slot and the plan propose, the author decides.

Knows words (`templates/choice.toml`); does not know libraries or generators.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache

from composer.article import Article, ImageSlot, Way
from composer.drawing.tables import table_for
from composer.prompts import TEMPLATES

NAME = re.compile(r"(?<![.!?:;]\s)(?<!^)(?<!\")\b[A-Z][a-z]+(?:\s+(?:of|the|de|van|von)?\s*[A-Z][a-z]+)*")


def way_of(article: Article, slot: ImageSlot) -> Way:
    """How a slot is filled: as the author says, else as its words ask for, else as the plan proposes."""
    if slot.way and slot.way_by == "person":
        return slot.way
    asked = by_words(article, slot)
    return slot.way or asked if asked == Way.EITHER else asked


def by_words(article: Article, slot: ImageSlot) -> Way:
    """What the words of a slot's query and purpose ask for."""
    said = f"{slot.query} {slot.purpose}".lower()
    words = _words()
    if asks_for_chart(said):
        return Way.CHART
    if names_in(slot.query, article):
        return Way.FOUND
    if _any(words["drawn"], said):
        return Way.DRAWN
    return Way.FOUND if _any(words["found"], slot.query.lower()) else Way.EITHER


def asks_for_chart(said: str) -> bool:
    """Whether words ask for a chart."""
    return _any(_words()["chart"], said.lower())


def is_made(article: Article, slot: ImageSlot) -> bool:
    """Whether a picture is to be made for a slot whatever is found: the author said so, or its numbers stand there."""
    way = way_of(article, slot)
    if slot.way_by == "person" and slot.way in (Way.DRAWN, Way.CHART):
        return True
    return way == Way.CHART and table_for(article, slot) is not None


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
