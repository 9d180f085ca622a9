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
    author_url: str = ""  # page of the author; "" where there is none
    source: str = ""  # where it comes from, for readers: "Openclipart", "My holiday folder"
    licence: str = ""  # short name as people write it: "CC BY-SA 4.0", "Public domain", "yours", "unknown"
    licence_url: str = ""
    url: str = ""  # page or file the picture can be found at; "" where it has none
    changes: str = ""  # what was changed, in words: "resized to 1024 px, cropped"; "" for nothing
    generated: bool = False  # drawn by a model
    retrieved: str = ""  # day it was fetched from the web, "2026-11-23"; "" for a picture that was already here
    original: Digest = ""  # sha256 of the file it was made from; "": the picture is that file, unchanged


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a picture was drawn: on the same machine with the same software the same recipe draws the same picture."""

    model: str
    prompt: str  # as the model was given it
    query: str = ""  # what was asked for, before style and context
    negative: str = ""
    seed: int = 0
    width: int = 0  # px
    height: int = 0
    steps: int = 0  # 0: not known
    guidance: float | None = None
    strength: float | None = None  # how far it moved away from where it began; None: it began from nothing
    references: tuple[Digest, ...] = ()  # pictures whose look it was given
    start: Digest = ""  # the picture it began from; "": from nothing
    mask: Digest = ""  # of the mask's PNG: only that part was drawn
    lead_prompt: str = ""  # of the picture whose look it followed, as the model was given it; "": of none
    lead_negative: str = ""
    lead_seed: int = 0
    together: int = 1  # pictures in its batch
    software: str = ""
    parts: tuple[str, ...] = ()  # what it was arranged of; (): a model drew it


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
    recipe: Recipe | None = None  # how it was drawn; None for a picture that was not


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A picture that a source offers for a query."""

    picture: Picture
    source: str  # name of the ImageSource that offers it; its `read(digest)` gives the bytes
    score: float  # order within one answer, higher is better; scores of different sources do not compare
    relevance: float  # 0 to 1, how sure the source is that the picture shows what was asked; compared with a threshold
    style: float = 0.0  # -1 to 1, likeness to the reference pictures; 0 when there are none
