"""The article as the page shows it: HTML of each block, so that only what changed is sent.

Knows markup and what a person may do with a block; does not know routes, sockets or runs.
"""

from html import escape

from composer.article import Article, Block, ImageSlot, TextBlock, is_heading
from composer.export.credits import credit_line
from composer.export.text import text_html
from retrieval.picture import Candidate

THUMB_PX = 320


def block_html(article: Article, block: Block, base: str) -> str:
    """The inside of a block's element; `base` is the address of the article's routes."""
    return _slot(article, block, base) if isinstance(block, ImageSlot) else _text(article, block)


def block_classes(block: Block) -> str:
    """Classes of a block's element."""
    names = ["il-block"]
    if isinstance(block, ImageSlot):
        names += ["il-slot", "" if block.picture else "il-open"]
    else:
        names += ["il-heading" if is_heading(block) else "il-text"]
    names += ["il-locked" if block.locked else "", "il-person" if block.author == "person" else ""]
    return " ".join(n for n in names if n)


def source_of(block: Block) -> dict[str, object]:
    """What the page needs to edit a block in place."""
    if isinstance(block, TextBlock):
        return {"kind": "text", "markdown": block.markdown, "locked": block.locked}
    return {
        "kind": "image",
        "query": block.query,
        "purpose": block.purpose,
        "caption": block.caption,
        "alt": block.alt,
        "chosen": block.chosen,
        "locked": block.locked,
    }


def candidates_html(slot: ImageSlot, base: str) -> str:
    """The tray of a slot: a button for each candidate, with how sure its source is, where it is from and its licence."""
    return "".join(_candidate(slot, c, base) for c in slot.candidates)


def _text(article: Article, block: TextBlock) -> str:
    rendered = text_html(block)
    plan = article.plan(block.id)
    if plan is None or plan.written:
        return rendered
    words = f" · {plan.words} words" if plan.words else ""
    return f'{rendered}<p class="il-plan">{escape(plan.purpose)}<span>{words}</span></p>'


def _slot(article: Article, slot: ImageSlot, base: str) -> str:
    picture = slot.picture
    if picture is None:
        state = "No picture chosen" if slot.candidates else "Picture wanted"
        return (
            f'<div class="il-empty"><strong>{state}</strong><span>{escape(slot.query)}</span>'
            f"<small>{escape(slot.purpose)}</small></div>"
        )
    address = f"{base}/pictures/{picture.digest}"
    credit = credit_line(picture.attribution, article.brief.language)
    return (
        f'<figure><img src="{address}" alt="{escape(slot.alt)}" width="{picture.width}" height="{picture.height}" '
        f'loading="lazy" decoding="async"><figcaption>{escape(slot.caption)} <small>{escape(credit)}</small>'
        "</figcaption></figure>"
    )


def _candidate(slot: ImageSlot, candidate: Candidate, base: str) -> str:
    p = candidate.picture
    chosen = "true" if p.digest == slot.chosen else "false"
    label = escape(f"{p.caption or 'picture'}, {p.attribution.source}, {p.attribution.licence}")
    mark = "<em>AI</em> " if p.attribution.generated else ""
    return (
        f'<button type="button" class="il-candidate" data-do="choose" data-digest="{p.digest}" aria-pressed="{chosen}" '
        f'aria-label="{label}"><img src="{base}/pictures/{p.digest}?px={THUMB_PX}" alt="" loading="lazy">'
        f"<span>{mark}{candidate.relevance:.0%} · {escape(p.attribution.source)}<br>{escape(p.attribution.licence)}</span>"
        "</button>"
    )
