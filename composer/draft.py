"""Several sections in one reply, parted at their planned headings as it comes: a short article whole, a long one by parts.

A small model writes better so than section by section (docs/quality.md). What it leaves out is written by `write_section`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from math import ceil

from composer.article import Article, Section
from composer.conversation import draft_prompt, planned_words
from composer.events import Stage
from composer.markdown import count_words
from composer.prompts import kinds
from composer.reply import HEADING, bare_heading, key_of, new_sentences, stopping
from composer.toolkit import Toolkit
from composer.write import ENOUGH, growth_of, stream_into, tokens_for, told

ONE_DRAFT = {"en": 600, "zh": 900}  # the most that is written at once: words, characters
DRAFTED, OVERLONG = 0.5, 1.6  # of a section's target: a draft's is filled up below, and goes no further than that
TITLE = re.compile(r"\s*\**\s*(title|标题)\s*\**\s*[:：]", re.IGNORECASE)
HOLD = 160  # characters after which a line is no heading
NEAR = 6  # letters that a title has at least, for one that holds or is held by another to be taken for it


def draft(toolkit: Toolkit, article: Article, heading: str) -> Stage:
    """The sections from this heading on that are written at once, in one reply that is shared out over them as it comes;
    nothing where no part begins here, some of it stands, or the writer is shown the article so far."""
    part = next((p for p in parts_of(article) if p[0].heading and p[0].heading.id == heading), [])
    if toolkit.settings.writer_sees != "section" or not part or not all(_is_fresh(s) for s in part):
        return article
    brief, prompt = article.brief, draft_prompt(toolkit, article, part)
    tokens = tokens_for(brief, sum(planned_words(article, s) for s in part), slack=1.4) + 60
    raw = toolkit.text.stream(prompt, max_tokens=tokens, seed=brief.seed)
    with stopping(raw) as pieces:
        shared = (
            dealt(pieces, [planned_words(article, s) for s in part])
            if kinds()[brief.kind].one_thread
            else parted(pieces, [s.title for s in part])
        )
        for number, group in groupby(shared, key=lambda piece: piece[0]):
            growth = growth_of(article, part[number])
            new_sentences(told(prompt), growth.said)
            most = round(OVERLONG * planned_words(article, part[number]))
            article = yield from stream_into(article, (text for _, text in group), growth, most)
    return article


def parts_of(article: Article) -> list[list[Section]]:
    """The sections with headings in as few parts of about the same length as can be written at once each."""
    sections = [s for s in article.sections() if s.heading]
    total = sum(planned_words(article, s) for s in sections)
    count = min(len(sections), ceil(total / ONE_DRAFT.get(article.brief.language[:2], ONE_DRAFT["en"])))
    parts, before = [list[Section]() for _ in range(count)], 0
    for section in sections:
        middle = before + planned_words(article, section) / 2
        parts[min(count - 1, int(count * middle / max(1, total)))].append(section)
        before += planned_words(article, section)
    return [part for part in parts if part]


def _is_fresh(section: Section) -> bool:
    """Whether it is planned, and nothing of it stands."""
    return section.plan is not None and not section.plan.written and not section.text


def parted(pieces: Iterable[str], titles: Sequence[str]) -> Iterator[tuple[int, str]]:
    """(number of the section from 0, text) as it comes, without the headings that open the planned sections.

    What stands before the first heading belongs to the first section. Sections come in their order: a heading of one that
    is passed, or of none, is part of the text.
    """
    keys, now = [key_of(title) for title in titles], 0
    for line, may_open in _lined(pieces):
        found = _opened(line, keys, now) if may_open else None
        if found is None:
            yield now, line
        else:
            now = found


def dealt(pieces: Iterable[str], lengths: Sequence[int]) -> Iterator[tuple[int, str]]:
    """(number of the section from 0, text) as it comes, without headings: a section ends with the paragraph in which its
    length is reached."""
    number, words, line = 0, 0, ""
    for part, may_open in _lined(pieces):
        if may_open and (HEADING.match(part.strip()) or TITLE.match(part)):
            continue
        yield number, part
        line += part
        if part.endswith("\n"):
            words, line = words + count_words(line), ""
            if words >= ENOUGH * lengths[number] and number + 1 < len(lengths):
                number, words = number + 1, 0


def _lined(pieces: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """The text in pieces that end at a line's end at the latest, and whether one may be a heading: then it is a whole line."""
    held, at_start = "", True
    for piece in pieces:
        held += piece
        while held:
            end = held.find("\n")
            may_open = at_start and held.lstrip()[:1] in ("", "#", "*")
            if may_open and end < 0 and len(held) < HOLD:
                break
            line, held = (held[: end + 1], held[end + 1 :]) if end >= 0 else (held, "")
            yield line, may_open
            at_start = end >= 0
    if held:
        yield held, True


def _opened(line: str, keys: Sequence[str], now: int) -> int | None:
    """The section that a line opens, from the present one on; None for other lines."""
    heading = HEADING.match(line.strip())
    if heading is None:
        return None
    own = key_of(bare_heading(heading.group(2) or heading.group(3)))
    for number in range(now, len(keys)):
        near = min(len(own), len(keys[number])) >= NEAR and (own in keys[number] or keys[number] in own)
        if own and (own == keys[number] or near):
            return number
    return None
