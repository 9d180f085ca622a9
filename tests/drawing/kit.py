"""What the tests of drawing share: an article with open slots, and a toolkit that draws flat colours."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from composer.article import Block, ImageSlot, TextBlock, with_id
from composer.edits import AddBlock, SetBrief
from composer.settings import load_settings
from composer.store import ArticleLog
from composer.toolkit import Toolkit
from retrieval.picture import Picture
from tests.composer import kit
from tests.fakes import FlatGenerator

TEXT = "The keeper walks up. He sees the sea."


def article_with(tmp: Path, *slots: ImageSlot, text: str = TEXT) -> ArticleLog:
    """A section with a paragraph and these slots, which get ids of their own."""
    log = kit.start(tmp)
    blocks: list[Block] = [TextBlock(id="", markdown="## The watch"), TextBlock(id="", markdown=text), *slots]
    for block in blocks:
        after = log.article.blocks[-1].id if log.article.blocks else None
        log.commit(AddBlock(block=with_id(log.article, block), after=after), by="model")
    return log


def wanting(query: str, **more: Any) -> ImageSlot:  # noqa: ANN401 - fields of a slot
    return ImageSlot(id="", purpose="shows the work", query=query, **more)


def drawing(log: ArticleLog, generator: FlatGenerator | None = None, **settings: Any) -> Toolkit:  # noqa: ANN401
    """A toolkit that draws and judges nothing, unless the settings say so."""
    chosen = load_settings(**{"draw_gate": 0, "picture_px": 64, **settings})
    return replace(kit.kit(log), generator=generator or FlatGenerator(), settings=chosen, sources=())


def refer(log: ArticleLog, *captions: str) -> list[Picture]:
    """Reference pictures for the article, their files kept with it."""
    made = []
    for caption in captions:
        picture, data = kit.picture(caption)
        log.pictures.put(picture.digest, picture.media_type, data)
        made.append(picture)
    log.commit(SetBrief(brief=replace(log.article.brief, references=tuple(made))), by="person")
    return made
