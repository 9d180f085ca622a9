"""An article as one HTML page: semantic, readable in light and dark, on paper and on a phone, without any request."""

import base64
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from composer.article import Article, TextBlock
from composer.export.credits import credit_parts
from composer.export.figures import Figure
from composer.markdown import parser, plain_text
from composer.prompts import TEMPLATES

RIGHT_TO_LEFT = frozenset(["ar", "fa", "he", "ur"])


def to_html(article: Article, figures: dict[str, Figure], *, self_contained: bool = False) -> str:
    """The whole page. With `self_contained` the pictures are inside it as data URIs."""
    language = article.brief.language
    return _template().render(
        lang=language,
        direction="rtl" if language.split("-")[0] in RIGHT_TO_LEFT else "ltr",
        title=article.title or "Untitled",
        summary=article.summary,
        css=Markup((TEMPLATES / "article.css").read_text(encoding="utf-8")),
        parts=[_part(article, block, figures, self_contained=self_contained) for block in article.blocks],
    )


def _part(article: Article, block: object, figures: dict[str, Figure], *, self_contained: bool) -> dict[str, object]:
    """What the template needs of one block; empty for a slot that is left out."""
    if isinstance(block, TextBlock):
        if block.markdown.startswith("## "):
            return {"kind": "heading", "id": block.id, "text": plain_text(block.markdown)}
        return {"kind": "text", "html": Markup(parser().render(block.markdown))}  # raw HTML is off in the parser
    figure = figures.get(getattr(block, "id", ""))
    if figure is None:
        return {"kind": "nothing"}
    return {
        "kind": "figure",
        "src": _data_uri(figure) if self_contained else figure.file,
        "alt": figure.slot.alt,
        "width": figure.picture.width,
        "height": figure.picture.height,
        "caption": figure.slot.caption,
        "credit": credit_parts(figure.picture.attribution, article.brief.language),
    }


def _data_uri(figure: Figure) -> str:
    return f"data:{figure.picture.media_type};base64,{base64.b64encode(figure.data).decode()}"


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("article.html.jinja")
