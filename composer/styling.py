"""The look of an article's pictures: the style card of its references, and how near a candidate is to it.

Knows references, candidates and where their bytes are; what a look is, is `retrieval.style_card`'s business.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from composer.article import Article
from composer.edits import OfferImages, SetStyleCard
from composer.errors import InterleaveError
from composer.events import Stage
from composer.store import PictureFolder
from composer.toolkit import Toolkit
from retrieval.images import decode_rgb
from retrieval.picture import Candidate, Digest, Picture
from retrieval.style import SPREAD, rerank
from retrieval.style_card import Seen, StyleCard, card_of, closeness, see, wording

LOOK_PX = 320  # longer side at which a look is read
KEPT = 8192  # looks that are remembered


def ensure_card(toolkit: Toolkit, article: Article) -> Stage:
    """See that the article's card is of the references it has now; a stage that yields an edit where it is not."""
    wanted = tuple(p.digest for p in article.brief.references)
    if wanted == (article.card.references if article.card else ()):
        return article
    card = make_card(toolkit.pictures, article.brief.references)
    if card is None and article.card is None:
        return article
    return (yield SetStyleCard(card=card, strength=article.style_strength))


def make_card(pictures: PictureFolder | None, references: Sequence[Picture]) -> StyleCard | None:
    """The card of the references whose files can be read; None where there is none."""
    digests = [p.digest for p in references]
    seen = seen_of(pictures, digests)
    return card_of([seen[d] for d in digests if d in seen], digests) if seen else None


def strength_of(toolkit: Toolkit, article: Article) -> float:
    """How much the style counts in this article, 0 to 1; 0 without references."""
    if article.card is None:
        return 0.0
    return toolkit.settings.style_strength if article.style_strength is None else article.style_strength


def style_words(article: Article) -> str:
    """What a generator is told of the look: the author's words (not the entity sheet, the lines with "="), else the
    card's; "" where there is neither."""
    own = ", ".join(line for line in article.style.splitlines() if line.strip() and "=" not in line)
    return own or (wording(article.card) if article.card else "")


def weighed(candidate: Candidate, card: StyleCard, seen: Seen) -> Candidate:
    """The candidate with its likeness to the card, -1 to 1."""
    return replace(candidate, style=2 * closeness(card, seen) - 1)


def restyle(toolkit: Toolkit, article: Article) -> Stage:
    """Weigh and order anew what the slots have, after the card or its strength changed; no chosen picture changes."""
    strength = strength_of(toolkit, article)
    for slot in article.slots():
        if slot.locked or not slot.candidates:
            continue
        seen = seen_of(toolkit.pictures, [c.picture.digest for c in slot.candidates]) if article.card else {}
        weighted = [
            weighed(c, article.card, seen[c.picture.digest])
            if article.card and c.picture.digest in seen
            else replace(c, style=0.0)
            for c in slot.candidates
        ]
        row = tuple(rerank(sorted(weighted, key=lambda c: -c.relevance), strength))
        if row != slot.candidates:
            article = yield OfferImages(id=slot.id, candidates=row)
    return article


def seen_of(pictures: PictureFolder | None, digests: Iterable[Digest]) -> dict[Digest, Seen]:
    """What the pixels say of each of these pictures; those whose files cannot be read are left out."""
    found = {}
    for digest in digests:
        path = pictures.path(digest) if pictures else None
        if path is None:
            continue
        try:
            found[digest] = seen_at(path)
        except (InterleaveError, OSError):
            continue
    return found


def look_vectors(seen: dict[Digest, Seen]) -> dict[Digest, tuple[float, ...]]:
    """Their features in units of their spread, as `retrieval.assign` compares them."""
    return {d: tuple(f / s for f, s in zip(one.style.features, SPREAD, strict=True)) for d, one in seen.items()}


@lru_cache(KEPT)
def seen_at(path: Path, stamp: int = 0) -> Seen:
    """What the pixels of a file say, remembered; `stamp` changes when a file does that is not named by its hash."""
    return see(decode_rgb(path.read_bytes(), px=LOOK_PX))
