"""What is written about a picture file: in a file beside it, inside it, or in its name.

Knows the forms in which people and cameras leave descriptions. Does not look at pixels.
"""

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, ImageFile, IptcImagePlugin

MAX_SIDECAR_BYTES = 256_000
MAX_CAPTION = 500  # characters
CAMERA_NAME = re.compile(
    r"^(img|dsc|dscn|dscf|pxl|mvimg|p|imag|screenshot|image|photo|wa|vid|scan|untitled|unnamed)?[\d\s]*$"
)
XMP_TEXT = r"<dc:{name}\b[^>]*>(.*?)</dc:{name}>"
XMP_ITEM = re.compile(r"<rdf:li\b[^>]*>(.*?)</rdf:li>", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What is known of a picture in words; empty where nothing is."""

    caption: str = ""
    keywords: tuple[str, ...] = ()
    captions: Mapping[str, str] = field(default_factory=dict)  # by language
    title: str = ""
    author: str = ""
    licence: str = ""
    licence_url: str = ""
    source: str = ""
    url: str = ""

    def filled_from(self, other: "Notes") -> "Notes":
        """These notes, with what is empty taken from others."""
        gaps = {name: getattr(other, name) for name in Notes.__slots__ if not getattr(self, name)}
        return replace(self, **gaps)


def notes_of(path: Path, data: bytes) -> Notes:
    """From a sidecar file, then from the picture's own metadata, then from its name and folder."""
    return from_sidecar(path).filled_from(from_metadata(data)).filled_from(from_name(path.name, path.parent.name))


def sidecars(path: Path) -> Iterator[Path]:
    """The files that may describe a picture: `fox.jpg.txt`, `fox.txt`, and so with .md and .json; that exist."""
    for suffix in (".json", ".md", ".txt"):
        for beside in (path.with_name(path.name + suffix), path.with_suffix(suffix)):
            if beside != path and beside.is_file():
                yield beside


def from_sidecar(path: Path) -> Notes:
    """What the file beside a picture says. One that cannot be read says nothing."""
    notes = Notes()
    for beside in sidecars(path):
        try:
            text = beside.read_bytes()[:MAX_SIDECAR_BYTES].decode("utf-8-sig", "replace")
            notes = notes.filled_from(_from_json(text) if beside.suffix == ".json" else _from_text(text))
        except (OSError, ValueError):
            continue
    return notes


def from_metadata(data: bytes) -> Notes:
    """What IPTC, XMP, EXIF and PNG text inside a picture file say."""
    try:
        with warnings.catch_warnings(), Image.open(BytesIO(data)) as image:
            warnings.simplefilter("ignore")
            return _iptc(image).filled_from(_xmp(image)).filled_from(_exif(image)).filled_from(_png_text(image))
    except Exception:  # damaged metadata is worth nothing, and Pillow raises many kinds of error over it
        return Notes()


def from_name(name: str, folder: str = "") -> Notes:
    """A file name as a caption; a camera's numbering says nothing, so then the folder's name is used."""
    words = _name_words(Path(name).stem)
    place = _name_words(folder)
    if CAMERA_NAME.match(words.lower()):
        return Notes(caption=place)
    return Notes(caption=words, keywords=tuple(place.lower().split()) if place else ())


def _name_words(stem: str) -> str:
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", stem)
    text = re.sub(r"[_\-+.]+|%20", " ", text)
    text = re.sub(r"\b(\d{5,}|\d+x\d+|copy|final|edited|[0-9a-f]{16,})\b|\(\d+\)", " ", text, flags=re.IGNORECASE)
    return re.sub(r"\s+\d{1,3}$", "", " ".join(text.split()))


def _from_text(text: str) -> Notes:
    """The first paragraph; a Markdown heading is its title."""
    title = re.search(r"^#+\s+(.+)$", text, re.MULTILINE)
    body = re.sub(r"^(#+\s.*|---.*)$", "", text, flags=re.MULTILINE).strip()
    first = " ".join(body.split("\n\n", 1)[0].split())
    heading = title.group(1).strip() if title else ""
    return Notes(caption=_cut(first or heading), title=_cut(heading))


def _from_json(text: str) -> Notes:
    value = json.loads(text)
    if not isinstance(value, dict):
        return Notes()
    table = {str(k).lower(): v for k, v in value.items()}
    captions = table.get("captions")
    return Notes(
        caption=_first(table, "caption", "description", "alt", "alt_text", "text", "title"),
        keywords=_words(table.get("keywords") or table.get("tags")),
        captions={str(k): _cut(v) for k, v in captions.items() if isinstance(v, str)}
        if isinstance(captions, dict)
        else {},
        title=_first(table, "title", "name"),
        author=_first(table, "author", "creator", "artist", "photographer"),
        licence=_first(table, "licence", "license"),
        licence_url=_first(table, "licence_url", "license_url"),
        source=_first(table, "source"),
        url=_first(table, "url", "page"),
    )


def _first(table: Mapping[str, Any], *names: str) -> str:
    return next((_cut(table[n]) for n in names if isinstance(table.get(n), str) and table[n].strip()), "")


def _words(value: object) -> tuple[str, ...]:
    parts = re.split(r"[,;\n，、；]", value) if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(dict.fromkeys(_cut(str(p)) for p in parts if str(p).strip()))


def _iptc(image: ImageFile.ImageFile) -> Notes:
    fields = IptcImagePlugin.getiptcinfo(image) or {}

    def text(number: int) -> str:
        value = fields.get((2, number), b"")
        return _bytes_text(value[0] if isinstance(value, list) else value)

    tags = fields.get((2, 25), [])
    keywords = tuple(_bytes_text(t) for t in (tags if isinstance(tags, list) else [tags]))
    return Notes(caption=text(120), title=text(5), author=text(80), keywords=tuple(k for k in keywords if k))


def _xmp(image: Image.Image) -> Notes:
    raw = image.info.get("xmp", b"")
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)

    def items(name: str) -> tuple[str, ...]:
        found = re.search(XMP_TEXT.format(name=name), text[:MAX_SIDECAR_BYTES], re.DOTALL)
        values = (re.sub(r"<[^>]+>", "", item) for item in XMP_ITEM.findall(found.group(1))) if found else ()
        return tuple(_cut(_unescape(v)) for v in values if v.strip())

    first = {name: next(iter(items(name)), "") for name in ("description", "title", "creator")}
    return Notes(
        caption=first["description"] or first["title"],
        title=first["title"],
        author=first["creator"],
        keywords=items("subject"),
    )


def _exif(image: Image.Image) -> Notes:
    tags = image.getexif()

    def windows(tag: int) -> str:
        value = tags.get(tag, b"")
        if not isinstance(value, bytes | tuple):  # damaged: `bytes` of a number would be as many zeros
            return ""
        return _cut(bytes(value).decode("utf-16-le", "ignore").strip("\x00"))

    def text(tag: int) -> str:
        value = tags.get(tag, "")
        return _bytes_text(value) if isinstance(value, bytes) else _cut(str(value))

    described = text(ExifTags.Base.ImageDescription)
    if re.fullmatch(
        r"(OLYMPUS|SONY|DIGITAL|DCIM|SAMSUNG|KONICA|MINOLTA|CAMERA|DSC|DEFAULT|[\s\W])*", described.upper()
    ):
        described = ""  # what cameras write by themselves
    title = windows(ExifTags.Base.XPTitle)
    return Notes(
        caption=described or windows(ExifTags.Base.XPComment) or windows(ExifTags.Base.XPSubject) or title,
        title=title,
        author=text(ExifTags.Base.Artist),
        keywords=_words(windows(ExifTags.Base.XPKeywords)),
    )


def _png_text(image: Image.Image) -> Notes:
    texts = {str(k).lower(): _cut(str(v)) for k, v in image.info.items() if isinstance(v, str)}
    return Notes(
        caption=texts.get("description") or texts.get("title") or "",
        title=texts.get("title", ""),
        author=texts.get("author", ""),
    )


def _bytes_text(value: object) -> str:
    if not isinstance(value, bytes):
        return ""
    try:
        return _cut(value.decode("utf-8"))
    except UnicodeDecodeError:
        return _cut(value.decode("latin-1"))


def _unescape(text: str) -> str:
    for mark, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        text = text.replace(mark, character)
    return text


def _cut(text: str) -> str:
    return " ".join(text.replace("\x00", " ").split())[:MAX_CAPTION]
