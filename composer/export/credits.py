"""Credits: the line under a picture and the machine-readable list, in the order title, author, source, licence."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from composer.article import ImageSlot
from composer.prompts import TEMPLATES
from retrieval.picture import Attribution, Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of a credit line, with the address it links to or ""."""

    text: str
    url: str = ""


def credit_parts(credit: Attribution, language: str) -> list[Part]:
    """The pieces of a picture's credit line, joined by ", "."""
    words = _words(language)
    parts = [Part(text=f"“{credit.title}”", url=web_address(credit.url))] if credit.title else []
    if credit.generated:
        parts.append(Part(text=f"{words['generated']} ({credit.author})" if credit.author else words["generated"]))
    elif credit.author:
        parts.append(Part(text=f"{words['by']} {credit.author}"))
    if credit.source and not credit.generated and credit.licence != "yours":
        parts.append(
            Part(text=f"{words['from']} {credit.source}", url="" if parts and parts[0].url else web_address(credit.url))
        )
    licence = {"yours": words["yours"], "unknown": words["unknown"], "": words["unknown"]}.get(
        credit.licence, credit.licence
    )
    parts.append(Part(text=licence, url=web_address(credit.licence_url)))
    if credit.changes:
        parts.append(Part(text=words["changed"]))
    return parts


def credit_line(credit: Attribution, language: str) -> str:
    """A picture's credit as plain text."""
    return ", ".join(part.text for part in credit_parts(credit, language))


def credit_entry(slot: ImageSlot, picture: Picture, file: str) -> dict[str, object]:
    """A picture's entry in credits.json."""
    credit = picture.attribution
    return {
        "file": file,
        "slot": slot.id,
        "digest": picture.digest,
        "title": credit.title,
        "author": credit.author,
        "source": credit.source,
        "licence": credit.licence or "unknown",
        "licence_url": credit.licence_url,
        "url": credit.url,
        "changes": credit.changes,
        "generated": credit.generated,
        "caption": slot.caption,
        "alt": slot.alt,
    }


def web_address(url: str) -> str:
    """The address if it leads to the web; "" for anything that could run code or name a file."""
    return url if urlsplit(url).scheme in ("http", "https") else ""


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((TEMPLATES / "credits.toml").read_text(encoding="utf-8"))


def _words(language: str) -> Mapping[str, str]:
    return _table().get(language.split("-")[0], _table()["en"])
