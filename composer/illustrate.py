"""The third stage: pictures for the slots, from every source at once, and one assignment over the whole article.

Candidates' bytes are kept with the article before they are offered. Slots that nothing fills are drawn where a
generator is configured, else they stay open. Knows candidates and slots; what a picture shows is the sources' business.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field

from composer.article import Article, ImageSlot
from composer.drawing.choice import is_made
from composer.drawing.stage import draw_open
from composer.edits import ChooseImage, OfferImages
from composer.errors import InterleaveError, SourceError
from composer.events import Progress, Stage, StageStarted, Warned
from composer.models import ImageSource
from composer.styling import ensure_card, look_vectors, seen_of, strength_of, weighed
from composer.toolkit import Toolkit
from retrieval.assign import Wishes, Worth, assign
from retrieval.fuse import distinct, fuse
from retrieval.picture import Candidate, Picture
from retrieval.style import rerank
from retrieval.style_card import StyleCard

WORKERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What all sources together have for one slot."""

    slot: str
    candidates: tuple[Candidate, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class Searching:
    """The searches of an article under way in the background."""

    futures: dict[str, Future[Found]] = field(default_factory=dict)

    def ready(self) -> list[Found]:
        """The results that have come in since the last call."""
        done = [slot for slot, future in self.futures.items() if future.done()]
        return [self.futures.pop(slot).result() for slot in done]

    def wait(self) -> Iterator[Found]:
        """All other results, as they come in."""
        left, self.futures = self.futures, {}
        for future in as_completed(left.values()):
            yield future.result()


@contextmanager
def searching(toolkit: Toolkit, article: Article, slots: Sequence[ImageSlot]) -> Iterator[Searching]:
    """Search for all these slots together, in threads; what is not needed any more is dropped at the end."""
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="search")
    strength = strength_of(toolkit, article)
    try:
        yield Searching({s.id: pool.submit(look_up, toolkit, s, article.card, strength) for s in slots})
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def look_up(toolkit: Toolkit, slot: ImageSlot, card: StyleCard | None = None, strength: float = 0.0) -> Found:
    """Everything the sources have for a slot: fused by rank, without near-duplicates, its bytes kept, style weighed."""
    wanted = toolkit.settings.candidates
    answers, warnings = _answers(toolkit, slot.query, 2 * wanted)
    kept: list[Candidate] = []
    for candidate in distinct(fuse(answers)):
        try:
            kept.append(_keep(toolkit, candidate, card))
        except InterleaveError as error:
            warnings.append(f"A picture of {candidate.source} could not be used: {error}")
        if len(kept) == (2 * wanted if card else wanted):
            break
    kept.sort(key=lambda c: c.relevance < toolkit.settings.min_relevance)  # what fits stands before what may not
    return Found(slot=slot.id, candidates=tuple(rerank(kept, strength)[:wanted]), warnings=tuple(warnings))


def illustrate(toolkit: Toolkit, article: Article, only: Sequence[str] = ()) -> Stage:
    """Search for the slots (`only` these ids, else all that have no candidates), offer, assign and draw."""
    slots = [s for s in article.slots() if (s.id in only if only else not s.candidates)]
    yield StageStarted(stage="illustrate", detail=f"{len(slots)} slots")
    article = yield from ensure_card(toolkit, article)
    with searching(toolkit, article, slots) as search:
        for number, found in enumerate(search.wait(), start=1):
            article = yield from offer(article, found)
            yield Progress(stage="illustrate", done=number, total=len(slots), unit="slots")
    return (yield from fill(toolkit, article, [s.id for s in slots]))


def offer(article: Article, found: Found) -> Stage:
    """Put what was found into its slot."""
    for warning in found.warnings:
        article = yield Warned(message=warning, block=found.slot)
    if article.slot(found.slot):
        article = yield OfferImages(id=found.slot, candidates=found.candidates)
    return article


def fill(toolkit: Toolkit, article: Article, only: Sequence[str], *, may_draw: bool = True) -> Stage:
    """One assignment over all slots that may be filled with what was found, then pictures made for those that stayed
    open."""
    slots = [s for s in article.slots() if s.id in only and not s.locked and s.author == "model"]
    slots = [s for s in slots if not is_made(article, s)]
    taken = [s.picture for s in article.slots() if s not in slots and s.picture]
    wishes = wishes_of(toolkit, article, slots, [p for p in taken if p])
    choices = assign([s.candidates for s in slots], wishes)
    for slot, choice in zip(slots, choices, strict=True):
        digest = slot.candidates[choice].picture.digest if choice is not None else None
        if digest != slot.chosen:
            article = yield ChooseImage(id=slot.id, digest=digest)
    return (yield from draw_open(toolkit, article, only)) if may_draw else article


def wishes_of(toolkit: Toolkit, article: Article, slots: Sequence[ImageSlot], taken: Sequence[Picture] = ()) -> Wishes:
    """What is wanted of an article's pictures together: its style, its licences, nothing twice."""
    settings = toolkit.settings
    seen = seen_of(toolkit.pictures, {c.picture.digest for s in slots for c in s.candidates})
    return Wishes(
        min_relevance=settings.min_relevance,
        taken=taken,
        use=settings.intended_use,
        worth=Worth(style=strength_of(toolkit, article)),
        looks=look_vectors(seen),
        seed=article.brief.seed,
    )


def _answers(toolkit: Toolkit, query: str, k: int) -> tuple[list[list[Candidate]], list[str]]:
    """What every source has, all asked at once, in the order of the sources; and what went wrong."""
    enough = toolkit.settings.min_relevance
    answers: list[list[Candidate]] = []
    warnings: list[str] = []
    with ThreadPoolExecutor(max(1, len(toolkit.sources)), thread_name_prefix="source") as pool:
        asked = [(source, pool.submit(_find, source, query, k, enough)) for source in toolkit.sources]
        for source, answer in asked:
            try:
                answers.append(answer.result())
            except SourceError as error:
                warnings.append(f"{source.name} gave no pictures: {error}")
    return answers, warnings


def _find(source: ImageSource, query: str, k: int, enough: float) -> list[Candidate]:
    """What a source has for a query, or, where nothing fits all of it, for its main thing, which stands first, or else
    for the detail behind it."""
    found = source.find(query, k)
    head, _, detail = (part.strip() for part in query.partition(","))
    for part in filter(None, (head, detail) if detail else ()):
        if any(c.relevance >= enough for c in found):
            break
        found = source.find(part, k) or found
    return found


def _keep(toolkit: Toolkit, candidate: Candidate, card: StyleCard | None) -> Candidate:
    """Put a candidate's bytes with the article, and weigh its style. Raises SourceError, UsageError, SetupError."""
    source = next(s for s in toolkit.sources if s.name == candidate.source)
    digest = candidate.picture.digest
    data = source.read(digest)
    if toolkit.pictures:
        toolkit.pictures.put(digest, candidate.picture.media_type, data)
    seen = seen_of(toolkit.pictures, [digest])  # remembered for the assignment, too
    return weighed(candidate, card, seen[digest]) if card and digest in seen else candidate
