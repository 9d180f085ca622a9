"""The one growing conversation of an article, rebuilt from the article itself before every call.

What the person changed is in it, and what has not changed is byte for byte what the engine has read before. Knows
which prompt follows which; does not call a model.
"""

import json
from collections.abc import Sequence
from typing import Any

from composer.article import Article, Brief, Material, Section, Way
from composer.drawing.tables import tables_in
from composer.facts import passages
from composer.models import Message, Prompt
from composer.prompts import assistant, kinds, language_name, prompts, user
from composer.toolkit import Toolkit

PASSAGE_CHARS = 900  # of a long source text in one section's request


def opening(toolkit: Toolkit, brief: Brief) -> Prompt:
    """The rules: how to write."""
    template = prompts(brief.language)
    kind = kinds()[brief.kind]
    text = template.system.render(
        language=language(brief),
        kind=kind.zh if template.code == "zh" else kind.en,
        audience=brief.audience,
        tone=brief.tone,
        avoid=brief.avoid,
    )
    return (Message(role="system", content=text),)


def plan_request(toolkit: Toolkit, brief: Brief) -> Message:
    """The brief, the source material in view and the request for a plan."""
    least, most = section_range(brief)
    text = prompts(brief.language).plan.render(
        instruction=brief.instruction,
        material=in_view(brief.material, toolkit.settings.material_chars),
        facts=brief.must_mention,
        outline=brief.outline,
        words=brief.words,
        language=language(brief),
        least=least,
        most=most,
        images=brief.images,
        ways=ways(toolkit, brief),
        most_images=most_images(brief),
    )
    return user(text)


def ways(toolkit: Toolkit, brief: Brief) -> tuple[Way, ...]:
    """The ways of filling a slot that a plan may propose; none where pictures can only be found."""
    drawn = (Way.DRAWN,) if toolkit.generator else ()
    chart = (Way.CHART,) if any(tables_in(m.text, m.name) for m in brief.material) else ()
    return (Way.FOUND, *drawn, *chart) if drawn or chart else ()


def section_range(brief: Brief) -> tuple[int, int]:
    """How few and how many sections an article of this length has."""
    return max(2, min(brief.words // 220, 10)), max(3, min(brief.words // 130, 14))


def most_images(brief: Brief) -> int:
    """The most pictures an automatic count gives."""
    return max(1, round(brief.words * kinds()[brief.kind].pictures_per_1000_words / 1000))


def written_so_far(toolkit: Toolkit, article: Article, until: str) -> Prompt:
    """Rules, brief, plan and every section before the one under heading `until`, as a conversation."""
    turns: list[Message] = [*opening(toolkit, article.brief), plan_request(toolkit, article.brief), _plan(article)]
    sections = [s for s in article.sections() if s.heading]
    for section in sections:
        if section.heading and section.heading.id == until:
            break
        if section.text:
            turns += [_section_request(toolkit, article, section), assistant(section.text)]
    return tuple(turns)


def section_prompt(toolkit: Toolkit, article: Article, section: Section) -> Prompt:
    """All that a writer is shown for one section with a heading: the article so far, or its own place alone."""
    if toolkit.settings.writer_sees == "section":
        return _section_alone(toolkit, article, section)
    until = section.heading.id if section.heading else ""
    return (*written_so_far(toolkit, article, until), _section_request(toolkit, article, section))


def request_on(toolkit: Toolkit, article: Article, request: str, section: Section | None = None) -> Prompt:
    """All that a model is shown for a request on text that stands, in `section` or anywhere in the article: what was
    written up to there, or, where a writer sees sections alone, that section's own turn alone."""
    heading = section.heading.id if section and section.heading else ""
    if toolkit.settings.writer_sees != "section":
        before = written_so_far(toolkit, article, heading)
    elif section and heading and section.text:
        before = (*_section_alone(toolkit, article, section), assistant(section.text))
    else:
        before = opening(toolkit, article.brief)
    return (*before, user(request))


def _section_request(toolkit: Toolkit, article: Article, section: Section) -> Message:
    """The request for one section."""
    wanted = _wanted(article, section)
    titles, number, words = wanted["titles"], wanted["number"], wanted["words"]
    text = prompts(article.brief.language).section.render(
        **wanted,
        paragraphs=paragraphs_for(words),
        material=_more_material(toolkit, article, section),
        next_title=titles[number] if number < len(titles) else "",
    )
    return user(text)


def _section_alone(toolkit: Toolkit, article: Article, section: Section) -> Prompt:
    """Rules and one request that says all a section needs. A small model that sees its plan and its earlier sections
    says them again; see docs/decisions.md."""
    text = prompts(article.brief.language).section_alone.render(
        **_wanted(article, section),
        article=article.title,
        instruction=article.brief.instruction,
        material=_passages(article, section),
    )
    return (*opening(toolkit, article.brief), user(text))


def draft_prompt(toolkit: Toolkit, article: Article, part: Sequence[Section]) -> Prompt:
    """Rules and one request for some sections in a row, or for all of a short article, under their planned headings."""
    brief, sections = article.brief, [s for s in article.sections() if s.heading]
    first = sections.index(part[0])
    before, later = sections[:first], sections[first + len(part) :]
    whole = not before and not later
    passages_of = dict.fromkeys(p for s in part for p in _passages(article, s))
    text = prompts(brief.language).draft.render(
        instruction=brief.instruction,
        facts=brief.must_mention if whole else [f for s in part if s.plan for f in s.plan.facts],
        material=list(passages_of),
        words=brief.words if whole else sum(planned_words(article, s) for s in part),
        titles=[s.title for s in part],
        before=[s.title for s in before],
        end=_end_of([s.text for s in before]),
        later=[s.title for s in later],
        running_text=kinds()[brief.kind].running_text,
        one_thread=kinds()[brief.kind].one_thread,
        language=language(brief),
    )
    return (*opening(toolkit, brief), user(text))


def _end_of(texts: Sequence[str]) -> str:
    """The last paragraph of what stands, in one line."""
    paragraphs = [p for text in texts for p in text.split("\n\n") if p.strip()]
    return " ".join(paragraphs[-1].split())[-PASSAGE_CHARS:] if paragraphs else ""


def planned_words(article: Article, section: Section) -> int:
    """A section's planned length, or its share of the article's."""
    if section.plan and section.plan.words:
        return section.plan.words
    return max(80, article.brief.words // max(1, sum(1 for s in article.sections() if s.heading)))


def _wanted(article: Article, section: Section) -> dict[str, Any]:
    """What every request for a section says of it: its place among the titles, what it tells, how long it is."""
    sections = [s for s in article.sections() if s.heading]
    plan = section.plan
    return {
        "titles": [s.title for s in sections],
        "number": next(i for i, s in enumerate(sections, start=1) if s.heading == section.heading),
        "count": len(sections),
        "title": section.title,
        "purpose": plan.purpose if plan else "",
        "words": planned_words(article, section),
        "facts": plan.facts if plan else (),
        "running_text": kinds()[article.brief.kind].running_text,
        "language": language(article.brief),
    }


def _passages(article: Article, section: Section) -> list[str]:
    """The source texts for this section, of which nothing else is in view: short ones whole, passages of long ones."""
    found: list[str] = []
    for material in article.brief.material:
        if len(material.text) <= PASSAGE_CHARS:
            found.append(" ".join(material.text.split()))
        else:
            found += passages(material.text.strip(), _topic(section), chars=PASSAGE_CHARS)
    return found


def _topic(section: Section) -> str:
    return f"{section.title} {section.plan.purpose if section.plan else ''}"


def paragraphs_for(words: int) -> int:
    """How many paragraphs a text of this length has."""
    return max(1, round(words / 85))


def language(brief: Brief) -> str:
    """The article's language as its prompts call it."""
    return language_name(brief.language, inside=prompts(brief.language).code)


def in_view(material: Sequence[Material], chars: int) -> list[Material]:
    """The beginning of every source text, sharing `chars` characters fairly, cut at paragraph ends."""
    left, result = chars, []
    for number, item in enumerate(sorted(material, key=lambda m: len(m.text))):
        share = left // (len(material) - number)
        text = item.text.strip()
        if len(text) > share:
            text = text[:share].rsplit("\n\n", 1)[0].rstrip() + " …"
        left -= len(text)
        result.append(Material(name=item.name, text=text))
    order = [m.name for m in material]
    return sorted(result, key=lambda m: order.index(m.name))


def _more_material(toolkit: Toolkit, article: Article, section: Section) -> list[str]:
    """Passages for this section out of the source texts that are not wholly in view."""
    shown = in_view(article.brief.material, toolkit.settings.material_chars)
    found: list[str] = []
    for whole, seen in zip(article.brief.material, shown, strict=True):
        if len(seen.text) < len(whole.text.strip()):
            found += passages(whole.text.strip()[len(seen.text) - 2 :], _topic(section), chars=PASSAGE_CHARS)
    return found


def _plan(article: Article) -> Message:
    """The plan as it now stands, in the form in which the model gave it."""
    value = {
        "title": article.title,
        "summary": article.summary,
        "sections": [
            {"title": s.title, "purpose": s.plan.purpose if s.plan else ""} for s in article.sections() if s.heading
        ],
    }
    return assistant(json.dumps(value, ensure_ascii=False))
