"""What is looked for: words, pictures, or a sum of both, and what a picture must be.

A sum is written `2*"dog" - "grass" + @picture.jpg`: terms joined by + or -, each a text in quotation marks or a picture
file behind an @, with a number and * before it where it counts more. The first or any further term may be a bare word
(`"dog" - grass`). A text without a quotation mark and without an @ is a plain query, so that "a man - portrait" stays one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from retrieval.encoder import Encoder, Vectors, unit_rows
from retrieval.errors import UsageError
from retrieval.images import decode_rgb
from retrieval.licences import IntendedUse

TERM = re.compile(
    r"""\s*(?P<sign>[+-])?\s*(?:(?P<weight>\d+(?:\.\d+)?)\s*\*\s*)?(?:"(?P<text>[^"]+)"|@"(?P<quoted>[^"]+)"|@(?P<path>\S+)|(?P<word>[^\s"@*+-]+))\s*"""
)
QUERY_PX = 448
Orientation = Literal["landscape", "portrait", "square"]
Look = Literal["photo", "drawing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A part of a sum: a text or a picture, never both."""

    weight: float
    text: str = ""
    picture: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a picture must be, all of it at once; the default takes every picture. `filtering.matching` applies it."""

    use: IntendedUse = "any"
    orientation: Orientation | None = None
    min_px: int = 0  # of the shorter side
    sources: frozenset[str] = field(default_factory=frozenset)  # as a credit names them: "OpenMoji"
    tags: frozenset[str] = field(default_factory=frozenset)  # words of caption or keywords, all of them
    look: Look | None = None
    colour: str = ""  # a name of looks.COLOURS


EVERYTHING = Filters()


def terms_of(query: str) -> Sequence[Term]:
    """The query's terms; one of weight 1 for a plain query. Raises UsageError for a sum that cannot be read."""
    if '"' not in query and not re.search(r"(^|\s)@\S", query):
        return (Term(weight=1.0, text=query.strip()),)
    terms: list[Term] = []
    place = 0
    while place < len(query.rstrip()):
        found = TERM.match(query, place)
        if found is None or (terms and not found["sign"]):
            raise UsageError(
                f'The query cannot be read from {query[place:][:30]!r} on. Write sums as: 2*"dog" - "grass" + @picture.jpg'
            )
        place = found.end()
        weight = float(found["weight"] or 1) * (-1 if found["sign"] == "-" else 1)
        terms.append(_term(weight, found["text"] or found["word"] or "", found["quoted"] or found["path"] or ""))
    if not any(t.weight > 0 for t in terms):
        raise UsageError("A query needs something to look for: every term of it is taken away.")
    return tuple(terms)


def summed(encoder: Encoder, terms: Sequence[Term]) -> Vectors:
    """(dim,) of unit length: the terms' vectors by their weights. Raises UsageError for a file that is no picture."""
    texts = [t for t in terms if t.picture is None]
    shown = [(t, t.picture) for t in terms if t.picture is not None]
    total = np.zeros(encoder.dim, np.float32)
    for term, vector in zip(texts, encoder.encode_texts([t.text for t in texts]), strict=True):
        total += term.weight * vector
    images = [decode_rgb(path.read_bytes(), px=QUERY_PX) for _, path in shown]
    for (term, _), vector in zip(shown, encoder.encode_images(images) if images else (), strict=True):
        total += term.weight * vector
    return np.asarray(unit_rows(total[None, :])[0])


def _term(weight: float, text: str, path: str) -> Term:
    if not path:
        return Term(weight=weight, text=text)
    file = Path(path).expanduser()
    if not file.is_file():
        raise UsageError(f"There is no picture {path}. Behind an @ stands a picture file.")
    return Term(weight=weight, picture=file)
