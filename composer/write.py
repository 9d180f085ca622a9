"""The second stage: the text, section by section, streamed into blocks around the slots that already stand there.

Holds to the planned length within a quarter, drops what is no text, says nothing twice, ends on a whole sentence, and
adds the facts that a section must state and does not. Never touches a block that a person wrote.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from composer.article import Article, Brief, ImageSlot, Section, SectionPlan, TextBlock, with_id
from composer.conversation import language, paragraphs_for, section_prompt
from composer.edits import AddBlock, AppendText, Edit, PlanSection, RemoveBlock, ReplaceText
from composer.events import Stage
from composer.facts import as_sentences, missing
from composer.markdown import count_words, drop_open_end, ends_whole, is_prose, plain_text, split_blocks
from composer.models import Prompt, ProseModel
from composer.prompts import assistant, kinds, prompts, user
from composer.reply import clean, key_of, new_sentences, shape_of, stopping, without_echo, without_talk, without_title
from composer.toolkit import Toolkit

ENOUGH, PLENTY, TOO_MUCH = 0.8, 1.02, 1.2  # of the target: go on below, stop at a paragraph's end, at a sentence's end
TOKENS_PER_WORD = {"en": 1.6, "zh": 1.1}
TITLE = 90  # characters that a heading has at most
ITEM = re.compile(r"(?:[-*+]|\d{1,3}[.)]?)(?:\s|$)")  # how a list begins, also while its first mark is streamed
PIECE_SECONDS = 0.06  # the shortest time between two edits of a stream


def write_section(toolkit: Toolkit, article: Article, heading: str, *, enough: float = ENOUGH) -> Stage:
    """One section, from its heading to its end; below `enough` of its planned length it is gone on with."""
    section = article.section_of(heading)
    if section is None:
        return article
    article = yield from _drop_torn_end(article, section)
    plan = section.plan or SectionPlan(heading=heading)
    growth = growth_of(article, section)
    stuck = 0
    for attempt in range(4 + paragraphs_for(plan.words)):
        words = _words_of(article, heading)
        if words >= enough * plan.words and words:
            break
        left = max(plan.words - words, 40)
        prompt = _prompt(toolkit, article, heading, left=left)
        if stuck < 2:
            new_sentences(told(prompt), growth.said)  # what it was told to do is not what it says
        raw = _ask(toolkit, article.brief, prompt, left, attempt)
        article = yield from stream_into(article, raw, growth, plan.words)
        stuck = stuck + 1 if _words_of(article, heading) == words else 0
        if stuck == 2 and not _words_of(article, heading):
            growth.said.clear()  # better said before than an empty section
        elif stuck >= 2:
            break  # it has no more to say
    article = yield from _drop_bare_headings(article, heading)
    article = yield from _add_missing(toolkit, article, heading)
    if article.text_block(heading):
        done = article.plan(heading) or plan
        article = yield PlanSection(plan=replace(done, written=True))
    return article


def tokens_for(brief: Brief, words: int, *, slack: float) -> int:
    """How many tokens so many words of the article's language take, times `slack`."""
    return int(words * slack * TOKENS_PER_WORD.get(brief.language[:2], 2.2))


def growth_of(article: Article, section: Section) -> "Growth":
    """A section that is to grow, as the article stands."""
    return Growth(
        heading=section.heading.id if section.heading else "",
        title=section.title,
        purpose=section.plan.purpose if section.plan else "",
        said=_said(article),
        headings=_headings(article),
    )


@dataclass(slots=True)
class Growth:
    """Where a section grows: the block being written, and what is behind it."""

    heading: str
    title: str
    purpose: str  # what it was planned to tell
    said: list[frozenset[str]]  # the shapes of the article's sentences
    headings: set[str]  # the keys of its headings
    block: str = ""  # id of the block being written; "" between blocks
    shown: str = ""  # its text so far
    skipping: bool = False  # a person took the block over: what was meant for it is dropped
    own: list[str] = field(default_factory=list)  # ids of the blocks written, in order
    idle: bool = False  # the last block said nothing new: the model turns in circles


def _ask(toolkit: Toolkit, brief: Brief, prompt: Prompt, words: int, attempt: int) -> Iterator[str]:
    """The model's reply; held to running text where the kind of article is that and the engine can."""
    tokens = tokens_for(brief, max(words, 60), slack=1.4) + 60
    by_itself = toolkit.settings.writer_sees == "section"
    if kinds()[brief.kind].running_text and isinstance(toolkit.text, ProseModel) and not by_itself:
        # one paragraph a call: told to write two, a small model fills the second with the first (measured, decisions.md)
        return toolkit.text.prose(prompt, paragraphs=1, max_tokens=tokens, seed=brief.seed + attempt)
    return toolkit.text.stream(prompt, max_tokens=tokens, seed=brief.seed + attempt)


def told(prompt: Prompt) -> str:
    """The request itself, without the facts and passages that it quotes: those are to be said."""
    return " ".join(line for line in prompt[-1].content.splitlines() if not line.startswith(("-", ">")))


def stream_into(article: Article, raw: Iterator[str], growth: Growth, target: int) -> Stage:
    """One reply of the model, as edits."""
    buffer = ""
    growth.block, growth.shown, growth.skipping, growth.idle = "", "", False, False
    with stopping(raw) as pieces:
        text = clean(paced(pieces), seen=growth.headings, template=prompts(article.brief.language))
        for piece in text:
            buffer += piece
            parts = split_blocks(buffer)
            while len(parts) > 1:
                done = parts.pop(0)
                article = yield from _finish(article, growth, done)
                buffer = buffer[buffer.find(parts[0], len(done)) :]
                if growth.idle:
                    return article
            article = yield from _show(article, growth, parts[0] if parts else "")
            if _is_enough(buffer, _words_of(article, growth.heading), target):
                break
    last = split_blocks(buffer)
    if last:
        whole = drop_open_end(last[-1]) if is_prose(last[-1]) else last[-1]
        article = yield from _finish(article, growth, whole)
    return article


def _is_enough(buffer: str, words: int, target: int) -> bool:
    at_sentence_end = ends_whole(buffer) or buffer.endswith("\n")
    return (words >= target * PLENTY and buffer.endswith("\n")) or (words >= target * TOO_MUCH and at_sentence_end)


def _show(article: Article, growth: Growth, text: str) -> Stage:
    """Bring the block being written up to `text`."""
    text = text.rstrip()
    if growth.skipping or not text:
        return article
    if not growth.block:
        block = with_id(article, TextBlock(id="", markdown=text))
        article = yield AddBlock(block=block, after=behind(article, growth, text))
        if article.block(block.id):
            growth.block, growth.shown = block.id, text
            growth.own.append(block.id)
        return article
    if text != growth.shown:
        edit: Edit = (
            AppendText(id=growth.block, text=text[len(growth.shown) :])
            if text.startswith(growth.shown)
            else ReplaceText(id=growth.block, markdown=text)
        )
        article = yield edit
        growth.shown = text
        present = article.text_block(growth.block)
        growth.skipping = present is None or present.markdown != text
    return article


def _finish(article: Article, growth: Growth, text: str) -> Stage:
    """End the block being written with `text`, without what was said before and without a heading in disguise."""
    no_text = is_prose(text) and _is_title(text, growth)
    if is_prose(text):
        said = without_talk(without_title(text, growth.title), prompts(article.brief.language).meta_sentences)
        said = new_sentences(without_echo(said), [shape_of(growth.purpose)])
        no_text = no_text or not said
        text = "" if no_text else new_sentences(said, growth.said)
    if text.strip():
        article = yield from _show(article, growth, text)
    elif growth.block and not growth.skipping:
        growth.idle = not no_text
        article = yield RemoveBlock(id=growth.block)
        growth.own = [i for i in growth.own if i != growth.block]
    growth.block, growth.shown, growth.skipping = "", "", False
    return article


def _is_title(text: str, growth: Growth) -> bool:
    """Whether a line is a heading that was not marked as one: it stands elsewhere, or opens the section without an end."""
    bare = text.strip(" *_:：")
    opens = len(growth.own) <= 1 and len(bare) < TITLE and bare[-1:].isalnum()
    return "\n" not in bare and (key_of(bare) in growth.headings or opens)


def behind(article: Article, growth: Growth, text: str) -> str:
    """The block that `text` follows: the section's last text, or the slot behind it if its place has come, which is
    never between the items of a list nor between a colon and what it announces."""
    section = article.section_of(growth.heading)
    if section is None:
        return article.blocks[-1].id
    texts = [b for b in section.blocks if isinstance(b, TextBlock)]
    if not texts:
        return growth.heading
    position = section.blocks.index(texts[-1]) + 1
    following = section.blocks[position] if position < len(section.blocks) else None
    target = section.plan.words if section.plan else 0
    share = _words_of(article, growth.heading) / max(target, 1)
    last = texts[-1].markdown.rstrip()
    together = last.endswith((":", "：")) or (ITEM.match(last) and ITEM.match(text))
    if isinstance(following, ImageSlot) and not together and _has_come(following, share):
        return following.id
    return texts[-1].id


def _has_come(slot: ImageSlot, share: float) -> bool:
    """Whether the text after this share of a section stands behind the slot."""
    return {"start": True, "middle": share >= 0.4, "end": False}[slot.place]


def _add_missing(toolkit: Toolkit, article: Article, heading: str) -> Stage:
    """A sentence or two for the facts that the section must state and nothing does: the model's, else the author's own."""
    section = article.section_of(heading)
    if not section or not section.plan:
        return article
    absent = missing(plain_text("\n\n".join(s.text for s in article.sections())), section.plan.facts)
    if not absent:
        return article
    request = prompts(article.brief.language).add_facts.render(
        title=section.title, facts=absent, language=language(article.brief)
    )
    prompt = (*_prompt(toolkit, article, heading, left=0)[:-1], user(request))
    reply = toolkit.text.stream(prompt, max_tokens=60 + 60 * len(absent), seed=article.brief.seed)
    text = "".join(clean(reply, seen=_headings(article), template=prompts(article.brief.language)))
    sentence = drop_open_end(" ".join(text.split()))
    left = missing(sentence, absent)
    told = [sentence if len(left) < len(absent) else "", as_sentences(left, article.brief.language)]
    if text := " ".join(filter(None, told)):
        last = section.blocks[-1].id if section.blocks else heading
        block = with_id(article, TextBlock(id="", markdown=text))
        article = yield AddBlock(block=block, after=last)
    return article


def _prompt(toolkit: Toolkit, article: Article, heading: str, *, left: int) -> Prompt:
    """What the model is asked: the section, or its continuation when some of it stands."""
    section = article.section_of(heading)
    if section is None:
        raise ValueError(f"no section {heading}")
    conversation = section_prompt(toolkit, article, section)
    if not section.text:
        return conversation
    request = prompts(article.brief.language).continue_section.render(words=max(40, left))
    return (*conversation, assistant(section.text), user(request))


def _drop_torn_end(article: Article, section: Section) -> Stage:
    """Take out a paragraph that a killed run left unfinished."""
    last = section.blocks[-1] if section.blocks else None
    torn = isinstance(last, TextBlock) and last.author == "model" and is_prose(last.markdown)
    if torn and isinstance(last, TextBlock) and not ends_whole(last.markdown):
        whole = drop_open_end(last.markdown)
        article = yield ReplaceText(id=last.id, markdown=whole) if whole else RemoveBlock(id=last.id)
    return article


def _drop_bare_headings(article: Article, heading: str) -> Stage:
    """Take out headings at a section's end below which nothing was written."""
    section = article.section_of(heading)
    for block in reversed(section.blocks if section else ()):
        if not isinstance(block, TextBlock) or block.author != "model" or not re.match(r"#+ .*$", block.markdown):
            break
        article = yield RemoveBlock(id=block.id)
    return article


def _words_of(article: Article, heading: str) -> int:
    section = article.section_of(heading)
    return count_words(plain_text(section.text)) if section else 0


def _said(article: Article) -> list[frozenset[str]]:
    """The sentences of the article, as `new_sentences` remembers them."""
    said: list[frozenset[str]] = []
    for block in article.blocks:
        if isinstance(block, TextBlock) and is_prose(block.markdown):
            new_sentences(block.markdown, said)
    return said


def _headings(article: Article) -> set[str]:
    """The keys of the article's title and headings."""
    texts = [b.markdown for b in article.blocks if isinstance(b, TextBlock) and b.markdown.startswith("#")]
    return {key_of(text) for text in (article.title, *texts)}


def paced(pieces: Iterator[str]) -> Iterator[str]:
    """The same text in pieces no closer than PIECE_SECONDS, but never waiting past a line's end."""
    held, last = "", 0.0
    for piece in pieces:
        held += piece
        now = time.monotonic()
        if now - last >= PIECE_SECONDS or re.search(r"[\n.。!?！？]", held):
            yield held
            held, last = "", now
    if held:
        yield held
