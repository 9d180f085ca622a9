"""Caption and alt text for pictures of a text that stands, with little context, so that the text may be long.

A vision model looks and words where there is one; else the text model words what is written about the picture.
"""

import re
from collections.abc import Sequence

from pydantic import BaseModel, ValidationError

from composer.article import Article, ImageSlot, TextBlock
from composer.describe import describe, plain_words, tidy_alt, tidy_caption
from composer.edits import DescribeImage
from composer.errors import InterleaveError, ReplyError
from composer.events import Progress, Stage, StageStarted, Warned
from composer.markdown import CJK, plain_text
from composer.models import WordingModel
from composer.prompts import language_name, prompts, user
from composer.reply import ask_json, key_of
from composer.toolkit import Toolkit
from retrieval.picture import Picture

BEFORE = 200  # characters of the text before a picture
ABOUT_THE_TASK = re.compile(
    r"\b(?:section|the words|the text|the article|the reader)\b|这一节|本文|读者", re.IGNORECASE
)
SCHEMA = {
    "type": "object",
    "properties": {"caption": {"type": "string", "maxLength": 180}},
    "required": ["caption"],
    "additionalProperties": False,
}  # the prompt asks for an alt text, too, which would only say again what is known


class _Words(BaseModel):
    caption: str


def word(toolkit: Toolkit, article: Article, slots: Sequence[str], *, use_model: bool) -> Stage:
    """Words for every filled slot among these. A small model that can only word drawings is not asked: what is chosen
    here was chosen with all places in view, out of pictures of any kind."""
    filled = [s for s in article.slots() if s.id in slots and s.picture and not s.alt]
    if toolkit.vision and use_model and not isinstance(toolkit.vision, WordingModel):
        return (yield from describe(toolkit, article, [s.id for s in filled]))
    yield StageStarted(stage="describe", detail=f"{len(filled)} pictures")
    for number, slot in enumerate(filled):
        yield Progress(stage="describe", done=number, total=len(filled), unit="pictures")
        picture = slot.picture
        assert picture is not None
        caption, alt = _plain(slot, picture)
        if use_model:
            try:
                caption = _caption(toolkit, article, slot, picture, alt) or caption
            except InterleaveError as error:
                yield Warned(message=f"The caption comes from the picture's own data: {error}", block=slot.id)
        article = yield DescribeImage(id=slot.id, caption=caption, alt=tidy_alt(alt, prompts(article.brief.language)))
    return article


def _plain(slot: ImageSlot, picture: Picture) -> tuple[str, str]:
    """The picture's own words are the alt text; without a model there is no caption that says more."""
    _, alt = plain_words(slot, picture, "")
    return "", alt


def _caption(toolkit: Toolkit, article: Article, slot: ImageSlot, picture: Picture, alt: str) -> str:
    """The text model's caption; "" for one that only repeats the alt text or is in another script than the article."""
    template = prompts(article.brief.language)
    section = article.section_of(slot.id)
    request = template.describe.render(
        section=section.title if section and section.title else article.title,
        before=_before(article, slot),
        shows=picture.caption or slot.query,
        purpose=slot.purpose,
        language=language_name(article.brief.language, inside=template.code),
    )
    reply = ask_json(toolkit.text, (user(request),), SCHEMA, max_tokens=100, seed=0)
    try:
        words = _Words.model_validate_json(reply)
    except ValidationError as error:
        raise ReplyError(f"the words for a picture could not be read: {reply[:80]!r}") from error
    caption = tidy_caption(words.caption, template)
    if ABOUT_THE_TASK.search(caption):
        return ""
    foreign = article.brief.language.startswith("zh") and not CJK.search(caption)
    return "" if foreign or key_of(caption) == key_of(alt) else caption


def _before(article: Article, slot: ImageSlot) -> str:
    before = [b for b in article.blocks[: article.index(slot.id)] if isinstance(b, TextBlock)]
    text = plain_text(before[-1].markdown).replace("\n", " ") if before else article.title
    return text[-BEFORE:]
