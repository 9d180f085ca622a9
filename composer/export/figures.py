"""The pictures of an article as an export carries them: names of files, bytes, and the figures in order."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from composer.article import Article, ImageSlot
from composer.errors import UsageError
from composer.export.containers import form_of
from composer.export.drawings import safe_drawing
from composer.export.metadata import leaving, leaving_drawing
from composer.store import EXTENSIONS
from retrieval.images import decode
from retrieval.picture import Digest, Picture

Read = Callable[[Digest], bytes | None]
"""Gives a picture's bytes, or None when the file is gone."""

WORDS_IN_NAME, LETTERS_IN_NAME = 6, 60
LOOKED_AT_PX, OPAQUE = 256, 250  # px of a drawing; of 255, so that a soft edge is no hole


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A filled slot with the file that shows it."""

    slot: ImageSlot
    picture: Picture
    file: str  # "images/NAME.EXT"
    data: bytes
    media_type: str  # of `data`; a drawing that could do more than draw is carried as pixels
    marked: bool = True  # its credit line says so where a model made it


def figures(
    article: Article, read: Read, *, camera_data: bool = False, ai_credit: bool = True
) -> tuple[dict[str, Figure], list[str]]:
    """The figures by slot id, and a warning for each picture that has to be left out.

    What a camera wrote into a file, the place among it, goes along only with `camera_data`. Without `ai_credit` credit
    lines do not say that a model made a picture; the mark inside the file and credits.json always do.
    """
    found: dict[str, Figure] = {}
    warnings = []
    names: dict[str, Digest] = {}
    for slot in article.slots():
        if slot.picture is None:
            continue
        try:
            data, media_type = _data(slot.picture, read, camera_data=camera_data)
        except UsageError as error:
            warnings.append(f"“{slot.caption or slot.query}” is left out: {error}")
            continue
        name = file_name(slot, slot.picture, media_type)
        if names.setdefault(name, slot.picture.digest) != slot.picture.digest:
            name = f"{slot.picture.digest}.{name.rpartition('.')[2]}"
        found[slot.id] = Figure(
            slot=slot,
            picture=slot.picture,
            file=f"images/{name}",
            data=data,
            media_type=media_type,
            marked=ai_credit,
        )
    return found, warnings


def file_name(slot: ImageSlot, picture: Picture, media_type: str) -> str:
    """A readable name that every file system and address takes: words of the caption and eight digits of the digest."""
    text = unicodedata.normalize("NFKD", picture.caption or slot.alt or slot.query).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", text.lower())[:WORDS_IN_NAME]
    ending = EXTENSIONS.get(media_type, "bin")
    return f"{'-'.join([*words, ''])[-LETTERS_IN_NAME:].lstrip('-')}{picture.digest[:8]}.{ending}"


def shows_page(figure: Figure) -> bool:
    """Whether the page shines through the picture: then it needs a light ground where the page is dark."""
    if figure.media_type == "image/jpeg":
        return False
    try:
        image = decode(figure.data, px=LOOKED_AT_PX)
    except UsageError:
        return True
    return image.mode == "RGBA" and any(image.getchannel("A").histogram()[:OPAQUE])


def _data(picture: Picture, read: Read, *, camera_data: bool) -> tuple[bytes, str]:
    data = read(picture.digest)
    if data is None:
        raise UsageError("its file is gone.")
    if picture.media_type == "image/svg+xml":
        drawing, media_type = safe_drawing(data)
        return (drawing if camera_data else leaving_drawing(drawing)), media_type
    if camera_data:
        return data, picture.media_type
    left = leaving(data, picture.attribution)
    return left, f"image/{form_of(left)}" if form_of(left) else picture.media_type
