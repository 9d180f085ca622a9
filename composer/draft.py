"""A whole short article in one reply, parted at its planned headings as it comes.

A small model writes a short text better in one go than section by section (docs/quality.md). What it leaves out is written
by `write_section`, as in a long article.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from composer.article import Article
from composer.conversation import PASSAGE_CHARS, draft_prompt
from composer.events import Stage
from composer.reply import HEADING, bare_heading, key_of, new_sentences, stopping
from composer.toolkit import Toolkit
from composer.write import growth_of, stream_into, tokens_for, told

ONE_DRAFT = {"en": 600, "zh": 900}  # the longest that is written at once: words, characters
DRAFTED, OVERLONG = 0.5, 1.6  # of a section's target: a draft's is filled up below, and goes no further than that
HOLD = 160  # characters after which a line is no heading
NEAR = 6  # letters that a title has at least, for one that holds or is held by another to be taken for it


def is_short(toolkit: Toolkit, article: Article) -> bool:
    """Whether all of it is written at once: a short article of which nothing stands yet, for a writer that is shown
    sections alone."""
    brief, sections = article.brief, [s for s in article.sections() if s.heading]
    return (
        toolkit.settings.writer_sees == "section"
        and brief.words <= ONE_DRAFT.get(brief.language[:2], ONE_DRAFT["en"])
        and sum(len(m.text) for m in brief.material) <= PASSAGE_CHARS
        and bool(sections)
        and all(s.plan and not s.plan.written and not s.text for s in sections)
    )


def draft(toolkit: Toolkit, article: Article) -> Stage:
    """The whole text in one reply, shared out over its sections as it comes."""
    brief, prompt = article.brief, draft_prompt(toolkit, article)
    sections = [s for s in article.sections() if s.heading]
    tokens = tokens_for(brief, brief.words, slack=1.4) + 60
    raw = toolkit.text.stream(prompt, max_tokens=tokens, seed=brief.seed)
    with stopping(raw) as pieces:
        for number, group in groupby(parted(pieces, [s.title for s in sections]), key=lambda part: part[0]):
            section = sections[number]
            growth = growth_of(article, section)
            new_sentences(told(prompt), growth.said)
            most = round(OVERLONG * section.plan.words) if section.plan else 0
            article = yield from stream_into(article, (text for _, text in group), growth, most)
    return article


def parted(pieces: Iterable[str], titles: Sequence[str]) -> Iterator[tuple[int, str]]:
    """(number of the section from 0, text) as it comes, without the headings that open the planned sections.

    What stands before the first heading belongs to the first section. Sections come in their order: a heading of one that
    is passed, or of none, is part of the text.
    """
    keys = [key_of(title) for title in titles]
    now, held, at_start = 0, "", True
    for piece in pieces:
        held += piece
        while held:
            end = held.find("\n")
            may_open = at_start and held.lstrip()[:1] in ("", "#", "*")
            if may_open and end < 0 and len(held) < HOLD:
                break
            line, held = (held[: end + 1], held[end + 1 :]) if end >= 0 else (held, "")
            found = _opened(line, keys, now) if may_open else None
            if found is None:
                yield now, line
            else:
                now = found
            at_start = end >= 0
    if held and _opened(held, keys, now) is None:
        yield now, held


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
