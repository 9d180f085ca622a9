"""An article as GitHub-flavoured Markdown: text blocks as they stand, pictures with caption and credit under them."""

import json
import re

from composer.article import Article, TextBlock
from composer.export.credits import Part, credit_parts
from composer.export.figures import Figure

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!~])")


def to_markdown(article: Article, figures: dict[str, Figure], *, front_matter: bool = False) -> str:
    """The whole article. Figures that are not given are left out."""
    parts = [_front_matter(article)] if front_matter else []
    parts.append(f"# {escape_markdown(article.title)}" if article.title else "")
    parts.append(f"*{escape_markdown(article.summary)}*" if article.summary else "")
    for block in article.blocks:
        if isinstance(block, TextBlock):
            parts.append(block.markdown.strip())
        elif block.id in figures:
            parts.append(_figure(figures[block.id], article.brief.language))
    return "\n\n".join(p for p in parts if p) + "\n"


def escape_markdown(text: str) -> str:
    """Text in one line with nothing in it that Markdown or HTML would take for a mark."""
    line = SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return line.replace("&", "&amp;")


def _figure(figure: Figure, language: str) -> str:
    credit = ", ".join(_link(part) for part in credit_parts(figure.picture.attribution, language))
    caption = escape_markdown(figure.slot.caption)
    below = f"*{caption}* {credit}" if caption else credit
    return f"![{escape_markdown(figure.slot.alt)}]({figure.file})\n\n{below}"


def _link(part: Part) -> str:
    text = escape_markdown(part.text)
    if not part.url:
        return text
    address = part.url.replace("<", "%3C").replace(">", "%3E").replace(" ", "%20").replace("\n", "")
    return f"[{text}](<{address}>)"


def _front_matter(article: Article) -> str:
    """YAML whose values are JSON strings, which YAML reads as they are."""
    values = {"title": article.title, "description": article.summary, "lang": article.brief.language}
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in values.items() if value]
    return "\n".join(["---", *lines, "---"])
