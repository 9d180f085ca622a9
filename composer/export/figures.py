"""The pictures of an article as an export carries them: names of files, bytes, and the figures in order."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from composer.article import Article, ImageSlot
from composer.store import EXTENSIONS
from retrieval.picture import Digest, Picture

Read = Callable[[Digest], bytes | None]
"""Gives a picture's bytes, or None when the file is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A filled slot with the file that shows it."""

    slot: ImageSlot
    picture: Picture
    file: str  # "images/NAME.EXT"
    data: bytes


def figures(article: Article, read: Read) -> tuple[dict[str, Figure], list[str]]:
    """The figures by slot id, and a warning for each picture whose file is gone."""
    found: dict[str, Figure] = {}
    warnings = []
    for slot in article.slots():
        picture = slot.picture
        if picture is None:
            continue
        data = read(picture.digest)
        if data is None:
            warnings.append(f"The file of “{slot.caption or slot.query}” is gone; the picture is left out.")
            continue
        found[slot.id] = Figure(slot=slot, picture=picture, file=f"images/{file_name(slot, picture)}", data=data)
    return found, warnings


def file_name(slot: ImageSlot, picture: Picture) -> str:
    """A readable name that every file system and address takes: words of the alt text and eight digits of the digest."""
    text = unicodedata.normalize("NFKD", picture.caption or slot.alt or slot.query).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", text.lower())[:6]
    ending = EXTENSIONS.get(picture.media_type, "png")
    return f"{'-'.join([*words, picture.digest[:8]])[-80:]}.{ending}"
