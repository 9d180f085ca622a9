"""Clean captions for Openclipart: from titles, file names, keywords and folders, of which any may be useless.

A title that several different files share says who made them or in which batch, so then the file's name speaks. Knows
the package's own mess; `assets/openclipart.toml` holds what is known of it beyond rules.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

from defusedxml import ElementTree

from retrieval.packs_read import Raw

KNOWN = Path(__file__).resolve().parent.parent / "assets" / "openclipart.toml"
SHARED = 3  # files of one title, from which on it is not believed
DC = "{http://purl.org/dc/elements/1.1/}"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
BY_LINE = re.compile(r"^clipart by nicu buculei\s*-?|^r16 sibmission|^(homes|various) clip ?arts?|^svg ", re.IGNORECASE)
FILLER = re.compile(
    r"\b(clip ?art|svg|icons?|vector|architetto|architett|architet|francesco|franc\w*|rollandin|v?\d+(\.\d+)?|md|aj"
    r"|benji|park|jean.?victor|bali|balin|nicu|bucu\w*|uliphant|frederic|moser|submission|png)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A drawing and what its own metadata says."""

    path: Path
    folders: tuple[str, ...]
    title: str
    keywords: tuple[str, ...]
    author: str


def read_openclipart(root: Path) -> Iterator[Raw]:
    """The drawings that illustrate something, each with a caption of at least one telling word."""
    base = root / "root" / "usr" / "share" / "openclipart" / "svg"
    entries = [_entry(path, base) for path in sorted(base.rglob("*.svg")) if _wanted(path, base)]
    titles = Counter(e.title for e in entries)
    seen: set[bytes] = set()
    for entry in entries:
        data = entry.path.read_bytes()
        caption = caption_of(entry, titles[entry.title])
        if caption and data not in seen:  # the same drawing lies in several folders
            seen.add(data)
            yield Raw(
                path=entry.path,
                caption=caption,
                keywords=_keywords(entry, caption),
                title=entry.title or caption,
                author=entry.author,
            )


def caption_of(entry: Entry, shared_by: int) -> str:
    """Title in English; the file name where many files share the title; keyword or folder where neither speaks."""
    title = translated(_clean(entry.title))
    name = translated(_clean(entry.path.stem))
    believed = bool(title) and shared_by <= SHARED and not BY_LINE.match(entry.title)
    if not believed and title and _slug(entry.path.stem).startswith(_slug(entry.title)[:8]):
        believed = True  # the file is named after the title, so the title is of this file
    caption = title if believed else name if len(name) > 2 and not _means_nothing(name) else ""
    topic = (*entry.keywords, *reversed(entry.folders))
    if not caption or _means_nothing(caption):
        caption = next((w for w in topic if w not in _known()["noise"]), "")
    for mark, words in (("roadsigns", "road sign"), ("map", "map")):
        if mark in topic and words not in caption and caption:
            caption = f"{caption} {words}"
    return caption[:120]


@cache
def _known() -> Mapping[str, Any]:
    table = tomllib.loads(KNOWN.read_text(encoding="utf-8"))
    return table | {"noise": frozenset(table["noise"])}


def translated(text: str) -> str:
    """An Italian title in English, any other as it is; the longest known beginning decides."""
    table: Mapping[str, str] = _known()["translations"]
    lower = text.lower()
    best = max((k for k in table if re.match(rf"{re.escape(k)}\b", lower)), key=len, default="")
    return table[best] if best else text


def _wanted(path: Path, base: Path) -> bool:
    inside = path.relative_to(base)
    if inside.parts[0] not in _known()["folders"] or path.is_symlink():
        return False
    lower = inside.as_posix().lower()
    return not any(part in lower for part in _known()["skip"])


def _entry(path: Path, base: Path) -> Entry:
    folders = tuple(part.replace("_", " ").lower() for part in path.relative_to(base).parts[:-1])
    return Entry(path, folders, *_rdf(path))


def _rdf(path: Path) -> tuple[str, tuple[str, ...], str]:
    """Title, keywords and author of an SVG's metadata; empty where it has none or is broken."""
    try:
        tree = ElementTree.parse(path)
    except Exception:  # a broken drawing or a forbidden entity; the renderer decides whether it can be shown
        return "", (), ""
    work = next((e for e in tree.iter() if e.tag.endswith("}Work")), None)
    if work is None:
        return "", (), ""
    title = unescape(" ".join((work.findtext(f"{DC}title") or "").split()))
    words = (" ".join(e.text.split()).lower() for e in work.iter(f"{RDF}li") if e.text and e.text.strip())
    creator = work.find(f"{DC}creator")
    names = (e.text.strip() for e in creator.iter(f"{DC}title") if e.text) if creator is not None else iter(())
    return title, tuple(dict.fromkeys(words)), re.sub(r"\s*[(<]?\S+@\S+[)>]?", "", next(names, ""))


def _keywords(entry: Entry, caption: str) -> tuple[str, ...]:
    noise, told = _known()["noise"], caption.lower().split()
    words = (w for w in (*entry.keywords, *reversed(entry.folders)) if w not in noise and w not in told)
    return tuple(dict.fromkeys(w for w in words if 2 < len(w) < 30 and not w.isdigit() and "@" not in w))[:8]


def _clean(title: str) -> str:
    """No numbering, no underscores, no maker, no words about its being clip art."""
    text = re.sub(r"\S+@\S+|\(.*?\)|\([^)]*$", " ", BY_LINE.sub(" ", title))
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"[_\-.#!?]+", " ", text))
    text = re.sub(r"(?<=[A-Za-z])\d+\b", " ", text)
    text = FILLER.sub(" ", text)
    text = re.sub(r"\b(bw|b and w|b w)\b", "black and white", text, flags=re.IGNORECASE)
    return " ".join(text.split()).strip(" ,;:-").lower()


def _slug(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())


def _means_nothing(text: str) -> bool:
    return len(_slug(text)) < 3 or text in _known()["noise"]
