"""Edits that bring an article back to how it once was, or make a fresh one into a copy of another."""

from collections.abc import Iterator

from composer.apply import apply
from composer.article import Article
from composer.edits import (
    AddBlock,
    Edit,
    MoveBlock,
    PlanSection,
    RemoveBlock,
    SetStyle,
    SetStyleCard,
    SetSummary,
    SetTitle,
    UnplanSection,
)


def restoring(present: Article, wanted: Article) -> list[Edit]:
    """Edits that, made by a person in order, give `present` the title, text, pictures and plan of `wanted`."""
    edits: list[Edit] = []
    for edit in _steps(present, wanted):
        edits.append(edit)
        present = apply(present, edit, by="person")
    return edits


def _steps(present: Article, wanted: Article) -> Iterator[Edit]:
    if present.title != wanted.title:
        yield SetTitle(title=wanted.title)
    if present.summary != wanted.summary:
        yield SetSummary(summary=wanted.summary)
    if present.style != wanted.style:
        yield SetStyle(style=wanted.style)
    if (present.card, present.style_strength) != (wanted.card, wanted.style_strength):
        yield SetStyleCard(card=wanted.card, strength=wanted.style_strength)
    yield from _rows(present, wanted)
    kept = {b.id for b in wanted.blocks if present.block(b.id) == b}
    planned = {p.heading: p for p in present.plans if p.heading in kept}
    for plan in wanted.plans:
        if planned.pop(plan.heading, None) != plan:
            yield PlanSection(plan=plan)
    for heading in planned:
        yield UnplanSection(heading=heading)


def _rows(present: Article, wanted: Article) -> Iterator[Edit]:
    """The blocks: what differs is taken out and put in anew, what only stands elsewhere is moved."""
    row = [b.id for b in present.blocks]
    for block in present.blocks:
        if wanted.block(block.id) != block:
            row.remove(block.id)
            yield RemoveBlock(id=block.id)
    for place, block in enumerate(wanted.blocks):
        after = wanted.blocks[place - 1].id if place else None
        if block.id not in row:
            yield AddBlock(block=block, after=after)
        elif row[place] == block.id:
            continue
        else:
            row.remove(block.id)
            yield MoveBlock(id=block.id, after=after)
        row.insert(place, block.id)
