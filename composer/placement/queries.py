"""What to look for at a gap: asked of the language model, else read off the text around it.

Knows prompts and words; does not search.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pydantic import BaseModel, ValidationError

from composer.errors import InterleaveError, ReplyError
from composer.markdown import CJK
from composer.models import TextModel
from composer.placement.scorer import Reason, lexicon, purpose_of, reason_of
from composer.placement.text import Block, sentences
from composer.prompts import language_name, prompts, user
from composer.reply import ask_json
from retrieval.words import pairs, telling

BEFORE, AFTER = 450, 200  # characters of context that a model reads
MOST_THINGS = 12
CERTAIN = 0.7  # relevance from which on a word of the text is better than a picture of the same thing again
SCHEMA = {
    "type": "object",
    "properties": {
        "main_thing": {"type": "string", "maxLength": 40},
        "what_is_visible": {"type": "string", "maxLength": 70},
        "why_here": {"type": "string", "maxLength": 120},
    },
    "required": ["main_thing", "what_is_visible", "why_here"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a picture in a gap should show, and why one belongs there."""

    query: str
    reason: Reason
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """The text around a gap, as a model reads it."""

    title: str
    section: str
    before: str
    after: str


class _Reply(BaseModel):
    main_thing: str
    what_is_visible: str
    why_here: str


def around(blocks: Sequence[Block], gap: int, title: str) -> Around:
    """The nearest text on both sides, the section's heading and the title."""
    heads = [b.plain for b in blocks[: gap + 1] if b.kind == "heading"]
    prose = [b for b in blocks[:gap] if b.kind != "heading"]
    before = " ".join(" ".join(b.plain.split()) for b in prose[-2:])[-BEFORE:]
    after = " ".join(" ".join(b.plain.split()) for b in blocks[gap : gap + 2] if b.kind != "heading")[:AFTER]
    return Around(title=title, section=heads[-1] if heads else "", before=before, after=after)


def ask_wanted(model: TextModel, blocks: Sequence[Block], gap: int, *, title: str, language: str) -> Wanted:
    """The language model's words. Raises ReplyError and what the engine raises."""
    template = prompts(language)
    context = around(blocks, gap, title)
    request = template.picture_for.render(
        title=context.title,
        section=context.section,
        before=context.before,
        after=context.after,
        language=language_name(language, inside=template.code),
    )
    text = ask_json(model, (user(request),), SCHEMA, max_tokens=110, seed=0)
    try:
        reply = _Reply.model_validate_json(text)
    except ValidationError as error:
        raise ReplyError(f"what to look for could not be read: {text[:80]!r}") from error
    if not reply.main_thing.strip():
        raise ReplyError("the model named nothing to look for")
    query = ", ".join(dict.fromkeys(p.strip(" .") for p in (reply.main_thing, reply.what_is_visible) if p.strip(" .")))
    reason = reason_of(blocks, gap)  # asked for it, the 1.5B model says "portrait" everywhere
    return Wanted(query=query, reason=reason, purpose=reply.why_here.strip() or purpose_of(reason, language))


def plain_wanted(blocks: Sequence[Block], gap: int, *, title: str, language: str) -> Wanted:
    """What the text's own words say: the things beside the gap that come up most in the article, most telling first."""
    reason = reason_of(blocks, gap)
    things = things_near(blocks, gap, title=title)
    return Wanted(query=things[0] if things else title, reason=reason, purpose=purpose_of(reason, language))


def things_near(blocks: Sequence[Block], gap: int, *, title: str) -> list[str]:
    """Words and pairs of words beside a gap that may name something to be seen, most telling first."""
    near = " ".join(_beside(blocks, gap)) or title
    whole = " ".join([title, *(b.plain for b in blocks)]).lower()
    if CJK.search(near):
        return sorted(pairs(near), key=lambda p: -whole.count(p))[:MOST_THINGS]
    words = [w for w in telling(near) if len(w) > 2 and not w.isdecimal() and not lexicon().shows.search(w)]
    both = [f"{a} {b}" for a, b in pairwise(re.findall(r"[^\W\d_]+", near.lower())) if a in words and b in words]
    worth = {w: min(4, len(re.findall(rf"\b{re.escape(w)}", whole))) for w in (*words, *both)}
    return sorted(worth, key=lambda w: (-worth[w] - (w in both), near.lower().find(w)))[:MOST_THINGS]


def wanted(
    model: TextModel | None, blocks: Sequence[Block], gap: int, *, title: str, language: str
) -> tuple[Wanted, str]:
    """What to look for, and a warning where the model could not say."""
    plain = plain_wanted(blocks, gap, title=title, language=language)
    if model is None:
        return plain, ""
    try:
        return ask_wanted(model, blocks, gap, title=title, language=language), ""
    except InterleaveError as error:
        return plain, f"The text's own words say what to look for: {error}"


def findable(want: Wanted, things: Sequence[str], relevance: Callable[[str], float], enough: float) -> Wanted:
    """The same wish in words that find something: its own, else the first of the things that does."""
    if any(relevance(query) >= enough for query in dict.fromkeys((want.query, head(want.query)))):
        return want
    found = next((thing for thing in things if relevance(thing) >= enough), "")
    return replace(want, query=found) if found else want


def fresh(want: Wanted, things: Sequence[str], said: Sequence[str], relevance: Callable[[str], float]) -> Wanted:
    """Another wish where the article asks for the same main thing a second time, as long as something else is certain."""
    if head(want.query) not in said:
        return want
    seen = {word for query in said for word in telling(query)}
    others = (thing for thing in things if not seen & set(telling(thing)))
    found = next((thing for thing in others if relevance(thing) >= CERTAIN), "")
    return replace(want, query=found) if found else want


def head(query: str) -> str:
    """The main thing of a query: what stands before its first comma."""
    return query.split(",")[0].strip().lower()


def _beside(blocks: Sequence[Block], gap: int) -> list[str]:
    before = [s for b in blocks[max(0, gap - 1) : gap] for s in sentences(b.plain)][-2:]
    after = [s for b in blocks[gap : gap + 1] for s in sentences(b.plain)][:1]
    return before + after
