"""Fields of web answers as plain text: they may hold HTML, nothing, or anything else."""

import re
import unicodedata
from html.parser import HTMLParser

SILENT = frozenset(["script", "style", "template", "head", "noscript", "iframe", "object"])
INLINE = frozenset(
    ["a", "b", "i", "em", "strong", "span", "bdi", "small", "big", "sup", "sub", "u", "font", "abbr", "cite"]
)
LONGEST = 300  # characters
TURNING = frozenset(
    "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)  # of what stands behind


def plain(value: object, longest: int = LONGEST) -> str:
    """One line of text without tags or control characters, cut at a word; "" for what is no text or number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    reader = _Reader()
    reader.feed(str(value)[: 20 * longest])
    reader.close()
    text = "".join(c for c in "".join(reader.pieces) if c.isspace() or _shows(c))
    text = " ".join(text.split())
    return text if len(text) <= longest else text[:longest].rsplit(" ", 1)[0] + " …"


def first_link(value: object) -> str:
    """The first https address that HTML links to; "" where there is none. `//host/path` is taken for https."""
    found = re.search(r"""href\s*=\s*["']\s*((?:https?:)?//[^\s"'<>]+)["']""", value if isinstance(value, str) else "")
    return web(found[1]) if found else ""


def web(value: object) -> str:
    """A web address; "" for anything else."""
    text = value.strip() if isinstance(value, str) else ""
    text = f"https:{text}" if text.startswith("//") else text
    return text if text.isprintable() and re.fullmatch(r"https?://[^\s<>\"'\\]{3,2000}", text) else ""


def number(value: object) -> int:
    """A whole number; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _shows(character: str) -> bool:
    """Whether a character is one that a reader may see; those that join letters stay, scripts need them."""
    return unicodedata.category(character) not in ("Cc", "Cs") and character not in TURNING


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._silent and tag in SILENT:
            self._silent = tag
        self._gap(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == self._silent:
            self._silent = ""
        self._gap(tag)

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(data)

    def _gap(self, tag: str) -> None:
        if tag not in INLINE:
            self.pieces.append(" ")
