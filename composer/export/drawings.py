"""Vector drawings that leave the program: kept where they only draw, turned into pixels where they could do more.

A drawing shown by <img> runs nothing, but a reader may open the file by itself, and then it is a page that can.
"""

import re
from xml.parsers import expat

from retrieval.images import decode, encode

ACTIVE = frozenset(
    ["script", "foreignObject", "iframe", "object", "embed", "audio", "video", "a", "set", "animate", "handler"]
)
WITHIN = re.compile(r"\s*(#|data:image/(png|jpe?g|gif|webp)[;,])")  # the drawing itself, or pixels inside it
ELSEWHERE = re.compile(
    r"url\(\s*[\"']?(?!\s*#|data:image/(png|jpe?g|gif|webp)[;,])|@import|expression\(", re.IGNORECASE
)


class Active(Exception):
    """The drawing holds something that does more than draw."""


def is_passive(svg: bytes) -> bool:
    """Whether a drawing runs nothing, leads nowhere and fetches nothing, even when opened as a page of its own."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = _element
    parser.CharacterDataHandler = _style_text
    parser.ProcessingInstructionHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.buffer_text = True  # style sheets come in one piece
    try:
        parser.Parse(svg, True)
    except (Active, expat.ExpatError):
        return False
    return True


def safe_drawing(svg: bytes) -> tuple[bytes, str]:
    """The drawing as it is, or a PNG of it, with its media type. Raises UsageError where it cannot be drawn."""
    if is_passive(svg):
        return svg, "image/svg+xml"
    return encode(decode(svg), "PNG"), "image/png"


def _element(name: str, attributes: dict[str, str]) -> None:
    space, _, local = name.rpartition(" ")
    if local in ACTIVE or space.endswith("xhtml"):
        raise Active(local)
    for key, value in attributes.items():
        plain = key.rpartition(" ")[2].lower()
        if plain.startswith("on") or (plain in ("href", "src") and not WITHIN.match(value)) or ELSEWHERE.search(value):
            raise Active(key)


def _style_text(text: str) -> None:
    if ELSEWHERE.search(text):
        raise Active(text)


def _refuse(*_: object) -> None:
    raise Active
