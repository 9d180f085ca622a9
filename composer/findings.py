"""What an editor would object to: each finding with its place, and where a machine can mend it, how.

Looks at one article and says nothing of models or pages; words for readers are the interface's business.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from composer.article import Article, ImageSlot, TextBlock
from composer.edits import ArrangeImage, DescribeImage, Edit, RemoveBlock, ReplaceText
from composer.facts import mentions, missing
from composer.markdown import CJK, count_words, plain_text, sentences
from retrieval.licences import terms_of

WORDS_A_MINUTE, CHARACTERS_A_MINUTE = 230, 400
NEEDED_PX = {"small": 288, "column": 640, "wide": 1000}  # width that a size of figure shows without blur
LONG_SENTENCE = 24  # characters: shorter ones may repeat
VOWELS = re.compile(r"[aeiouy]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to look at."""

    code: str  # a key of the interface's words: "check.CODE"
    block: str = ""  # id of the block; "" for the whole article
    values: Mapping[str, str] = field(default_factory=dict)  # for the words
    fix: tuple[Edit, ...] = ()  # edits that mend it; none: only a person can


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Length and difficulty of the text."""

    words: int
    minutes: int  # of reading, at least 1
    grade: float | None  # Flesch-Kincaid school grade; None where the language is not English
    pictures: int


def findings(article: Article, *, use: str = "any") -> list[Finding]:
    """Everything that stands out, in the order of the article; `use`: any, commercial, modify or both."""
    found = [*_headings(article), *_repeats(article)]
    for slot in article.slots():
        found += _picture(slot, use)
    order = {b.id: n for n, b in enumerate(article.blocks)}
    found.sort(key=lambda f: order.get(f.block, -1))
    return [*_whole(article), *found]


def figures_of(article: Article) -> Figures:
    """Length, reading time and, for English, the school grade the text asks for (Kincaid et al. 1975)."""
    text = "\n\n".join(plain_text(b.markdown) for b in article.blocks if isinstance(b, TextBlock))
    characters = len(CJK.findall(text))
    words = count_words(text)
    minutes = (words - characters) / WORDS_A_MINUTE + characters / CHARACTERS_A_MINUTE
    pictures = sum(s.picture is not None for s in article.slots())
    grade = _grade(text) if article.brief.language.startswith("en") else None
    return Figures(words=words, minutes=max(1, round(minutes)), grade=grade, pictures=pictures)


def _grade(text: str) -> float | None:
    words = re.findall(r"[A-Za-z]+", text)
    said = [s for line in text.splitlines() for s in sentences(line)]
    if len(words) < 30 or not said:
        return None
    syllables = sum(max(1, len(VOWELS.findall(w.lower().removesuffix("e")))) for w in words)
    return round(0.39 * len(words) / len(said) + 11.8 * syllables / len(words) - 15.59, 1)


def _whole(article: Article) -> Iterator[Finding]:
    if not article.title.strip():
        yield Finding(code="no_title")
    text = plain_text("\n\n".join(f"{s.title}\n\n{s.text}" for s in article.sections()))
    for fact in missing(text, article.brief.must_mention):
        yield Finding(code="fact_missing", values={"fact": fact})
    for topic in article.brief.avoid:
        if mentions(text, topic):
            yield Finding(code="topic_mentioned", values={"topic": topic})


def _headings(article: Article) -> Iterator[Finding]:
    """Levels that are skipped, sections without text and headings that stand twice."""
    last, seen = 1, set[str]()
    for block in article.blocks:
        found = re.match(r"(#{1,6})\s+(.*)", block.markdown) if isinstance(block, TextBlock) else None
        if not found or not isinstance(block, TextBlock):
            continue
        level, title = len(found[1]), found[2].strip()
        if level > last + 1:
            mended = ReplaceText(id=block.id, markdown=f"{'#' * (last + 1)} {title}")
            yield Finding(code="level_skipped", block=block.id, values={"title": plain_text(title)}, fix=(mended,))
        last = min(level, last + 1)
        if level == 2 and title.lower() in seen:
            yield Finding(code="heading_twice", block=block.id, values={"title": plain_text(title)})
        seen.add(title.lower())
    for section in article.sections():
        if section.heading and not section.text.strip():
            yield Finding(code="section_empty", block=section.heading.id, values={"title": section.title})


def _repeats(article: Article) -> Iterator[Finding]:
    """Sentences that stood before, word for word."""
    seen: set[str] = set()
    for block in article.blocks:
        if not isinstance(block, TextBlock) or block.markdown.startswith(("#", "```", "|")):
            continue
        for sentence in sentences(plain_text(block.markdown)):
            key = " ".join(sentence.lower().split())
            if len(key) >= LONG_SENTENCE and key in seen:
                yield Finding(
                    code="repeated", block=block.id, values={"sentence": sentence[:80]}, fix=_without(block, sentence)
                )
            seen.add(key)


def _without(block: TextBlock, sentence: str) -> tuple[Edit, ...]:
    """The edit that takes a sentence's last standing out of a block; none where marks stand inside it."""
    place = block.markdown.rfind(sentence)
    if place < 0:
        return ()
    left = f"{block.markdown[:place].rstrip()} {block.markdown[place + len(sentence) :].lstrip()}".strip()
    return (ReplaceText(id=block.id, markdown=left),) if left else (RemoveBlock(id=block.id),)


def _picture(slot: ImageSlot, use: str) -> Iterator[Finding]:
    picture = slot.picture
    name = {"picture": slot.caption or slot.query}
    if picture is None:
        yield Finding(code="slot_open", block=slot.id, values=name, fix=(RemoveBlock(id=slot.id),))
        return
    alt, caption = slot.alt.strip(), slot.caption.strip()
    if not alt and not slot.decorative:
        decorative = ArrangeImage(id=slot.id, size=slot.size, align=slot.align, decorative=True, focus=slot.focus)
        yield Finding(code="alt_missing", block=slot.id, values=name, fix=(decorative,))
    elif alt and alt.lower() == caption.lower() and not slot.decorative:
        bare = DescribeImage(id=slot.id, caption="", alt=slot.alt)
        yield Finding(code="alt_is_caption", block=slot.id, values=name, fix=(bare,))
    credit = picture.attribution
    if not credit.licence or credit.licence == "unknown" or not (credit.author or credit.source):
        yield Finding(code="credit_missing", block=slot.id, values=name)
    else:
        yield from _terms(slot, credit.licence, credit.licence_url, credit.changes, use)
    if credit.generated and "ai" not in f"{credit.source} {credit.author}".lower().replace("-", " ").split():
        yield Finding(code="ai_unmarked", block=slot.id, values=name)
    if picture.media_type != "image/svg+xml" and 0 < picture.width < NEEDED_PX[slot.size]:
        values = name | {"width": str(picture.width), "needed": str(NEEDED_PX[slot.size])}
        small = ArrangeImage(id=slot.id, size="small", align=slot.align, decorative=slot.decorative, focus=slot.focus)
        yield Finding(code="too_small", block=slot.id, values=values, fix=(small,) if slot.size != "small" else ())


def _terms(slot: ImageSlot, licence: str, url: str, changes: str, use: str) -> Iterator[Finding]:
    terms = terms_of(licence, url)
    values = {"picture": slot.caption or slot.query, "licence": licence}
    if use in ("commercial", "both") and not terms.commercial:
        yield Finding(code="not_commercial", block=slot.id, values=values)
    if (use in ("modify", "both") or changes) and not terms.modification:
        yield Finding(code="not_changed", block=slot.id, values=values)
