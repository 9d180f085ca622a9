"""The editor's nodes as Markdown can hold them: the one form that two equal texts share.

Nodes come from a browser and are not trusted: what is not in the schema is refused, links that could run code lose
their mark, white space that Markdown drops is dropped.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from composer.errors import UsageError
from composer.markdown import parser
from composer.ui.document import MARKS, Node, marked, merged, paragraph, text_node

DEEPEST = 24  # levels of nodes
ALIGN = {"left": ":---", "center": ":---:", "right": "---:"}


def canonical(node: Node, depth: int = 0) -> Node:
    """A node as Markdown can hold it: known attributes, no white space at edges, tables squared."""
    if not isinstance(node, dict) or depth > DEEPEST:
        raise UsageError("The page sent text that is nested too deeply or is no text. Reload it.")
    make = BLOCKS.get(str(node.get("type")))
    if make is None:
        raise UsageError(f"The page sent a {node.get('type')!r}, which no article has. Reload it.")
    return make(node, depth)


def children_of(node: Node) -> list[Node]:
    """The nodes inside a node."""
    found = node.get("content") or []
    return found if isinstance(found, list) else []


def _attr(node: Node, name: str, default: Any = None) -> Any:  # noqa: ANN401 - what a browser sent
    attrs = node.get("attrs")
    return attrs.get(name, default) if isinstance(attrs, dict) else default


def _paragraph(node: Node, depth: int) -> Node:
    content = _trimmed(_inline(node, breaks=True))
    return {"type": "paragraph", "content": content} if content else {"type": "paragraph"}


def _heading(node: Node, depth: int) -> Node:
    level = _attr(node, "level", 2)
    made: Node = {"type": "heading", "attrs": {"level": level if level in range(1, 7) else 2}}
    content = _trimmed(_inline(node, breaks=False))
    return made | {"content": content} if content else made


def _code(node: Node, depth: int) -> Node:
    language = re.sub(r"[\s`&\\]", "", str(_attr(node, "language") or "")) or None
    made: Node = {"type": "codeBlock", "attrs": {"language": language}}
    text = text_of(node).replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ").replace("\0", "")
    return made | {"content": [{"type": "text", "text": text}]} if text else made


def _rule(node: Node, depth: int) -> Node:
    return {"type": "horizontalRule"}


def _source(node: Node, depth: int) -> Node:
    return {"type": "source", "content": [{"type": "text", "text": text_of(node) or " "}]}


def _quote(node: Node, depth: int) -> Node:
    return {"type": "blockquote", "content": _inside(node, depth)}


def _list(node: Node, depth: int) -> Node:
    items = [{"type": "listItem", "content": _inside(c, depth + 1)} for c in children_of(node)]
    made: Node = {"type": node["type"]}
    if node["type"] == "orderedList":
        start = _attr(node, "start", 1)
        made["attrs"] = {"start": start if isinstance(start, int) and 0 <= start < 10**9 else 1}
    return made | {"content": items or [{"type": "listItem", "content": [paragraph()]}]}


def _inside(node: Node, depth: int) -> list[Node]:
    """The blocks of a container, without the empty paragraphs that Markdown cannot hold there."""
    blocks = [canonical(c, depth + 1) for c in children_of(node)]
    blocks = [_paragraph({"content": b["content"]}, 0) if b["type"] == "source" else b for b in blocks]
    return [b for b in blocks if b != paragraph()] or [paragraph()]


def _table(node: Node, depth: int) -> Node:
    rows = [[_cell(c) for c in children_of(row)] for row in children_of(node)]
    width = max([1, *map(len, rows)])
    rows = rows or [[]]
    aligns = [rows[0][i][1] if i < len(rows[0]) else None for i in range(width)]
    made = []
    for number, row in enumerate(rows):
        kind = "tableCell" if number else "tableHeader"
        texts = [*(text for text, _ in row), *([paragraph()] * (width - len(row)))]
        cells = [
            {"type": kind, "attrs": {"align": align}, "content": [text]}
            for text, align in zip(texts, aligns, strict=True)
        ]
        made.append({"type": "tableRow", "content": cells})
    return {"type": "table", "content": made}


def _cell(node: Node) -> tuple[Node, str | None]:
    """The paragraph of a cell and its alignment; several paragraphs become one line."""
    parts: list[Node] = []
    for child in children_of(node):
        parts += [text_node(" ", [])] if parts else []
        parts += _inline(child, breaks=False)
    align = _attr(node, "align")
    return _paragraph({"content": parts}, 0), align if align in ALIGN else None


def _inline(node: Node, *, breaks: bool) -> list[Node]:
    found: list[Node] = []
    for child in children_of(node):
        kind = child.get("type") if isinstance(child, dict) else None
        if kind == "text":
            found.append(text_node(_line(str(child.get("text", ""))), _marks(child)))
        elif kind == "hardBreak":
            found.append({"type": "hardBreak"} if breaks else text_node(" ", []))
        elif kind == "stray":
            attrs = {k: _attr(child, k) for k in ("src", "alt", "title")}
            found.append(marked({"type": "stray", "attrs": attrs}, [m for m in _marks(child) if m["type"] != "code"]))
        else:
            raise UsageError(f"The page sent a {kind!r} inside a line of text. Reload it.")
    return merged(found)


def _line(text: str) -> str:
    return re.sub(r"[\n\r\t\v\f\x1c-\x1e\x85\u2028\u2029]", " ", text).replace("\0", "\ufffd")


def _marks(node: Node) -> list[Node]:
    found: list[Node] = []
    for mark in node.get("marks") or []:
        kind = mark.get("type") if isinstance(mark, dict) else None
        href = str(_attr(mark, "href") or "") if kind == "link" else ""
        if kind == "link" and href and parser().validateLink(href):
            title = _attr(mark, "title")
            attrs = {"href": parser().normalizeLink(href), "title": _line(str(title)).strip() if title else None}
            found.append({"type": "link", "attrs": attrs})
        elif kind in MARKS and kind != "link":
            found.append({"type": kind})
    return found


def _trimmed(content: Sequence[Node]) -> list[Node]:
    """Inline content without white space at the edges of lines and marks, and without breaks at its ends."""
    nodes = [part for node in content for part in _edges_bare(node)]
    nodes = merged(nodes)
    while nodes and (nodes[0]["type"] == "hardBreak" or not str(nodes[0].get("text", "x")).strip()):
        nodes.pop(0)
    while nodes and (nodes[-1]["type"] == "hardBreak" or not str(nodes[-1].get("text", "x")).strip()):
        nodes.pop()
    last = len(nodes) - 1
    for place, node in enumerate(nodes):
        if node["type"] != "text":
            continue
        text = node["text"]
        if place == 0 or nodes[place - 1]["type"] == "hardBreak":
            text = text.lstrip()
        if place == last or nodes[place + 1]["type"] == "hardBreak":
            text = text.rstrip()
        nodes[place] = node | {"text": text}
    joined = merged(nodes)
    return joined if joined == list(content) else _trimmed(joined)


def _edges_bare(node: Node) -> Iterator[Node]:
    """A marked text with its outer white space unmarked; code keeps it."""
    marks = node.get("marks") or []
    if node["type"] != "text" or not marks or any(m["type"] == "code" for m in marks):
        yield node
        return
    text = node["text"]
    body = text.strip()
    start = text.find(body) if body else len(text)
    yield text_node(text[:start], [])
    yield text_node(body, marks)
    yield text_node(text[start + len(body) :], [])


def text_of(node: Node) -> str:
    """The plain text of a node's own text nodes."""
    return "".join(str(c.get("text", "")) for c in children_of(node) if isinstance(c, dict))


BLOCKS: dict[str, Callable[[Node, int], Node]] = {
    "paragraph": _paragraph,
    "heading": _heading,
    "codeBlock": _code,
    "horizontalRule": _rule,
    "source": _source,
    "blockquote": _quote,
    "bulletList": _list,
    "orderedList": _list,
    "table": _table,
}
