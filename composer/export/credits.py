"""Credits: the line under a picture and the machine-readable list, in the order title, author, source, licence."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from composer.article import ImageSlot
from composer.prompts import TEMPLATES
from retrieval.licences import address_of
from retrieval.picture import Attribution, Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of a credit line."""

    text: str
    url: str = ""  # the web address it links to; "" for none
    joint: str = ""  # what stands between it and the piece before; "" for the first


def credit_parts(credit: Attribution, language: str, *, marked: bool = True) -> list[Part]:
    """The pieces of a picture's credit line; joints and texts in a row are the line. Without `marked` it does not say
    that a model made the picture."""
    words = words_of(language)
    page = web_address(credit.url)
    joint, parts = words["joint"], list[Part]()
    if credit.title:
        parts.append(Part(text=words["title"].format(credit.title), url=page))
    if (marked or not credit.generated) and (maker := _maker(credit, words)):
        address = "" if credit.generated else web_address(credit.author_url)
        parts.append(Part(text=maker, url=address, joint=joint if credit.generated else words["by_joint"]))
    if credit.source and not credit.generated and credit.licence != "yours":
        parts.append(Part(text=words["from"].format(credit.source), url="" if credit.title else page, joint=joint))
    licence = {"yours": words["yours"], "unknown": words["unknown"]}.get(credit.licence) or credit.licence
    parts.append(Part(text=licence or words["unknown"], url=licence_address(credit), joint=joint))
    if credit.changes:
        parts.append(Part(text=changes_in(credit.changes, language), joint=joint))
    return [Part(text=p.text, url=p.url, joint=p.joint if number else "") for number, p in enumerate(parts)]


def credit_line(credit: Attribution, language: str) -> str:
    """A picture's credit as plain text."""
    return "".join(part.joint + part.text for part in credit_parts(credit, language))


def credit_entry(slot: ImageSlot, picture: Picture, file: str) -> dict[str, object]:
    """A picture's entry in credits.json."""
    credit = picture.attribution
    return {
        "file": file,
        "slot": slot.id,
        "digest": picture.digest,
        "title": credit.title,
        "author": credit.author,
        "author_url": credit.author_url,
        "source": credit.source,
        "licence": credit.licence or "unknown",
        "licence_url": credit.licence_url or licence_address(credit),
        "url": credit.url,
        "changes": credit.changes,
        "retrieved": credit.retrieved,
        "original": credit.original or picture.digest,
        "generated": credit.generated,
        "caption": slot.caption,
        "alt": slot.alt,
    }


def licence_address(credit: Attribution) -> str:
    """Where a licence can be read: as the picture says, else where its name alone says it."""
    return web_address(credit.licence_url) or address_of(credit.licence)


def changes_in(changes: str, language: str) -> str:
    """What was changed, in words of a language; only that something was where it has no words for it."""
    words, table = words_of(language), _changes()[worded_in(language)]
    told = []
    for change in filter(None, (c.strip() for c in changes.split(","))):
        beginning = next((b for b in table if b != "joint" and f"{change} ".startswith(f"{b} ")), None)
        if beginning is None and worded_in(language) != "en":
            return words["changed"]
        told.append(table[beginning].format(change.removeprefix(beginning).strip()) if beginning else change)
    return words["changed_so"].format(table["joint"].join(told)) if told else words["changed"]


def web_address(url: str) -> str:
    """The address if it leads to the web; "" for anything that could run code, name a file or cannot be read."""
    try:
        parts = urlsplit(url)
    except ValueError:  # such as an unclosed bracket in the host's place
        return ""
    return parts.geturl() if parts.scheme in ("http", "https") and parts.netloc else ""


def worded_in(language: str) -> str:
    """The language that credits of an article in this language are worded in: its own, or English."""
    own = language.split("-")[0].lower()
    return own if own in _table() else "en"


def words_of(language: str) -> Mapping[str, str]:
    """The table of a language in `templates/credits.toml`."""
    return _table()[worded_in(language)]


def _maker(credit: Attribution, words: Mapping[str, str]) -> str:
    if credit.generated:
        return words["generated_by"].format(credit.author) if credit.author else words["generated"]
    return words["by"].format(credit.author) if credit.author else ""


@cache
def _changes() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((TEMPLATES / "changes.toml").read_text(encoding="utf-8"))


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((TEMPLATES / "credits.toml").read_text(encoding="utf-8"))
