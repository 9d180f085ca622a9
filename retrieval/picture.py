"""What a picture is: its identity, what is written about it, and who made it.

Knows nothing of where bytes lie, of indexes or of articles.
"""

from dataclasses import dataclass, field

Digest = str
"""Lower-case hexadecimal sha256 of the picture file's bytes: the identity of a picture everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """Who made a picture and under which terms; travels with it into every article and export."""

    title: str = ""
    author: str = ""
    source: str = ""  # where it comes from, for readers: "Openclipart", "My holiday folder"
    licence: str = ""  # short name as people write it: "CC BY-SA 4.0", "Public domain", "yours", "unknown"
    licence_url: str = ""
    url: str = ""  # page or file the picture can be found at; "" where it has none
    changes: str = ""  # what was changed, in words: "resized to 1024 px"; "" for nothing
    generated: bool = False  # drawn by a model


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture and everything that is written about it, without its bytes."""

    digest: Digest
    media_type: str  # "image/png", "image/jpeg", "image/webp", "image/gif", "image/svg+xml"
    width: int  # px, after EXIF rotation
    height: int  # px
    caption: str = ""
    keywords: tuple[str, ...] = ()
    attribution: Attribution = field(default_factory=Attribution)
    phash: str = ""  # 64-bit perceptual hash, 16 hexadecimal digits; "" when unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A picture that a source offers for a query."""

    picture: Picture
    source: str  # name of the ImageSource that offers it; its `read(digest)` gives the bytes
    score: float  # order within one answer, higher is better; scores of different sources do not compare
    relevance: float  # 0 to 1, how sure the source is that the picture shows what was asked; compared with a threshold
    style: float = 0.0  # -1 to 1, likeness to the reference pictures; 0 when there are none
