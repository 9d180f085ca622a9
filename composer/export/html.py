"""An article as one HTML page: semantic, readable in light and dark, on paper and on a phone, without any request."""

import base64
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from composer.article import Article, Block, TextBlock
from composer.export.credits import credit_parts, worded_in, words_of
from composer.export.figures import Figure, shows_page
from composer.export.text import text_html
from composer.prompts import TEMPLATES

RIGHT_TO_LEFT = frozenset(["ar", "arc", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"])


def to_html(article: Article, figures: dict[str, Figure], *, self_contained: bool = False) -> str:
    """The whole page. With `self_contained` the pictures are inside it as data URIs."""
    language = article.brief.language
    return _template().render(
        lang=language,
        direction=direction(language),
        credit_lang=worded_in(language),
        credit_direction=direction(worded_in(language)),
        title=article.title.strip() or words_of(language)["untitled"],
        summary=article.summary.strip(),
        css=Markup((TEMPLATES / "article.css").read_text(encoding="utf-8")),
        self_contained=self_contained,
        sections=[
            {
                "id": section.heading.id if section.heading else "",
                "parts": [
                    _part(article, block, figures, self_contained=self_contained)
                    for block in ((section.heading, *section.blocks) if section.heading else section.blocks)
                    if isinstance(block, TextBlock) or block.id in figures
                ],
            }
            for section in article.sections()
        ],
    )


def direction(language: str) -> str:
    """The value of `dir` for text in a language: rtl or ltr."""
    return "rtl" if language.split("-")[0].lower() in RIGHT_TO_LEFT else "ltr"


def _part(article: Article, block: Block, figures: dict[str, Figure], *, self_contained: bool) -> dict[str, object]:
    """What the template needs of one block."""
    if isinstance(block, TextBlock):
        return {"html": Markup(text_html(block))}  # raw HTML is off in the parser
    figure = figures[block.id]
    width, height = figure.picture.width, figure.picture.height
    known = width > 0 and height > 0
    looks = [look for look in (block.size, block.align) if look not in ("column", "center")]
    return {
        "html": None,
        "classes": " ".join(looks + ["clear"] * shows_page(figure)),
        "src": _data_uri(figure) if self_contained else figure.file,
        "alt": "" if block.decorative else block.alt,
        "width": width if known else None,
        "height": height if known else None,
        "ratio": f"{width / height:.4f}" if known else "1",
        "focus": " ".join(f"{100 * part:g}%" for part in block.focus),
        "caption": block.caption.strip(),
        "credit": credit_parts(figure.picture.attribution, article.brief.language, marked=figure.marked),
    }


def _data_uri(figure: Figure) -> str:
    return f"data:{figure.media_type};base64,{base64.b64encode(figure.data).decode()}"


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
