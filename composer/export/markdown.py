"""An article as GitHub-flavoured Markdown: text blocks as they stand, pictures with caption and credit under them."""

import json
import re
from functools import cache

from markdown_it import MarkdownIt

from composer.article import Article, TextBlock
from composer.export.credits import Part, credit_parts
from composer.export.figures import Figure
from composer.markdown import parser

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!~$])")  # $ begins a formula on GitHub
OPENER = re.compile(r"^(\d{0,9})([-+=.)])")  # begins a list, a rule or an underline where it stands first

IN_ADDRESS = str.maketrans({"<": "%3C", ">": "%3E", " ": "%20", "\\": "%5C", "&": "&amp;", "\n": "", "\r": ""})
SCHEME = r"\s*(?:javascript|vbscript|data|file):"
RUNS = re.compile(
    rf"\](?=[(:]\s*<?{SCHEME})|<(?={SCHEME})", re.IGNORECASE
)  # begins the address of a link that could run
ROUNDS = 4  # what is escaped may bare what stood behind it


def to_markdown(article: Article, figures: dict[str, Figure], *, front_matter: bool = False) -> str:
    """The whole article. Figures that are not given are left out."""
    parts = [_front_matter(article)] if front_matter else []
    parts.append(f"# {escape_markdown(article.title)}" if article.title.strip() else "")
    parts.append(f"*{escape_markdown(article.summary)}*" if article.summary.strip() else "")
    for block in article.blocks:
        if isinstance(block, TextBlock):
            parts.append(_text(block.markdown))
        elif block.id in figures:
            parts.append(_figure(figures[block.id], article.brief.language))
    return "\n\n".join(p for p in parts if p) + "\n"


def escape_markdown(text: str) -> str:
    """Text in one line with nothing in it that Markdown or HTML would take for a mark."""
    line = OPENER.sub(r"\1\\\2", SPECIAL.sub(r"\\\1", " ".join(text.split())))
    return line.replace("&", "&amp;")


def _text(markdown: str) -> str:
    """A text block as it stands, but for what elsewhere would not be the text that it is in the article."""
    return _fence_ended(_refused_as_text(_html_as_text(markdown.strip("\n").rstrip())))


def _refused_as_text(markdown: str) -> str:
    """A link that the article's reader refuses is text in the article: escaped where another reader would follow it."""
    tokens = (child for token in parser().parse(markdown) for child in token.children or ())
    if not any(child.type == "text" and RUNS.search(child.content) for child in tokens):
        return markdown
    return RUNS.sub(lambda found: "&lt;" if found[0] == "<" else "\\]", markdown)


def _html_as_text(markdown: str) -> str:
    """Raw HTML is text in the article: escaped where a program that lets it through would take it for marks."""
    for _ in range(ROUNDS):
        pieces = _raw_html(markdown)
        if not pieces:
            return markdown
        for line in "\n".join(pieces).splitlines():  # line by line: in a quote each has a mark before it
            markdown = markdown.replace(line.strip(), line.strip().replace("<", "&lt;"))
    return markdown.replace("<", "&lt;") if _raw_html(markdown) else markdown


def _fence_ended(markdown: str) -> str:
    """With an end for a code block that has none: it would take in the rest of the article."""
    lines = markdown.split("\n")
    last = next((t for t in reversed(parser().parse(markdown)) if t.level == 0), None)
    if last is None or last.type != "fence" or last.map is None:
        return markdown
    end = lines[-1].strip()
    ended = last.map[1] - last.map[0] > 1 and len(end) >= len(last.markup) and not end.strip(last.markup[0])
    return markdown if ended else f"{markdown}\n{last.markup}"


def _raw_html(markdown: str) -> list[str]:
    """What a program that lets raw HTML through would take for it."""
    found = []
    for token in _open_parser().parse(markdown):
        found += [token.content] if token.type == "html_block" else []
        found += [child.content for child in token.children or () if child.type == "html_inline"]
    return found


@cache
def _open_parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def _figure(figure: Figure, language: str) -> str:
    credit = "".join(
        part.joint + _link(part) for part in credit_parts(figure.picture.attribution, language, marked=figure.marked)
    )
    caption = escape_markdown(figure.slot.caption)
    below = f"*{caption}* {credit}" if caption else credit
    alt = "" if figure.slot.decorative else figure.slot.alt
    return f"![{escape_markdown(alt)}]({figure.file})\n\n{below}"


def _link(part: Part) -> str:
    text = escape_markdown(part.text)
    if not part.url:
        return text
    address = part.url.translate(IN_ADDRESS)
    return f"[{text}](<{address}>)"


def _front_matter(article: Article) -> str:
    """YAML whose values are JSON strings, which YAML reads as they are."""
    values = {"title": article.title, "description": article.summary, "lang": article.brief.language}
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in values.items() if value]
    return "\n".join(["---", *lines, "---"])
