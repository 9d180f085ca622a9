"""What a person can do to the look of an article's pictures: words, references, the card they make, its strength.

Knows the workspace and the card; does not know HTTP.
"""

from contextlib import suppress
from dataclasses import replace
from typing import Any, get_args

from composer.commands import kept_picture
from composer.edits import Edit, SetBrief, SetStyle, SetStyleCard
from composer.errors import UsageError
from composer.store import ArticleLog
from composer.styling import make_card, restyle
from composer.ui.requests import Request, text, word
from composer.workspace import Workspace
from retrieval.picture import Picture
from retrieval.style_card import Medium, StyleCard, hexes, with_palette

MOST = 12  # references
MOST_WORDS = 2000  # characters of words and entity sheet


def style_shown(workspace: Workspace, log: ArticleLog) -> dict[str, Any]:
    """The look as the page's panel shows it: words, references, how much they count, and the card they make."""
    article = log.article
    usual = workspace.toolkit(log).settings.style_strength
    strength = usual if article.style_strength is None else article.style_strength
    return {
        "style": article.style,
        "references": [p.digest for p in article.brief.references],
        "strength": round(100 * strength),
        "card": card_shown(article.card) if article.card else None,
    }


def card_shown(card: StyleCard) -> dict[str, Any]:
    """A card's values as numbers and colours that a page shows."""
    return {
        "words": card.words,
        "medium": card.medium,
        "palette": hexes(card),
        "brightness": round(card.brightness),
        "contrast": round(card.contrast),
        "edges": round(100 * card.edges),
    }


def set_style(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """Words for the look, and what of the card the author changed; candidates are then weighed anew."""
    article = log.article
    edits: list[Edit] = []
    words = _lines(text(request, "style"))
    if "style" in request and words != article.style:
        edits.append(SetStyle(style=words))
    card, strength = _changed(article.card, request), _strength(request, article.style_strength)
    reweigh = (card, strength) != (article.card, article.style_strength)
    if reweigh:
        edits.append(SetStyleCard(card=card, strength=strength))
    if edits:
        workspace.edit(article.id, edits)
    if reweigh:
        _reweigh(workspace, article.id)


def take_reference(workspace: Workspace, article_id: str, name: str, data: bytes) -> None:
    """A picture that the author gives to show the look wanted."""
    log = workspace.open(article_id)
    picture = kept_picture(data, name, log.pictures)
    _refer(workspace, log, (*(p for p in log.article.brief.references if p.digest != picture.digest), picture))


def unreference(workspace: Workspace, log: ArticleLog, request: Request) -> None:
    """A reference is none any more; the picture stays where it stands."""
    digest = word(request, "digest")
    _refer(workspace, log, tuple(p for p in log.article.brief.references if p.digest != digest))


def _lines(words: str) -> str:
    """What was typed, a line a thought, for the lines with "=" are the entity sheet. Raises UsageError for too much."""
    lines = "\n".join(filter(None, (" ".join(line.split()) for line in words.splitlines())))
    if len(lines) > MOST_WORDS:
        raise UsageError(f"At most {MOST_WORDS:,} characters fit here; {len(lines):,} were given.")
    return lines


def _refer(workspace: Workspace, log: ArticleLog, references: tuple[Picture, ...]) -> None:
    if len(references) > MOST:
        raise UsageError(f"At most {MOST} reference pictures count. Take one out first.")
    card = make_card(log.pictures, references)
    brief = SetBrief(brief=replace(log.article.brief, references=references))
    workspace.edit(log.article.id, [brief, SetStyleCard(card=card, strength=log.article.style_strength)])
    _reweigh(workspace, log.article.id)


def _reweigh(workspace: Workspace, article_id: str) -> None:
    with suppress(UsageError):  # while a run is at work, its next search takes the new card
        workspace.start(article_id, "restyle", restyle)


def _changed(card: StyleCard | None, request: Request) -> StyleCard | None:
    if card is None:
        return None
    medium, palette = request.get("medium") or card.medium, request.get("palette")
    if medium not in get_args(Medium):
        raise UsageError(f"{medium!r} is no medium; choose among: {', '.join(get_args(Medium))}.")
    card = replace(card, medium=medium)
    if not isinstance(palette, list) or palette == hexes(card):
        return card
    return with_palette(card, [str(colour) for colour in palette[:10]])


def _strength(request: Request, present: float | None) -> float | None:
    value = request.get("strength")
    if value is None:
        return present
    if not isinstance(value, int) or not 0 <= value <= 100:
        raise UsageError("The strength of the style is a whole number from 0 to 100.")
    return value / 100


STYLE_ACTIONS = {"style": set_style, "unreference": unreference}
