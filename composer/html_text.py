"""A page of HTML as Markdown: headings, paragraphs, lists, quotes, code, tables, links, emphasis and pictures.

Everything else is dropped: scripts, styles, forms, frames. Links that could run code lose their address.
"""

import re
from html.parser import HTMLParser

SILENT = frozenset(
    ["script", "style", "head", "template", "svg", "iframe", "object", "form", "nav", "noscript", "button"]
)
BLOCKS = frozenset(
    [
        "p",
        "div",
        "section",
        "article",
        "main",
        "header",
        "footer",
        "figure",
        "figcaption",
        "aside",
        "body",
        "dl",
        "dd",
        "dt",
    ]
)
MARK = {"strong": "**", "b": "**", "em": "*", "i": "*", "s": "~~", "del": "~~"}
SPECIAL = re.compile(r"([\\`*_\[\]<>])")


def html_to_markdown(html: str) -> str:
    """The readable part of a page as Markdown blocks."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    reader.flush()
    return "\n\n".join(reader.blocks)


class Reader(HTMLParser):
    """Collects blocks while tags go by; what is never closed is closed at the next block."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[str] = []
        self._line = ""
        self._prefix: list[str] = []  # of list items and quotes, outermost first
        self._counts: list[int] = []  # of the lists that are open; 0: not numbered
        self._silent: list[str] = []
        self._marks: list[str] = []
        self._href: list[str] = []
        self._pre: list[str] | None = None
        self._rows: list[list[str]] | None = None
        self._level = 0
        self._caption = False  # inside a picture's caption, before its credit

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {k: v or "" for k, v in attrs}
        if self._silent or tag in SILENT:
            if tag in SILENT:
                self._silent.append(tag)
        elif tag == "br":
            self._line += "\\\n" if self._line.strip() else ""
        elif tag in MARK:
            self._marks.append(MARK[tag])
            self._line += MARK[tag]
        elif tag == "code" and self._pre is None:
            self._line += "`"
        elif tag == "a":
            self._href.append(given.get("href", ""))
            self._line += "["
        elif tag == "img" and given.get("src"):
            self.flush()
            alt = SPECIAL.sub(r"\\\1", " ".join(given.get("alt", "").split()))
            self._put(
                f"![{alt}](<{given['src'].replace('<', '%3C').replace('>', '%3E')}>)"
                if not given["src"].startswith("data:")
                else ""
            )
        else:
            self._open(tag, given)

    def _open(self, tag: str, given: dict[str, str]) -> None:  # noqa: C901 - one arm a tag
        if re.fullmatch(r"h[1-6]", tag):
            self.flush()
            self._level = int(tag[1])
        elif tag == "pre":
            self.flush()
            self._pre = []
        elif tag in ("ul", "ol"):
            self.flush()
            start = given.get("start", "1")
            self._counts.append(int(start) if tag == "ol" and start.isdecimal() else (1 if tag == "ol" else 0))
        elif tag == "li":
            self.flush()
            self._prefix.append("li")
        elif tag == "blockquote":
            self.flush()
            self._prefix.append("> ")
        elif tag == "table":
            self.flush()
            self._rows = []
        elif tag == "tr" and self._rows is not None:
            self._rows.append([])
        elif tag == "figcaption":
            self.flush()
            self._caption, self._line = True, "*"
        elif tag == "small" and self._caption:
            self._caption, self._line = False, _captioned(self._line) + " "
        elif tag == "hr":
            self.flush()
            self._put("---")
        elif tag in BLOCKS and self._rows is None:
            self.flush()

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag == self._silent[-1]:
                self._silent.pop()
        elif tag in MARK and MARK[tag] in self._marks:
            self._marks.remove(MARK[tag])
            self._line = _closed(self._line, MARK[tag])
        elif tag == "code" and self._pre is None:
            self._line += "`"
        elif tag == "a" and self._href:
            href = self._href.pop()
            safe = bool(re.match(r"(https?:|mailto:|tel:|#|/|\.)", href))
            self._line += f"](<{href}>)" if safe else "]"
            if not safe:
                start = self._line.rfind("[")
                self._line = self._line[:start] + self._line[start + 1 : -1]
        elif tag in ("td", "th") and self._rows:
            self._rows[-1].append(" ".join(self._line.replace("\\\n", " ").split()).replace("|", "\\|"))
            self._line = ""
        elif tag == "table" and self._rows is not None:
            self._table()
        elif tag == "pre" and self._pre is not None:
            text = "".join(self._pre).strip("\n")
            self._pre = None
            self._put("```\n" + text.replace("```", "'''") + "\n```")
        else:
            self._close(tag)

    def _close(self, tag: str) -> None:
        if tag == "figcaption" and self._caption:
            self._caption, self._line = False, _captioned(self._line)
        if tag in BLOCKS or re.fullmatch(r"h[1-6]", tag):
            if self._rows is None:
                self.flush()
            self._level = 0
        elif tag in ("li", "blockquote"):
            self.flush()
            if self._prefix:
                self._prefix.pop()
        elif tag in ("ul", "ol") and self._counts:
            self.flush()
            self._counts.pop()

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        if self._pre is not None:
            self._pre.append(data)
            return
        text = SPECIAL.sub(r"\\\1", re.sub(r"\s+", " ", data))
        self._line += text.lstrip() if not self._line or self._line.endswith(("\n", " ")) else text

    def flush(self) -> None:
        """End the block that is being read."""
        for mark in reversed(self._marks):
            self._line = _closed(self._line, mark)
        again = "".join(self._marks)
        text = self._line.strip()
        self._line = again
        if text and text != again:
            self._put(("#" * self._level + " " if self._level else "") + text)

    def _put(self, text: str) -> None:
        """A block, or a line of the list that is open."""
        if not text:
            return
        if "li" in self._prefix and self._counts:
            depth, count = len(self._counts) - 1, self._counts[-1]
            mark = f"{count}." if count else "-"
            if count:
                self._counts[-1] += 1
            line = "   " * depth + f"{mark} {text}"
            if self.blocks and re.match(r"\s*([-]|\d+\.) ", self.blocks[-1].rsplit("\n", 1)[-1]):
                self.blocks[-1] += "\n" + line
            else:
                self.blocks.append(line)
            return
        quote = "".join(p for p in self._prefix if p != "li")
        self.blocks.append("\n".join(quote + line for line in text.split("\n")) if quote else text)

    def _table(self) -> None:
        rows = [r for r in self._rows or [] if r]
        self._rows = None
        width = max((len(r) for r in rows), default=0)
        if not width:
            return
        lines = ["| " + " | ".join([*r, *[""] * (width - len(r))]) + " |" for r in rows]
        self.blocks.append("\n".join([lines[0], "| " + " | ".join(["---"] * width) + " |", *lines[1:]]))


def _captioned(line: str) -> str:
    """A picture's caption in emphasis, as exports write it; nothing for an empty one."""
    text = line[1:].strip()
    return f"*{text}*" if text else ""


def _closed(line: str, mark: str) -> str:
    """A line with a mark closed behind its last word, or without it where it holds nothing."""
    start = line.rfind(mark)
    inside = line[start + len(mark) :]
    if not inside.strip():
        return line[:start] + inside
    body = inside.strip()
    lead, trail = inside[: len(inside) - len(inside.lstrip())], inside[len(inside.rstrip()) :]
    return f"{line[:start]}{lead}{mark}{body}{mark}{trail}"
