"""From what a person types or uploads to a Brief, validated once.

A brief's text may hold its own specification, one entry a line or a list under it ("Tone: ...", "Must mention: ...",
语气：……); `templates/specification.toml` lists the words for each entry.
"""

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from composer.article import Brief, Material, OutlineItem
from composer.errors import UsageError
from composer.markdown import CJK
from composer.prompts import TEMPLATES, kinds, languages
from composer.sizes import sizes_said
from retrieval.picture import Picture
from retrieval.web.sources import read_names

MAX_BRIEF = 40_000  # characters
MAX_MATERIAL = 400_000  # characters of one file
MAX_WORDS, MAX_IMAGES, MAX_SECTIONS = 20_000, 40, 40
LENGTH = re.compile(r"\s*[（(\[]\s*(?:about|ca\.?|~|约)?\s*(\d{2,5})\s*(?:words?|w|字|词)\s*[)）\]]\s*$", re.IGNORECASE)
BULLET = re.compile(r"^(?:[-*+•·]|\d+[.)、]|[（(]\d+[)）]|[一二三四五六七八九十]+[、.])\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What was asked for beside the brief's text; what is left at its default may be said in the text."""

    title: str = ""
    outline: str = ""
    material: tuple[Material, ...] = ()
    references: tuple[Picture, ...] = ()
    uploads: tuple[Picture, ...] = ()
    language: str = "auto"
    words: int = 0  # 0: as the text says, else 800
    images: int | None = None  # None: as the text says, else the plan decides
    kind: str = "explainer"
    tone: str = ""
    audience: str = ""
    must_mention: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    seed: int = 0
    web: tuple[str, ...] = ()


@dataclass(slots=True)
class Specification:
    """The entries found in a brief's text, and the text without them."""

    rest: str = ""
    entries: dict[str, list[str]] = field(default_factory=dict)

    def first(self, name: str) -> str:
        """An entry's only value; "" when it was not given."""
        return " ".join(self.entries.get(name, []))

    def number(self, name: str) -> int | None:
        """The first number in an entry."""
        found = re.search(r"\d+", self.first(name))
        return int(found.group()) if found else None


def make_brief(text: str, wishes: Wishes) -> Brief:
    """A validated brief. Raises UsageError that says what to change."""
    _check(text, wishes)
    found = read_specification(text)
    outline = read_outline(wishes.outline or "\n".join(found.entries.get("outline", [])))
    title, items = outline
    said_words, said_images = sizes_said(found.rest)
    images = next((n for n in (wishes.images, found.number("images"), said_images) if n is not None), None)
    planned = sum(i.words for i in items) if all(i.words for i in items) else 0
    words = wishes.words or found.number("words") or planned or said_words or 800
    _limits(words, images, items)
    return Brief(
        instruction=found.rest or text.strip(),
        title=wishes.title or title,
        outline=items,
        material=wishes.material,
        references=wishes.references,
        uploads=wishes.uploads,
        language=detect_language(text) if wishes.language == "auto" else wishes.language,
        words=words,
        images=images,
        kind=wishes.kind,
        tone=wishes.tone or found.first("tone"),
        audience=wishes.audience or found.first("audience"),
        must_mention=(*wishes.must_mention, *found.entries.get("must_mention", [])),
        avoid=(*wishes.avoid, *found.entries.get("avoid", [])),
        seed=wishes.seed,
        web=read_names(",".join(wishes.web)),
    )


def read_text(path: Path) -> str:
    """A text file, decoded. Raises UsageError for what is no text, says what it seems to be and what to do."""
    return decode_text(read_bytes(path), path.name)


def read_bytes(path: Path) -> bytes:
    """A file that a person named. Raises UsageError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror}.") from error


def decode_text(data: bytes, name: str) -> str:
    """UTF-8 or UTF-16 with its mark, as text. Raises UsageError on anything else."""
    if data.startswith(b"%PDF"):
        raise UsageError(f"{name} is a PDF. Save its text as .txt or .md (for example with pdftotext) and give that.")
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise UsageError(f"{name} is an office or zip file. Save it as plain text or Markdown and give that.")
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{name} is not UTF-8 text (byte {error.start}). Save it as UTF-8 and give it again."
        ) from error
    if "\x00" in text:
        raise UsageError(f"{name} is not a text file. Give .txt or .md in UTF-8.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_specification(text: str) -> Specification:
    """The entries of a specification inside a brief."""
    result, rest, current = Specification(), [], None
    for line in text.splitlines():
        name, value = _entry(line)
        if name:
            current = name
            result.entries.setdefault(name, []).extend(_values(name, value))
        elif current and BULLET.match(line.strip()):
            item = line.rstrip() if current == "outline" else BULLET.sub("", line.strip()).strip()
            result.entries[current].append(item)
        elif line.strip():
            current = None
            rest.append(line)
        else:
            rest.append(line)
    result.rest = re.sub(r"\n{3,}", "\n\n", "\n".join(rest)).strip()
    return result


def read_outline(text: str) -> tuple[str, tuple[OutlineItem, ...]]:
    """A title ("" for none) and sections from headings, a list, or plain lines; what is indented under one is notes."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    levels = [len(line) - len(line.lstrip("#")) for line in lines if line.startswith("#")]
    title, items = "", list[tuple[str, list[str]]]()
    for line in lines:
        level = len(line) - len(line.lstrip("#"))
        if level and level == min(levels) and levels.count(level) == 1 and len(levels) > 1:
            title = line.lstrip("#").strip()
        elif _opens_section(line, level, levels):
            items.append((BULLET.sub("", line.lstrip("#").strip()).strip(), []))
        elif items:
            items[-1][1].append(BULLET.sub("", line.lstrip("#").strip()).strip())
    return title, tuple(_item(head, notes) for head, notes in items if head)


def detect_language(text: str) -> str:
    """The code of the language a text is written in; "en" when nothing tells."""
    if len(CJK.findall(text)) * 4 >= len(re.findall(r"\w", text)) > 0:
        if re.search(r"[\u3040-\u30ff]", text):
            return "ja"
        return "ko" if re.search(r"[\uac00-\ud7af]", text) else "zh"
    words = re.findall(r"[^\W\d_]+", text.lower())
    counts = {code: sum(w in language.common for w in words) for code, language in languages().items()}
    best = max(counts, key=lambda code: counts[code])
    return best if counts[best] > counts["en"] else "en"


def _check(text: str, wishes: Wishes) -> None:
    if not text.strip():
        raise UsageError("The brief is empty. Say in a sentence or more what the article is about.")
    if len(text) > MAX_BRIEF:
        raise UsageError(
            f"The brief has {len(text):,} characters; at most {MAX_BRIEF:,} can be read. "
            "Say what you want in the brief and give long texts as material."
        )
    for material in wishes.material:
        if len(material.text) > MAX_MATERIAL:
            raise UsageError(
                f"{material.name} has {len(material.text):,} characters, at most {MAX_MATERIAL:,} fit. Split it."
            )
    if wishes.kind not in kinds():
        raise UsageError(f"There is no kind {wishes.kind!r}. Choose one of: {', '.join(kinds())}.")
    if not re.fullmatch(r"auto|[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", wishes.language):
        raise UsageError(f"{wishes.language!r} is no language code. Say auto, en, zh, de, pt-BR, ...")


def _limits(words: int, images: int | None, items: tuple[OutlineItem, ...]) -> None:
    if not 50 <= words <= MAX_WORDS:
        raise UsageError(f"An article has 50 to {MAX_WORDS:,} words; {words} were asked for.")
    if images is not None and not 0 <= images <= MAX_IMAGES:
        raise UsageError(f"An article has 0 to {MAX_IMAGES} pictures; {images} were asked for.")
    if len(items) > MAX_SECTIONS:
        raise UsageError(f"The outline has {len(items)} sections; at most {MAX_SECTIONS}. Make two articles of it.")


@cache
def _names() -> tuple[tuple[str, str], ...]:
    table = tomllib.loads((TEMPLATES / "specification.toml").read_text(encoding="utf-8"))
    return tuple((word.lower(), entry) for entry, words in table.items() for word in words)


def _entry(line: str) -> tuple[str, str]:
    head, mark, value = re.sub(r"^[#\s*_-]+", "", line).replace("：", ":").partition(":")
    key = head.strip(" *_").lower()
    found = next((entry for word, entry in _names() if word == key), "") if mark else ""
    return (found, value.strip(" *_")) if found else ("", "")


def _values(name: str, value: str) -> list[str]:
    if not value:
        return []
    if name in ("must_mention", "avoid", "outline"):
        return [v for part in re.split(r"[;；]", value) if (v := part.strip(" .。"))]
    return [value]


def _opens_section(line: str, level: int, levels: list[int]) -> bool:
    if levels:
        section_level = min(levels) + 1 if levels.count(min(levels)) == 1 and len(levels) > 1 else min(levels)
        return level == section_level
    return not line[:1].isspace()


def _item(head: str, notes: list[str]) -> OutlineItem:
    length = LENGTH.search(head)
    title = LENGTH.sub("", head).strip() if length else head
    return OutlineItem(title=title, words=int(length.group(1)) if length else 0, notes="; ".join(n for n in notes if n))
