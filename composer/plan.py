"""The first stage: one constrained call turns the brief into a title, sections and picture slots.

An outline that the author gave is kept word for word. A reply that cannot be used is asked for once more, then a plain
outline takes its place with a warning. Knows the plan's schema; does not write text or look for pictures.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from composer.article import Article, Brief, ImageSlot, OutlineItem, Place, SectionPlan, TextBlock, Way, with_id
from composer.conversation import most_images, opening, plan_request, section_range, ways
from composer.drawing.choice import asks_for_chart
from composer.drawing.tables import tables_in, words_of
from composer.edits import AddBlock, PlanSection, SetSummary, SetTitle
from composer.errors import ReplyError
from composer.events import Stage, StageStarted, Warned
from composer.facts import share_out
from composer.markdown import CJK
from composer.models import Message, Schema
from composer.prompts import assistant, prompts, user
from composer.reply import ask_json, key_of
from composer.toolkit import Toolkit

MIN_SECTION_WORDS = 40


class PlannedSection(BaseModel):
    """A section of the reply; a title is missing where the outline gives it."""

    title: str = ""
    purpose: str = ""
    words: int = 0


class PlannedPicture(BaseModel):
    """A picture slot of the reply."""

    section: int
    position: Place = "middle"
    main_thing: str = ""
    what_is_visible: str = Field(min_length=1)
    made: Way | None = None
    why_here: str = ""
    caption: str = ""


class Plan(BaseModel):
    """The whole reply."""

    title: str = Field(min_length=1)
    summary: str = ""
    sections: list[PlannedSection] = Field(min_length=1)
    pictures: list[PlannedPicture] = []


def plan(toolkit: Toolkit, article: Article) -> Stage:
    """Fill an empty article with its title, headings and open slots."""
    yield StageStarted(stage="plan")
    conversation = (*opening(toolkit, article.brief), plan_request(toolkit, article.brief))
    try:
        found = _ask(toolkit, article.brief, conversation)
    except ReplyError as error:
        yield Warned(message=f"The plan could not be used, so a plain outline takes its place: {error}")
        found = plain_plan(article.brief)
    article = yield SetTitle(title=article.brief.title or _line(found.title))
    article = yield SetSummary(summary=_line(found.summary))
    return (yield from _lay_out(article, found))


def plan_schema(brief: Brief, may: Sequence[Way] = ()) -> Schema:
    """The flat JSON schema of the reply to `plan_request`; `may`: the ways of filling slots it can propose."""
    least, most = section_range(brief)
    section: dict[str, Any] = {"purpose": _string(160), "words": {"type": "integer", "minimum": 40, "maximum": 2000}}
    if brief.outline:
        least = most = len(brief.outline)
    else:
        section = {"title": _string(60), **section}
    properties: dict[str, Any] = {"title": _string(90), "summary": _string(200)}
    properties["sections"] = _array(section, least, most)
    if brief.images != 0:
        picture = {
            "section": {"type": "integer", "minimum": 1, "maximum": most},
            "position": {"enum": ["start", "middle", "end"]},
            "main_thing": _english(32),
            "what_is_visible": _english(80),
            **({"made": {"enum": [str(way) for way in may]}} if may else {}),
            "why_here": _string(140),
            "caption": _string(110),
        }
        properties["pictures"] = _array(picture, brief.images or 0, brief.images or most_images(brief))
    return _object(properties)


def plain_plan(brief: Brief) -> Plan:
    """What stands in for a reply that cannot be used: the outline as given, or three plain sections."""
    names = (
        ["背景", "内容", "展望"] if brief.language.startswith("zh") else ["Background", "How it works", "What follows"]
    )
    titles = [item.title for item in brief.outline] or names
    first = brief.instruction.strip().splitlines()[0][:80].rstrip(" .。")
    return Plan(title=brief.title or first, sections=[PlannedSection(title=t, purpose=first) for t in titles])


def _ask(toolkit: Toolkit, brief: Brief, conversation: tuple[Message, ...]) -> Plan:
    """The model's plan, asked for a second time with the reason when the first cannot be used. Raises ReplyError."""
    schema = plan_schema(brief, ways(toolkit, brief))
    for attempt in (0, 1):
        reply = ask_json(toolkit.text, conversation, schema, max_tokens=1800, seed=brief.seed + attempt)
        try:
            return _to_the_point(Plan.model_validate(json.loads(reply)), brief, last=attempt == 1)
        except (ValueError, ValidationError) as error:
            reason = str(error).splitlines()[0]
            retry = prompts(brief.language).retry.render(reason=reason)
            conversation = (*conversation, assistant(reply), user(retry))
    raise ReplyError(f"{toolkit.text.name} gave no usable plan: {reason}")


def _to_the_point(found: Plan, brief: Brief, *, last: bool) -> Plan:
    """The plan without sections that tell of the task ("Planning an Article") or have the article's own title. Raises
    ValueError where fewer than two others are left; at the `last` chance one is enough, and all stay where there is none."""
    if brief.outline:
        return found
    patterns = prompts(brief.language).meta_titles
    own = {key_of(brief.title), key_of(_line(found.title))}
    titles = [_line(s.title) for s in found.sections]
    kept = [n for n, t in enumerate(titles) if key_of(t) not in own and not any(p.search(t) for p in patterns)]
    if len(kept) < 2 and len(kept) < len(titles) and not last:
        raise ValueError(
            "sections must be about the subject, not about the task, and not have the article's own title."
        )
    if not kept:
        return found
    place = {old + 1: new for new, old in enumerate(kept, start=1)}
    pictures = [p.model_copy(update={"section": place.get(p.section, 1)}) for p in found.pictures]
    return found.model_copy(update={"sections": [found.sections[n] for n in kept], "pictures": pictures})


def _lay_out(article: Article, found: Plan) -> Stage:
    sections = _sections(article.brief, found)
    shares = share_out(article.brief.must_mention, [f"{s.title} {s.purpose}" for s in sections])
    pictures = _pictures(article.brief, found, sections)
    for number, (section, facts) in enumerate(zip(sections, shares, strict=True), start=1):
        heading = with_id(article, TextBlock(id="", markdown=f"## {section.title}"))
        article = yield AddBlock(block=heading, after=_last(article))
        planned = SectionPlan(heading=heading.id, purpose=section.purpose, words=section.words, facts=facts)
        article = yield PlanSection(plan=planned)
        for picture in (p for p in pictures if p.section == number):
            article = yield AddBlock(block=with_id(article, _slot(picture)), after=_last(article))
    return article


def _sections(brief: Brief, found: Plan) -> list[PlannedSection]:
    """The planned sections with the author's titles and with lengths that add up to the article's."""
    sections = found.sections
    if brief.outline:
        spare = PlannedSection()
        padded = [*sections, *(spare for _ in brief.outline)]
        sections = [_given(item, section) for item, section in zip(brief.outline, padded, strict=False)]
    else:
        sections = _unique(sections)
    fixed = {i: item.words for i, item in enumerate(brief.outline) if item.words}
    left = max(brief.words - sum(fixed.values()), MIN_SECTION_WORDS)
    free = [max(s.words, 1) for i, s in enumerate(sections) if i not in fixed]
    mean = sum(free) / len(free) if free else 1
    weights = [min(max(w, mean / 2), mean * 2) for w in free]  # a model's lengths are a hint, not an order
    scale = left / sum(weights) if weights else 0.0
    shares = iter([max(MIN_SECTION_WORDS, round(w * scale)) for w in weights])
    return [s.model_copy(update={"words": fixed.get(i) or next(shares)}) for i, s in enumerate(sections)]


def _given(item: OutlineItem, section: PlannedSection) -> PlannedSection:
    purpose = "; ".join(part for part in (item.notes, section.purpose) if part)
    return section.model_copy(update={"title": item.title, "purpose": purpose})


def _unique(sections: list[PlannedSection]) -> list[PlannedSection]:
    seen: dict[str, PlannedSection] = {}
    for section in sections:
        title = _short(_line(section.title).strip("# .。:：*"))
        if title:
            seen.setdefault(title.lower(), section.model_copy(update={"title": title}))
    return list(seen.values()) or [PlannedSection(title="…")]


def _short(title: str) -> str:
    """A heading without what small models put behind a colon: "The Lens: A Marvel" is "The Lens"."""
    head = re.split(r"\s*[:：]\s*", title)[0]
    return head if len(head) >= 3 or CJK.search(head) else title


def _pictures(brief: Brief, found: Plan, sections: list[PlannedSection]) -> list[PlannedPicture]:
    """The planned pictures, each looking for something else. Where the author gave a number and the plan repeats itself,
    sections without a picture get one that shows what they are about."""
    kept: dict[str, PlannedPicture] = {}
    for picture in found.pictures:
        section = _clamp(picture.section, len(sections))
        kept.setdefault(_query(picture).lower(), picture.model_copy(update={"section": section}))
    pictures = _with_chart(brief, list(kept.values()), sections)
    bare = [n for n in range(1, len(sections) + 1) if n not in {p.section for p in pictures}]
    for number in bare[: max(0, (brief.images or 0) - len(pictures))]:
        about = sections[number - 1]
        pictures.append(PlannedPicture(section=number, what_is_visible=about.title, why_here=about.purpose))
    return pictures


def _with_chart(
    brief: Brief, pictures: list[PlannedPicture], sections: Sequence[PlannedSection]
) -> list[PlannedPicture]:
    """With the chart that the brief asks for and the plan forgot, of the first table in its material."""
    table = next((t for m in brief.material for t in tables_in(m.text, m.name)), None)
    if table is None or brief.images == 0 or not asks_for_chart(brief.instruction):
        return pictures
    meant = [p.made == Way.CHART or asks_for_chart(f"{_query(p)} {p.caption}") for p in pictures]
    if any(meant):
        place = meant.index(True)
        return [*pictures[:place], pictures[place].model_copy(update={"made": Way.CHART}), *pictures[place + 1 :]]
    shared = [len(table.words & words_of(f"{s.title} {s.purpose}")) for s in sections]
    name = table.series[0].name or table.heading
    place = shared.index(max(shared)) + 1
    chart = PlannedPicture(section=place, what_is_visible=f"chart: {name}", caption=name, made=Way.CHART)
    return [*(pictures[: brief.images - 1] if brief.images else pictures), chart]


def _slot(picture: PlannedPicture) -> ImageSlot:
    return ImageSlot(
        id="",
        purpose=_line(picture.why_here),
        query=_query(picture),
        way=picture.made if picture.made in (Way.DRAWN, Way.CHART) else None,  # to be found is what all slots are
        place=picture.position,
        caption=_line(picture.caption),
    )


def _query(picture: PlannedPicture) -> str:
    """The literal query: the main thing first, for it weighs most where words are compared."""
    thing, whole = _line(picture.main_thing), _line(picture.what_is_visible)
    if not thing or whole.lower().startswith(thing.lower()):
        return whole
    return thing if whole.count(",") > 1 else f"{thing}, {whole}"  # a list of things is no picture


def _clamp(number: int, highest: int) -> int:
    return min(max(number, 1), highest)


def _last(article: Article) -> str | None:
    return article.blocks[-1].id if article.blocks else None


def _line(text: str) -> str:
    return " ".join(text.split())


def _string(longest: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": longest}


def _english(longest: int) -> dict[str, Any]:
    """Words that captions in packs are found by; a Chinese plan else asks in Chinese."""
    return {"type": "string", "pattern": f"^[A-Za-z][A-Za-z ,'-]{{2,{longest}}}$"}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _array(properties: dict[str, Any], least: int, most: int) -> dict[str, Any]:
    return {"type": "array", "items": _object(properties), "minItems": least, "maxItems": most}
