"""Changing text that stands: rewrite, expand, shorten or continue a section or a block, with an instruction.

New paragraphs take the old ones' places one by one, so pictures stay where they are. All edits of a call are one step
of undo. A block that the person touches meanwhile is left to the person.
"""

from collections.abc import Iterator
from typing import Literal

from composer.article import Article, TextBlock, with_id
from composer.conversation import language, request_on
from composer.edits import AddBlock, RemoveBlock, ReplaceText
from composer.errors import UsageError
from composer.events import Stage, StageStarted
from composer.markdown import count_words, drop_open_end, is_prose, plain_text, split_blocks
from composer.prompts import kinds, prompts
from composer.reply import clean, key_of, stopping
from composer.toolkit import Toolkit
from composer.write import paced, tokens_for

Task = Literal["rewrite", "expand", "shorten", "continue"]
FACTOR: dict[Task, float] = {"rewrite": 1.0, "expand": 1.6, "shorten": 0.6, "continue": 0.6}


def text_ids(article: Article, block_id: str) -> list[str]:
    """The text blocks that a heading or block id stands for: the section's, or the block itself."""
    section = article.section_of(block_id)
    if section and section.heading and section.heading.id == block_id:
        return [b.id for b in section.blocks if isinstance(b, TextBlock)]
    return [block_id] if article.text_block(block_id) else []


def revise(toolkit: Toolkit, article: Article, block_id: str, task: Task, instruction: str = "") -> Stage:
    """Do `task` to a section (named by its heading) or a block. Raises UsageError when there is no text to work on."""
    old = [b for i in text_ids(article, block_id) if (b := article.text_block(i))]
    section = article.section_of(block_id)
    if not old or section is None:
        raise UsageError("There is no text here yet to work on. Write the section first.")
    yield StageStarted(stage="revise", detail=task)
    text = "\n\n".join(b.markdown for b in old)
    words = max(30, round(count_words(plain_text(text)) * FACTOR[task]))
    template = prompts(article.brief.language)
    request = template.revise.render(
        task=task,
        words=words,
        instruction=instruction.strip(),
        title=section.title,
        text=text,
        language=language(article.brief),
        running_text=kinds()[article.brief.kind].running_text,
    )
    prompt = request_on(toolkit, article, request, section)
    tokens = tokens_for(article.brief, words, slack=1.5) + 80
    raw = toolkit.text.stream(prompt, max_tokens=tokens, seed=article.brief.seed + len(text))
    places = [] if task == "continue" else [b.id for b in old]
    with stopping(raw) as pieces:
        cleaned = clean(paced(pieces), seen={key_of(section.title)}, template=template)
        return (yield from _replace(article, cleaned, places, old[-1].id))


def _replace(article: Article, pieces: Iterator[str], places: list[str], last: str) -> Stage:
    """Stream text into `places`, then behind the last of them; places left over are removed."""
    buffer, used, shown = "", list[str](), ""
    for piece in pieces:
        buffer += piece
        for number, part in enumerate(split_blocks(buffer)):
            if number < len(used) - 1 or (number == len(used) - 1 and part == shown):
                continue
            if number < len(used):
                article = yield ReplaceText(id=used[number], markdown=part)
            elif number < len(places):
                article = yield ReplaceText(id=places[number], markdown=part)
                used.append(places[number])
            else:
                block = with_id(article, TextBlock(id="", markdown=part))
                article = yield AddBlock(block=block, after=used[-1] if used else last)
                used.append(block.id)
            shown = part
    if used and shown and is_prose(shown) and (whole := drop_open_end(shown)) and whole != shown:
        article = yield ReplaceText(id=used[-1], markdown=whole)
    for block_id in places[len(used) :] if used else []:
        article = yield RemoveBlock(id=block_id)
    return article
