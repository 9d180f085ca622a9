"""The editor's nodes as Markdown that reads back as the same nodes.

Text is first written plainly; where that would not read back as it was, every mark is escaped and what
stands beside a delimiter is written as a character reference (`**「你好」**&#28982;后`), which every reader of Markdown takes.
"""

import re
from collections.abc import Sequence
from functools import partial
from itertools import groupby

from composer.ui.canonical import ALIGN, canonical, children_of, text_of
from composer.ui.document import MARKS, Node, to_node

DELIMITER = {"bold": "**", "italic": "*", "strike": "~~"}
PUNCTUATION = re.compile(r"""([!"#$%&'()*+,\-./:;<=>?@\[\]\\^_`{|}~])""")
LIGHT = re.compile(r"([\\`*\[\]~]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|<(?=[\w/!?]))")
OPENER = re.compile(r"^(\s*)(#{1,6}(?=\s|$)|[-+>]|=+\s*$|\d{1,9}(?=[.)]))")


def to_markdown(node: Node) -> str:
    """The Markdown of a block. Raises UsageError for what is no node of the schema."""
    wanted = canonical(node)
    if wanted["type"] == "source":
        return text_of(wanted)
    for careful in (False, True):
        markdown = Writer(careful=careful).block(wanted)
        if to_node(markdown) == wanted:
            return markdown
    return markdown


class Writer:
    """Writes canonical nodes as Markdown; `careful`: everything that could be a mark is escaped."""

    def __init__(self, *, careful: bool) -> None:
        self._careful = careful

    def block(self, node: Node) -> str:
        """One block and what is in it."""
        content = children_of(node)
        match node["type"]:
            case "paragraph":
                return self._lines(content)
            case "heading":
                return "#" * int(node["attrs"]["level"]) + " " + self._spans(content)
            case "codeBlock":
                return self._fenced(node)
            case "horizontalRule":
                return "___" if self._careful else "---"
            case "blockquote":
                return "\n".join(f"> {line}" if line else ">" for line in self._stacked(content).split("\n"))
            case "table":
                return self._table(content)
            case _:
                return self._items(node, "-", "1.")

    def _stacked(self, blocks: Sequence[Node]) -> str:
        """Blocks one below the other; a list behind a list gets another mark, else they would be one."""
        parts: list[str] = []
        for kind, group in groupby(blocks, key=lambda b: b["type"]):
            for number, block in enumerate(group):
                bullet, point = ("*", "1)") if number % 2 else ("-", "1.")
                parts.append(self._items(block, bullet, point) if kind.endswith("List") else self.block(block))
        return "\n\n".join(parts)

    def _items(self, node: Node, bullet: str, point: str) -> str:
        items = children_of(node)
        loose = self._careful or any(len(children_of(i)) > 1 for i in items)
        number, lines = node.get("attrs", {}).get("start", 0), []
        for item in items:
            mark = bullet if node["type"] == "bulletList" else f"{number}{point[1:]}"
            number += 1
            text = self._stacked(children_of(item))
            pad = " " * (len(mark) + 1)
            body = "\n".join(f"{pad}{line}" if line else "" for line in text.split("\n")).lstrip(" ")
            lines.append(f"{mark} {body}".rstrip() if body else mark)
        return ("\n\n" if loose else "\n").join(lines)

    def _fenced(self, node: Node) -> str:
        text = text_of(node)
        longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
        fence = "`" * max(3, longest + 1)
        opening = f"{fence}{node['attrs']['language'] or ''}"
        return f"{opening}\n{text}\n{fence}" if text else f"{opening}\n{fence}"

    def _table(self, rows: Sequence[Node]) -> str:
        lines = []
        for number, row in enumerate(rows):
            cells = [self._spans(children_of(children_of(cell)[0]), in_table=True) for cell in children_of(row)]
            lines.append(f"| {' | '.join(cells)} |")
            if number == 0:
                marks = [ALIGN.get(cell["attrs"]["align"] or "", "---") for cell in children_of(row)]
                lines.append(f"| {' | '.join(marks)} |")
        return "\n".join(lines)

    def _lines(self, content: Sequence[Node]) -> str:
        text = self._spans(content)
        return "\n".join(OPENER.sub(_escaped_opener, line) for line in text.split("\n"))

    def _spans(self, content: Sequence[Node], *, in_table: bool = False) -> str:
        """Inline content: a mark stays open over all texts that have it."""
        out, stack = list[str](), list[Node]()
        for place, node in enumerate(content):
            marks = [m for m in node.get("marks") or [] if m["type"] != "code"]
            if node["type"] == "hardBreak":
                marks = self._through(content, place, stack)
            keep = next((i for i, m in enumerate(stack) if m not in marks), len(stack))
            for mark in reversed(stack[keep:]):
                out.append(self._close(mark))
            stack = stack[:keep]
            fresh = [m for m in marks if m not in stack]
            for mark in sorted(fresh, key=partial(self._reach, content, place), reverse=True):
                out.append(self._open(mark))
                stack.append(mark)
            out.append(self._atom(node, in_table=in_table, touching=self._touching(content, place)))
        return "".join([*out, *(self._close(m) for m in reversed(stack))])

    def _through(self, content: Sequence[Node], place: int, stack: list[Node]) -> list[Node]:
        following = next((n for n in content[place + 1 :] if n["type"] != "hardBreak"), {})
        return [m for m in stack if m in (following.get("marks") or [])]

    def _reach(self, content: Sequence[Node], place: int, mark: Node) -> tuple[int, int]:
        """How far a mark goes, so that the longest is opened first; links outermost among equals."""
        end = place
        while end < len(content) and (content[end]["type"] == "hardBreak" or mark in (content[end].get("marks") or [])):
            end += 1
        return end, -MARKS.index(mark["type"])

    def _touching(self, content: Sequence[Node], place: int) -> tuple[bool, bool]:
        """Whether marks change before and behind a text: its edges then stand beside delimiters."""
        here = content[place].get("marks") or []
        before = place > 0 and (content[place - 1].get("marks") or []) != here
        behind = place + 1 < len(content) and (content[place + 1].get("marks") or []) != here
        return before or bool(here), behind or bool(here)

    def _atom(self, node: Node, *, in_table: bool, touching: tuple[bool, bool]) -> str:
        if node["type"] == "hardBreak":
            return "\\\n"
        if node["type"] == "stray":
            attrs = node["attrs"]
            return f"!{_link(PUNCTUATION.sub(_backslash, str(attrs['alt'] or '')), attrs['src'], attrs['title'])}"
        text: str = node["text"]
        if any(m["type"] == "code" for m in node.get("marks") or []):
            return _code_span(text.replace("|", "\\|") if in_table else text)
        written = self._text(text, touching)
        return written.replace("|", "\\|") if in_table and not self._careful else written

    def _text(self, text: str, touching: tuple[bool, bool]) -> str:
        if not self._careful:
            return LIGHT.sub(r"\\\1", text)
        first, last = 0, len(text)
        head = tail = ""
        if touching[0] and text:
            head, first = f"&#{ord(text[0])};", 1
        if touching[1] and last > first:
            tail, last = f"&#{ord(text[-1])};", last - 1
        return head + PUNCTUATION.sub(_backslash, text[first:last]) + tail

    def _open(self, mark: Node) -> str:
        return "[" if mark["type"] == "link" else self._delimiter(mark)

    def _close(self, mark: Node) -> str:
        return (
            _link("", mark["attrs"]["href"], mark["attrs"]["title"])[1:]
            if mark["type"] == "link"
            else self._delimiter(mark)
        )

    def _delimiter(self, mark: Node) -> str:
        return "_" if self._careful and mark["type"] == "italic" else DELIMITER[mark["type"]]


def _backslash(match: re.Match[str]) -> str:
    return f"\\{match[0]}"


def _escaped_opener(match: re.Match[str]) -> str:
    space, mark = match[1], match[2]
    return f"{space}{mark}\\" if mark[0].isdigit() else f"{space}\\{mark}"


def _code_span(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    padded = (
        f" {text} " if text[:1] == "`" or text[-1:] == "`" or (text.strip(" ") and text[0] == text[-1] == " ") else text
    )
    return f"{fence}{padded}{fence}"


def _link(text: str, href: str, title: str | None) -> str:
    address = str(href or "")
    if re.search(r"[\s()<>\\]|^$", address):
        address = "<" + re.sub(r"([<>\\])", r"\\\1", address) + ">"
    quoted = ' "' + PUNCTUATION.sub(_backslash, title) + '"' if title else ""
    return f"[{text}]({address}{quoted})"
