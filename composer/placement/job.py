"""A text being illustrated: what its author wants, where its slots stand, and the article that shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from composer.article import Article, Brief, TextBlock, with_id
from composer.brief import detect_language
from composer.edits import AddBlock, SetBrief, SetTitle
from composer.placement.document import Document
from composer.placement.text import Block
from composer.store import ArticleLog
from retrieval.encoder import Encoder
from retrieval.lettering import LetterReader
from retrieval.picture import Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an author wants of an illustration."""

    images: int | None = None  # None: as many as help
    pool: tuple[Picture, ...] = ()  # the author's own for this text, each used at most once
    words: bool = True  # a language model says what to look for and words captions; else the text's own words do
    judged: bool = False  # a language model is asked about places, too
    web: tuple[str, ...] = ()  # web sources that may be asked for pictures


@dataclass(slots=True)
class Job:
    """A text being illustrated: where each slot stands, and why."""

    document: Document
    order: Order
    encoder: Encoder | None  # reads captions
    pixels: Encoder | None = None  # looks at pictures whose captions say nothing
    letters: LetterReader | None = None  # reads the words that stand in them
    gaps: dict[str, int] = field(default_factory=dict)  # by slot id
    blocks: list[str | None] = field(default_factory=list)  # id of each block; None for the title
    chance: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))  # of each gap
    reasons: dict[str, str] = field(default_factory=dict)  # by slot id

    def decisions(self, article: Article) -> list[Mapping[str, object]]:
        """Every place with its reason, its picture and the other candidates, for decisions.json."""
        return [
            self._decision(article, slot)
            for slot in sorted(self.gaps, key=lambda s: self.gaps[s])
            if article.slot(slot)
        ]

    def _decision(self, article: Article, slot_id: str) -> Mapping[str, object]:
        slot, gap = article.slot(slot_id), self.gaps[slot_id]
        assert slot is not None
        behind = self.document.blocks[gap - 1].plain if gap else ""
        return {
            "gap": gap,
            "behind": behind[-120:],
            "chance": round(float(self.chance[gap]), 3),
            "reason": self.reasons.get(slot_id, ""),
            "purpose": slot.purpose,
            "query": slot.query,
            "picture": slot.picture.caption if slot.picture else None,
            "candidates": [{"caption": c.picture.caption, "relevance": round(c.relevance, 3)} for c in slot.candidates],
        }


def take_in(log: ArticleLog, document: Document, order: Order, name: str, references: Sequence[Picture]) -> Job:
    """Begin an article whose blocks show the text; the person's, so that no model changes them."""
    blocks = document.blocks
    heading = bool(blocks) and blocks[0].kind == "heading"
    title = document.title or name
    language = detect_language(" ".join(b.plain for b in blocks)[:20000])
    brief = Brief(
        instruction=f"Illustrate {name}",
        title=title,
        language=language,
        images=order.images,
        references=tuple(references),
        web=order.web,
        words=max(1, sum(len(b.plain.split()) for b in blocks)),
    )
    log.commit(SetBrief(brief=brief), by="person")
    log.commit(SetTitle(title=title), by="person")
    job = Job(document=document, order=order, encoder=None)
    for number, block in enumerate(blocks):
        if number == 0 and heading:
            job.blocks.append(None)
            continue
        text = with_id(log.article, TextBlock(id="", markdown=_shown(document, block), author="person"))
        log.commit(AddBlock(block=text, after=log.article.blocks[-1].id if log.article.blocks else None), by="person")
        job.blocks.append(text.id)
    return job


def _shown(document: Document, block: Block) -> str:
    """A block as the article shows it; of a page's elements only the words, for raw HTML is text there."""
    if document.form == "markdown":
        return block.raw
    return f"## {block.plain}" if block.kind == "heading" else block.plain or block.raw
