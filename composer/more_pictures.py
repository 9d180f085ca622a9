"""One more picture for a section that stands: the model says where and of what, then it is searched for and worded.

Knows the section's paragraphs; how a picture is found is `illustrate`'s business.
"""

import json

from pydantic import BaseModel, Field, ValidationError

from composer.article import Article, ImageSlot, Section, TextBlock, with_id
from composer.conversation import language, request_on
from composer.describe import describe
from composer.edits import AddBlock
from composer.errors import ReplyError, UsageError
from composer.events import Stage, StageStarted, Warned
from composer.illustrate import illustrate
from composer.markdown import is_prose, plain_text
from composer.prompts import TEMPLATES
from composer.reply import ask_json
from composer.toolkit import Toolkit

SHOWN = 240  # characters of each paragraph that the model is shown
SCHEMA = {
    "type": "object",
    "properties": {
        "paragraph": {"type": "integer"},
        "what_is_visible": {"type": "string", "maxLength": 80},
        "why_here": {"type": "string", "maxLength": 140},
    },
    "required": ["paragraph", "what_is_visible", "why_here"],
    "additionalProperties": False,
}


class Placed(BaseModel):
    paragraph: int
    what_is_visible: str = Field(min_length=1)
    why_here: str = ""


def picture_for(toolkit: Toolkit, article: Article, heading: str) -> Stage:
    """Add a slot to a section and fill it. Raises UsageError where no paragraph is left to stand beside."""
    section = article.section_of(heading)
    free = _free(section) if section else []
    if section is None or not free:
        raise UsageError("Every paragraph of this section has a picture already, or there is none yet.")
    yield StageStarted(stage="illustrate", detail="1 slot")
    try:
        placed = _ask(toolkit, article, section, free)
    except ReplyError as error:
        article = yield Warned(message=f"The longest paragraph gets the picture: {error}", block=heading)
        longest = max(range(len(free)), key=lambda i: len(free[i].markdown))
        words = " ".join(plain_text(free[longest].markdown).split()[:8])
        placed = Placed(paragraph=longest + 1, what_is_visible=words)
    beside = free[min(max(placed.paragraph, 1), len(free)) - 1]
    query, purpose = " ".join(placed.what_is_visible.split()), " ".join(placed.why_here.split())
    slot = with_id(article, ImageSlot(id="", purpose=purpose, query=query))
    article = yield AddBlock(block=slot, after=beside.id)
    article = yield from illustrate(toolkit, article, [slot.id])
    return (yield from describe(toolkit, article, [slot.id]))


def _free(section: Section) -> list[TextBlock]:
    """The paragraphs that no picture follows yet."""
    following = [*section.blocks[1:], None]
    pairs = zip(section.blocks, following, strict=True)
    return [b for b, n in pairs if isinstance(b, TextBlock) and is_prose(b.markdown) and not isinstance(n, ImageSlot)]


def _ask(toolkit: Toolkit, article: Article, section: Section, free: list[TextBlock]) -> Placed:
    """Where and of what. Raises ReplyError."""
    lines = "\n".join(f"{n}. {plain_text(b.markdown)[:SHOWN]}" for n, b in enumerate(free, start=1))
    request = _request(article).format(title=section.title, paragraphs=lines, language=language(article.brief))
    prompt = request_on(toolkit, article, request, section)
    reply = ask_json(toolkit.text, prompt, SCHEMA, max_tokens=160, seed=article.brief.seed + len(free))
    try:
        return Placed.model_validate(json.loads(reply))
    except (ValueError, ValidationError) as error:
        raise ReplyError(f"{toolkit.text.name} gave no usable place: {str(error).splitlines()[0]}") from error


def _request(article: Article) -> str:
    code = "zh" if article.brief.language.startswith("zh") else "en"
    return (TEMPLATES / "assist" / f"picture.{code}.txt").read_text(encoding="utf-8")
