"""The one pure function that changes an article, the edits that take a change back, and the rule that the person wins."""

from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from composer.article import MIDDLE, Article, Author, Block, ImageSlot, SectionPlan, TextBlock
from composer.edits import (
    AddBlock,
    AppendText,
    ArrangeImage,
    ChooseImage,
    Claim,
    DescribeImage,
    Edit,
    FillBy,
    Lock,
    MoveBlock,
    OfferImages,
    PlanSection,
    RemoveBlock,
    ReplaceText,
    SeekImage,
    SetBrief,
    SetStyle,
    SetStyleCard,
    SetSummary,
    SetTitle,
    Targeted,
    UnplanSection,
)
from composer.errors import ConflictError

SlotEdit = SeekImage | FillBy | OfferImages | ChooseImage | DescribeImage | ArrangeImage


def apply(article: Article, edit: Edit, *, by: Author = "model") -> Article:  # noqa: C901 - one arm an edit
    """The article after the edit. Raises ConflictError when the edit names something that is not there."""
    match edit:
        case SetBrief(brief=brief):
            return replace(article, brief=brief)
        case SetTitle(title=title):
            return replace(article, title=title)
        case SetSummary(summary=summary):
            return replace(article, summary=summary)
        case SetStyle(style=style):
            return replace(article, style=style)
        case SetStyleCard(card=card, strength=strength):
            return replace(article, card=card, style_strength=strength)
        case AddBlock(block=block, after=after):
            return _add(article, block, after)
        case RemoveBlock(id=id):
            _require(article, id)
            plans = tuple(p for p in article.plans if p.heading != id)
            return replace(article, blocks=tuple(b for b in article.blocks if b.id != id), plans=plans)
        case MoveBlock(id=id, after=after):
            return _move(article, id, after)
        case PlanSection(plan=plan):
            return _plan(article, plan)
        case UnplanSection(heading=heading):
            return replace(article, plans=tuple(p for p in article.plans if p.heading != heading))
        case AppendText(id=id, text=text):
            return _text(article, id, lambda b: replace(b, markdown=b.markdown + text, author=by))
        case ReplaceText(id=id, markdown=markdown):
            return _text(article, id, lambda b: replace(b, markdown=markdown, author=by))
        case SeekImage() | FillBy() | OfferImages() | ChooseImage() | DescribeImage() | ArrangeImage():
            return _slot(article, edit, by)
        case Claim(id=id, author=author):
            return _put(article, replace(_require(article, id), author=author))
        case Lock(id=id, locked=locked):
            return _put(article, replace(_require(article, id), locked=locked))
        case _ as never:
            assert_never(never)


def inverse(article: Article, edit: Edit) -> tuple[Edit, ...]:  # noqa: C901 - one arm an edit
    """Edits that, applied in order by a person to `apply(article, edit)`, give `article` back but for `next_id`."""
    match edit:
        case SetBrief():
            return (SetBrief(brief=article.brief),)
        case SetTitle():
            return (SetTitle(title=article.title),)
        case SetSummary():
            return (SetSummary(summary=article.summary),)
        case SetStyle():
            return (SetStyle(style=article.style),)
        case SetStyleCard():
            return (SetStyleCard(card=article.card, strength=article.style_strength),)
        case AddBlock(block=block):
            return (RemoveBlock(id=block.id),)
        case RemoveBlock(id=id):
            plan = article.plan(id)
            add = AddBlock(block=_require(article, id), after=_before(article, id))
            return (add, PlanSection(plan=plan)) if plan else (add,)
        case MoveBlock(id=id):
            return (MoveBlock(id=id, after=_before(article, id)),)
        case PlanSection(plan=plan):
            old = article.plan(plan.heading)
            return (PlanSection(plan=old),) if old else (UnplanSection(heading=plan.heading),)
        case UnplanSection(heading=heading):
            old = article.plan(heading)
            return (PlanSection(plan=old),) if old else (UnplanSection(heading=heading),)
        case AppendText(id=id) | ReplaceText(id=id):
            block = _require_text(article, id)
            return (ReplaceText(id=id, markdown=block.markdown), Claim(id=id, author=block.author))
        case SeekImage() | FillBy() | OfferImages() | ChooseImage() | DescribeImage() | ArrangeImage():
            return (*_slot_inverse(article, edit), Claim(id=edit.id, author=_require(article, edit.id).author))
        case Claim(id=id):
            return (Claim(id=id, author=_require(article, id).author),)
        case Lock(id=id):
            return (Lock(id=id, locked=_require(article, id).locked),)
        case _ as never:
            assert_never(never)


def admit(article: Article, edit: Edit, *, by: Author, scope: frozenset[str] = frozenset()) -> bool:
    """Whether this author may make this edit now.

    A person may do anything. A model never touches a locked block, nor a person's block unless the person put it
    into its hands for this run (`scope`, block ids).
    """
    if by == "person" or not isinstance(edit, Targeted):
        return True
    block = article.block(edit.id)
    if block is None:
        return False
    if isinstance(edit, OfferImages):
        return not block.locked
    return not block.locked and (block.author == "model" or block.id in scope)


def _require(article: Article, block_id: str) -> Block:
    block = article.block(block_id)
    if block is None:
        raise ConflictError(
            f"The edit is for block {block_id}, which is not in the article any more. Reload the article."
        )
    return block


def _require_text(article: Article, block_id: str) -> TextBlock:
    block = _require(article, block_id)
    if not isinstance(block, TextBlock):
        raise ConflictError(f"The edit changes text, but block {block_id} is a picture slot.")
    return block


def _require_slot(article: Article, block_id: str) -> ImageSlot:
    block = _require(article, block_id)
    if not isinstance(block, ImageSlot):
        raise ConflictError(f"The edit is for a picture slot, but block {block_id} is text.")
    return block


def _before(article: Article, block_id: str) -> str | None:
    position = article.index(block_id)
    return article.blocks[position - 1].id if position > 0 else None


def _put(article: Article, block: Block) -> Article:
    return replace(article, blocks=tuple(block if b.id == block.id else b for b in article.blocks))


def _text(article: Article, block_id: str, change: Callable[[TextBlock], TextBlock]) -> Article:
    return _put(article, change(_require_text(article, block_id)))


def _insert(blocks: tuple[Block, ...], block: Block, after: str | None) -> tuple[Block, ...]:
    if after is None:
        return (block, *blocks)
    for position, other in enumerate(blocks):
        if other.id == after:
            return (*blocks[: position + 1], block, *blocks[position + 1 :])
    raise ConflictError(f"The edit puts a block behind block {after}, which is not in the article any more.")


def _add(article: Article, block: Block, after: str | None) -> Article:
    if article.block(block.id) is not None:
        raise ConflictError(f"The edit adds block {block.id}, which is in the article already.")
    number = int(block.id[1:]) if block.id[:1] == "b" and block.id[1:].isdecimal() else 0
    if not number:
        raise ConflictError(f"A block id is b1, b2, ...; the edit says {block.id!r}.")
    return replace(article, blocks=_insert(article.blocks, block, after), next_id=max(article.next_id, number + 1))


def _move(article: Article, block_id: str, after: str | None) -> Article:
    block = _require(article, block_id)
    if after == block_id:
        raise ConflictError(f"Block {block_id} cannot be put behind itself.")
    rest = tuple(b for b in article.blocks if b.id != block_id)
    return replace(article, blocks=_insert(rest, block, after))


def _plan(article: Article, plan: SectionPlan) -> Article:
    _require_text(article, plan.heading)
    others = (p for p in article.plans if p.heading != plan.heading)
    return replace(article, plans=tuple(sorted((*others, plan), key=lambda p: int(p.heading[1:]))))


def _slot(article: Article, edit: SlotEdit, by: Author) -> Article:
    slot = _require_slot(article, edit.id)
    match edit:
        case SeekImage(query=query, purpose=purpose):
            slot = replace(slot, query=query, purpose=purpose, author=by)
        case FillBy(way=way, said_by=said_by):
            slot = replace(slot, way=way, way_by=said_by)
        case OfferImages(candidates=candidates):
            kept = tuple(c for c in slot.candidates if c.picture.digest == slot.chosen)
            offered = {c.picture.digest for c in candidates}
            slot = replace(slot, candidates=(*candidates, *(c for c in kept if c.picture.digest not in offered)))
        case ChooseImage(digest=digest):
            if digest is not None and all(c.picture.digest != digest for c in slot.candidates):
                raise ConflictError(f"Picture {digest[:12]} is not among the candidates of slot {slot.id}.")
            focus = (
                slot.focus if digest == slot.chosen else MIDDLE
            )  # what mattered in the picture before is not in this one
            slot = replace(slot, chosen=digest, author=by, focus=focus)
        case DescribeImage(caption=caption, alt=alt):
            slot = replace(slot, caption=caption, alt=alt, author=by)
        case ArrangeImage(size=size, align=align, decorative=decorative, focus=focus):
            slot = replace(slot, size=size, align=align, decorative=decorative, focus=focus)
        case _ as never:
            assert_never(never)
    return _put(article, slot)


def _slot_inverse(article: Article, edit: SlotEdit) -> tuple[SlotEdit, ...]:
    slot = _require_slot(article, edit.id)
    match edit:
        case SeekImage():
            return (SeekImage(id=slot.id, query=slot.query, purpose=slot.purpose),)
        case FillBy():
            return (FillBy(id=slot.id, way=slot.way, said_by=slot.way_by),)
        case OfferImages():
            return (OfferImages(id=slot.id, candidates=slot.candidates),)
        case ChooseImage():
            return (ChooseImage(id=slot.id, digest=slot.chosen), _arranged(slot))
        case DescribeImage():
            return (DescribeImage(id=slot.id, caption=slot.caption, alt=slot.alt),)
        case ArrangeImage():
            return (_arranged(slot),)
        case _ as never:
            assert_never(never)


def _arranged(slot: ImageSlot) -> ArrangeImage:
    return ArrangeImage(id=slot.id, size=slot.size, align=slot.align, decorative=slot.decorative, focus=slot.focus)
