"""The fourth stage: caption and alt text for the picture that was really chosen.

A vision model looks at the best candidates, picks and words; without one the text model words what is written about
the picture. Alt says what is to be seen, the caption why it is there: they never are the same text.
"""

import re
from collections.abc import Sequence

from PIL import Image
from pydantic import BaseModel, ValidationError

from composer.article import Article, ImageSlot, Section, TextBlock
from composer.conversation import language, request_on
from composer.edits import ChooseImage, DescribeImage
from composer.errors import InterleaveError, ReplyError, UsageError
from composer.events import Progress, Stage, StageStarted, Warned
from composer.facts import terms
from composer.markdown import CJK, plain_text
from composer.models import ComposingModel, VisionModel, WordingModel
from composer.prompts import Prompts, prompts
from composer.reply import ask_json
from composer.toolkit import Toolkit
from retrieval.images import decode_rgb
from retrieval.picture import Candidate, Picture

WORDS_SCHEMA = {
    "type": "object",
    "properties": {"alt": {"type": "string", "maxLength": 140}, "caption": {"type": "string", "maxLength": 220}},
    "required": ["alt", "caption"],
    "additionalProperties": False,
}
LOOK_SCHEMA = {
    "type": "object",
    "properties": {"best": {"type": "integer"}, **WORDS_SCHEMA["properties"]},  # type: ignore[dict-item]
    "required": ["best", "alt", "caption"],
    "additionalProperties": False,
}
LONGEST_CAPTION = 150  # characters
LONGEST_ALT = 150  # characters; screen readers read an alt text in one breath


class Words(BaseModel):
    alt: str
    caption: str
    best: int = 1


def describe(toolkit: Toolkit, article: Article, only: Sequence[str] = ()) -> Stage:
    """Word every filled slot (`only` these ids, else those that have no alt text yet)."""
    slots = [s for s in article.slots() if s.picture and not s.locked and (s.id in only if only else not s.alt)]
    yield StageStarted(stage="describe", detail=f"{len(slots)} pictures")
    for number, slot in enumerate(slots):
        yield Progress(stage="describe", done=number, total=len(slots), unit="pictures")
        article = yield from _one(toolkit, article, slot)
    yield Progress(stage="describe", done=len(slots), total=len(slots), unit="pictures")
    return article


def plain_words(slot: ImageSlot, picture: Picture, language_code: str) -> tuple[str, str]:
    """Caption and alt from what is already written: the words for when no model can be asked."""
    caption = slot.caption or slot.purpose
    alt = picture.caption or slot.query
    if alt.strip().lower() == caption.strip().lower():
        caption = slot.purpose if slot.purpose.strip().lower() != alt.strip().lower() else ""
    return caption, alt


def tidy_alt(alt: str, template: Prompts) -> str:
    """An alt text without "image of", in one line, not too long."""
    alt = _without(alt, template.alt_talk)
    if len(alt) > LONGEST_ALT:
        alt = alt[:LONGEST_ALT] if CJK.search(alt) else alt[:LONGEST_ALT].rsplit(" ", 1)[0]
    return alt[:1].upper() + alt[1:]


def tidy_caption(caption: str, template: Prompts) -> str:
    """A caption without "the picture shows", in one line, not too long."""
    caption = shorten(_without(caption, template.caption_talk))
    return caption[:1].upper() + caption[1:]


def _without(text: str, talk: Sequence[re.Pattern[str]]) -> str:
    """A text in one line without these, as long as something is left."""
    text = " ".join(text.split())
    for pattern in talk:
        shorter = pattern.sub("", text)
        text = shorter if len(shorter) > 3 else text
    return text


def grounded(alt: str, known: str) -> bool:
    """Whether most of an alt text's words are known of the picture. A text in another script cannot be judged so."""
    words = terms(alt)
    return bool(CJK.search(alt)) or len(words & terms(known)) >= 0.5 * len(words)


def shorten(caption: str) -> str:
    """A caption of at most LONGEST_CAPTION characters, cut at a clause's end."""
    if len(caption) <= LONGEST_CAPTION:
        return caption
    cuts = [m.start() for m in re.finditer(r"[,;.。，；]\s*|\s(?=and |which |while )", caption[:LONGEST_CAPTION])]
    head = caption[: cuts[-1]] if cuts and cuts[-1] > 30 else caption[:LONGEST_CAPTION].rsplit(" ", 1)[0] + " …"
    return head.rstrip(" ,;，；") + ("" if head.endswith(("…", ".", "。")) else "。" if CJK.search(head) else ".")


def _one(toolkit: Toolkit, article: Article, slot: ImageSlot) -> Stage:
    picture = slot.picture
    if picture is None:
        return article
    try:
        words, looker = Words(alt="", caption=""), _looker(toolkit, picture)
        if looker:
            words, picture = _look(toolkit, looker, article, slot)
        seen = bool(words.alt.strip())
        if not seen:
            words = _ask(toolkit, article, slot, picture)
    except InterleaveError as error:
        article = yield Warned(message=f"Caption and alt come from the picture's own data: {error}", block=slot.id)
        caption, alt = plain_words(slot, picture, article.brief.language)
        return (yield DescribeImage(id=slot.id, caption=caption, alt=alt))
    if picture.digest != slot.chosen:
        article = yield ChooseImage(id=slot.id, digest=picture.digest)
    caption, alt = _settle(words, slot, picture, article, seen=seen)
    return (yield DescribeImage(id=slot.id, caption=caption, alt=alt))


def _looker(toolkit: Toolkit, picture: Picture) -> VisionModel | None:
    """Who looks at a slot's pictures. A small model only where nobody has described what was chosen: the search has read
    what was, and there the small one takes the wrong picture more often (benchmarks/results/looking.md)."""
    small = isinstance(toolkit.vision, WordingModel)
    return None if small and picture.caption else toolkit.vision


def _ask(toolkit: Toolkit, article: Article, slot: ImageSlot, picture: Picture) -> Words:
    """Words of the text model, from what is written about the picture."""
    request = prompts(article.brief.language).describe.render(
        section=_title(article, slot),
        before=_before(article, slot),
        shows=picture.caption or slot.query,
        purpose=slot.purpose,
        language=language(article.brief),
    )
    conversation = request_on(toolkit, article, request)
    return _words(ask_json(toolkit.text, conversation, WORDS_SCHEMA, max_tokens=160, seed=article.brief.seed))


def _look(toolkit: Toolkit, vision: VisionModel, article: Article, slot: ImageSlot) -> tuple[Words, Picture]:
    """Words of the vision model and the picture it picked among the best that no other slot shows."""
    others = {s.chosen for s in article.slots() if s.id != slot.id}
    first = [c for c in slot.candidates if c.picture.digest == slot.chosen]
    rest = [c for c in slot.candidates if c.picture.digest != slot.chosen and c.picture.digest not in others]
    seen = [*first, *rest][: max(1, min(4, vision.max_images))] if slot.author == "model" else first
    if isinstance(vision, WordingModel):
        seen = [c for c in seen if not c.picture.caption]
    if isinstance(vision, ComposingModel) and len(seen) > 1:
        seen = [_composed(toolkit, vision, article, slot, seen)]
    if isinstance(vision, WordingModel):
        said = vision.word_picture(_image(toolkit, seen[0]))
        return Words(alt=said.alt, caption=said.caption), seen[0].picture
    request = prompts(article.brief.language).look.render(
        count=len(seen),
        section=_title(article, slot),
        before=_before(article, slot),
        query=slot.query,
        purpose=slot.purpose,
        language=language(article.brief),
    )
    words = _words(vision.ask([_image(toolkit, c) for c in seen], request, schema=LOOK_SCHEMA))
    return words, seen[min(max(words.best, 1), len(seen)) - 1].picture


def _composed(
    toolkit: Toolkit, vision: ComposingModel, article: Article, slot: ImageSlot, seen: Sequence[Candidate]
) -> Candidate:
    """What a model takes that was taught to choose with the article in view, and what it chose before."""
    lines: list[str] = []
    chosen: dict[int, Image.Image] = {}
    for block in article.blocks:
        if isinstance(block, TextBlock):
            lines.append(plain_text(block.markdown).replace("\n", " "))
        elif block.id == slot.id:
            break
        elif block.chosen and lines:
            chosen |= {len(lines) - 1: _image(toolkit, c) for c in block.candidates if c.picture.digest == block.chosen}
    images = [_image(toolkit, c) for c in seen]
    lines = lines or [article.summary or article.title]
    told = {"language": article.brief.language, "wanted": slot.query}
    return seen[vision.choose_picture(lines, len(lines) - 1, images, chosen, **told)]


def _words(reply: str) -> Words:
    try:
        return Words.model_validate_json(reply[reply.find("{") : reply.rfind("}") + 1])
    except (ValidationError, ValueError) as error:
        raise ReplyError(f"the model's words for a picture could not be read: {reply[:80]!r}") from error


def _settle(words: Words, slot: ImageSlot, picture: Picture, article: Article, *, seen: bool) -> tuple[str, str]:
    """Caption and alt that can be used: tidy, different, in the article's script; the plain ones where they are not."""
    template = prompts(article.brief.language)
    plain_caption, plain_alt = plain_words(slot, picture, article.brief.language)
    alt = tidy_alt(words.alt, template) or plain_alt
    if not seen and not grounded(alt, f"{picture.caption} {slot.query}"):
        alt = tidy_alt(plain_alt, template)
    caption = tidy_caption(words.caption, template) or plain_caption
    if any(p.search(caption) for p in template.meta_captions):
        caption = slot.caption
    if article.brief.language.startswith("zh"):
        caption = next((c for c in (caption, plain_caption, slot.purpose) if CJK.search(c)), "")
        readable = (
            a for a in (alt, plain_alt, slot.caption, slot.purpose) if CJK.search(a) and _bare(a) != _bare(caption)
        )
        alt = tidy_alt(next(readable, plain_alt), template)
    caption = caption[:1].upper() + caption[1:]
    if _bare(alt) == _bare(caption):
        caption = plain_caption if _bare(plain_caption) != _bare(alt) else slot.purpose
    return caption, alt


def _image(toolkit: Toolkit, candidate: Candidate) -> Image.Image:
    path = toolkit.pictures.path(candidate.picture.digest) if toolkit.pictures else None
    if path is None:
        raise UsageError(f"The file of picture {candidate.picture.digest[:12]} is gone.")
    return decode_rgb(path.read_bytes())


def _title(article: Article, slot: ImageSlot) -> str:
    section: Section | None = article.section_of(slot.id)
    return section.title if section and section.title else article.title


def _before(article: Article, slot: ImageSlot) -> str:
    """The end of the text before a slot, as a reader sees it."""
    before = [b for b in article.blocks[: article.index(slot.id)] if isinstance(b, TextBlock)]
    text = plain_text(before[-1].markdown).replace("\n", " ") if before else article.summary
    return text if len(text) <= 160 else "… " + text[-160:].split(" ", 1)[-1]


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()
