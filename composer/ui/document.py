"""Markdown blocks as the nodes of the browser's editor (ProseMirror's JSON), one node a block.

Knows the editor's schema (assets/editor/src/schema.js) and Markdown; the way back is `composer.ui.source`. What the
schema has no node for is a "source" node that shows the Markdown itself, so nothing is ever dropped.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from composer.markdown import parser

Node = dict[str, Any]
Marks = tuple[tuple[str, str, str], ...]  # (type, href, title), in the order of MARKS
MARKS = ("link", "bold", "italic", "strike", "code")  # from the outside in
OF_TOKEN = {"strong": "bold", "em": "italic", "s": "strike"}
CONTAINERS = {"blockquote": "blockquote", "list_item": "listItem"}


def to_node(markdown: str) -> Node:
    """The node that shows a block."""
    return dict(_cached(markdown))


def to_nodes(markdown: str) -> list[Node]:
    """Every top-level block of a Markdown text as a node of its own."""
    tree = SyntaxTreeNode(parser().parse(markdown))
    return [_block(child) for child in tree.children]


def paragraph(text: str = "") -> Node:
    """A paragraph of plain text."""
    return {"type": "paragraph", "content": [{"type": "text", "text": text}]} if text else {"type": "paragraph"}


@lru_cache(maxsize=8192)
def _cached(markdown: str) -> Node:
    nodes = to_nodes(markdown)
    if len(nodes) == 1:
        return nodes[0]
    if not markdown.strip():
        return paragraph()
    return {"type": "source", "content": [{"type": "text", "text": markdown}]}


def _block(node: SyntaxTreeNode) -> Node:
    match node.type:
        case "paragraph":
            return _with("paragraph", _inline(node))
        case "heading":
            return _with("heading", _inline(node), level=int(node.tag[1]))
        case "bullet_list":
            return _with("bulletList", [_block(c) for c in node.children])
        case "ordered_list":
            return _with("orderedList", [_block(c) for c in node.children], start=int(node.attrs.get("start", 1)))
        case "list_item" | "blockquote":
            return _with(CONTAINERS[node.type], [_block(c) for c in node.children] or [paragraph()])
        case "fence" | "code_block":
            return _code(node)
        case "hr":
            return {"type": "horizontalRule"}
        case "table":
            return _table(node)
        case _:
            return {"type": "source", "content": [{"type": "text", "text": node.content or " "}]}


def _code(node: SyntaxTreeNode) -> Node:
    text = node.content[:-1] if node.content.endswith("\n") else node.content
    content = [{"type": "text", "text": text}] if text else []
    return _with("codeBlock", content, language=node.info.strip() or None)


def _table(node: SyntaxTreeNode) -> Node:
    rows = [row for part in node.children for row in part.children]
    return _with("table", [_with("tableRow", [_cell(c) for c in row.children]) for row in rows])


def _cell(node: SyntaxTreeNode) -> Node:
    align = str(node.attrs.get("style", "")).removeprefix("text-align:") or None
    kind = "tableHeader" if node.type == "th" else "tableCell"
    return _with(kind, [_with("paragraph", _inline(node))], align=align)


def _with(kind: str, content: Sequence[Node], **attrs: object) -> Node:
    made: Node = {"type": kind}
    if attrs:
        made["attrs"] = attrs
    if content:
        made["content"] = list(content)
    return made


def _inline(node: SyntaxTreeNode) -> list[Node]:
    """The inline content of a block's only inline token."""
    token = next((c.token for c in node.children if c.type == "inline" and c.token), None)
    return merged(_runs(token.children or [])) if token else []


def _runs(tokens: Sequence[Token]) -> list[Node]:
    found: list[Node] = []
    open_marks: list[Node] = []
    for token in tokens:
        name = token.type.rsplit("_", 1)[0]
        if name in OF_TOKEN or name == "link":
            if token.nesting < 0:
                open_marks.pop()
            else:
                open_marks.append(_mark(name, token))
        elif token.type == "hardbreak":
            found.append({"type": "hardBreak"})
        elif token.type == "image":
            attrs = {"src": str(token.attrs.get("src", "")), "alt": _plain(token), "title": token.attrs.get("title")}
            found.append(marked({"type": "stray", "attrs": attrs}, open_marks))
        else:
            text = " " if token.type == "softbreak" else token.content
            marks = [*open_marks, {"type": "code"}] if token.type == "code_inline" else open_marks
            found.append(text_node(text, marks))
    return found


def _plain(token: Token) -> str:
    return "".join(" " if c.type in ("softbreak", "hardbreak") else c.content for c in token.children or ())


def _mark(name: str, token: Token) -> Node:
    if name != "link":
        return {"type": OF_TOKEN[name]}
    attrs = {"href": str(token.attrs.get("href", "")), "title": token.attrs.get("title")}
    return {"type": "link", "attrs": attrs}


def text_node(text: str, marks: Sequence[Node]) -> Node:
    """A text node."""
    return marked({"type": "text", "text": text}, marks)


def marked(node: Node, marks: Sequence[Node]) -> Node:
    """A node with marks: each kind once, the inner one where two are nested, in the order of MARKS."""
    last = {mark["type"]: mark for mark in marks}
    ordered = [last[name] for name in MARKS if name in last]
    return node | {"marks": ordered} if ordered else node


def merged(nodes: Sequence[Node]) -> list[Node]:
    """Inline content with neighbours of the same marks joined and empty texts left out."""
    found: list[Node] = []
    for node in nodes:
        if node["type"] != "text":
            found.append(node)
        elif not node["text"]:
            continue
        elif found and found[-1]["type"] == "text" and found[-1].get("marks") == node.get("marks"):
            found[-1] = found[-1] | {"text": found[-1]["text"] + node["text"]}
        else:
            found.append(node)
    return found
