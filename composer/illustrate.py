"""The third stage: pictures for the slots, from every source at once, and one assignment over the whole article.

Candidates' bytes are kept with the article before they are offered. Slots that nothing fills are drawn where a
generator is configured, else they stay open. Knows candidates and slots; what a picture shows is the sources' business.
"""

import hashlib
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from composer.article import Article, ImageSlot
from composer.edits import ChooseImage, OfferImages
from composer.errors import InterleaveError, SetupError, SourceError
from composer.events import Progress, Stage, StageStarted, Warned
from composer.models import ImageSource
from composer.prompts import prompts
from composer.toolkit import Toolkit
from retrieval.fuse import assign, distinct, fuse
from retrieval.images import decode_rgb
from retrieval.picture import Attribution, Candidate, Picture
from retrieval.style import Style, likeness, rerank, style_of

WORKERS = 4
FULL_SIZE_PX = 1600  # a candidate's longer side; larger files are kept as they are, but read for style at this size


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
    references = reference_styles(toolkit, article)
    try:
        yield Searching({slot.id: pool.submit(look_up, toolkit, slot, references) for slot in slots})
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def look_up(toolkit: Toolkit, slot: ImageSlot, references: Sequence[Style]) -> Found:
    """Everything the sources have for a slot: fused by rank, without near-duplicates, its bytes kept, style weighed."""
    answers: list[list[Candidate]] = []
    warnings: list[str] = []
    wanted = toolkit.settings.candidates
    for source in toolkit.sources:
        try:
            answers.append(_find(source, slot.query, 2 * wanted, toolkit.settings.min_relevance))
        except SourceError as error:
            warnings.append(f"{source.name} gave no pictures: {error}")
    kept: list[Candidate] = []
    for candidate in distinct(fuse(answers)):
        try:
            kept.append(_keep(toolkit, candidate, references))
        except InterleaveError as error:
            warnings.append(f"A picture of {candidate.source} could not be used: {error}")
        if len(kept) == (2 * wanted if references else wanted):
            break
    kept.sort(key=lambda c: c.relevance < toolkit.settings.min_relevance)  # what fits stands before what may not
    strength = toolkit.settings.style_strength if references else 0.0
    return Found(slot=slot.id, candidates=tuple(rerank(kept, strength)[:wanted]), warnings=tuple(warnings))


def illustrate(toolkit: Toolkit, article: Article, only: Sequence[str] = ()) -> Stage:
    """Search for the slots (`only` these ids, else all that have no candidates), offer, assign and draw."""
    slots = [s for s in article.slots() if (s.id in only if only else not s.candidates)]
    yield StageStarted(stage="illustrate", detail=f"{len(slots)} slots")
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
    """One assignment over all slots that may be filled, then pictures drawn for those that stayed open."""
    slots = [s for s in article.slots() if s.id in only and not s.locked and s.author == "model"]
    taken = [s.picture for s in article.slots() if s not in slots and s.picture]
    choices = assign(
        [s.candidates for s in slots], min_relevance=toolkit.settings.min_relevance, taken=[p for p in taken if p]
    )
    for slot, choice in zip(slots, choices, strict=True):
        digest = slot.candidates[choice].picture.digest if choice is not None else None
        if digest != slot.chosen:
            article = yield ChooseImage(id=slot.id, digest=digest)
    for slot in article.slots() if may_draw else ():
        if slot.id in only and slot.chosen is None and not slot.locked:
            article = yield from _draw_or_leave(toolkit, article, slot)
    return article


def reference_styles(toolkit: Toolkit, article: Article) -> list[Style]:
    """The look of each reference picture of the brief."""
    styles = []
    for picture in article.brief.references:
        path = toolkit.pictures.path(picture.digest) if toolkit.pictures else None
        if path:
            styles.append(style_of(decode_rgb(path.read_bytes())))
    return styles


def draw(toolkit: Toolkit, article: Article, slot: ImageSlot, *, seed: int) -> Candidate:
    """A new picture for a slot, kept with the article. Raises SetupError."""
    if toolkit.generator is None:
        raise SetupError("No generator is configured, so no picture can be drawn. docs/engines.md says what it takes.")
    prompt = prompts(article.brief.language).style_suffix.render(query=slot.query, style=article.style)
    side = toolkit.settings.picture_px
    references = [
        decode_rgb(path.read_bytes())
        for p in article.brief.references
        if toolkit.pictures and (path := toolkit.pictures.path(p.digest))
    ]
    image = toolkit.generator.generate(prompt, size=(side, side * 3 // 4), seed=seed, references=references)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    data = buffer.getvalue()
    name = toolkit.generator.name
    picture = Picture(
        digest=hashlib.sha256(data).hexdigest(),
        media_type="image/png",
        width=image.width,
        height=image.height,
        caption=slot.query,
        attribution=Attribution(
            title=slot.query, author=name, source="AI-generated", licence=toolkit.generator.licence, generated=True
        ),
    )
    if toolkit.pictures:
        toolkit.pictures.put(picture.digest, picture.media_type, data)
    return Candidate(picture=picture, source=name, score=1.0, relevance=1.0)


def _draw_or_leave(toolkit: Toolkit, article: Article, slot: ImageSlot) -> Stage:
    if toolkit.generator is None:
        return article
    try:
        candidate = draw(toolkit, article, slot, seed=article.brief.seed + int(slot.id[1:]))
    except InterleaveError as error:
        article = yield Warned(message=f"No picture was drawn: {error}", block=slot.id)
        return article
    article = yield OfferImages(id=slot.id, candidates=(candidate, *slot.candidates))
    return (yield ChooseImage(id=slot.id, digest=candidate.picture.digest))


def _find(source: ImageSource, query: str, k: int, enough: float) -> list[Candidate]:
    """What a source has for a query, or, where nothing fits all of it, for its main thing, which stands first."""
    found = source.find(query, k)
    head = query.split(",")[0].strip()
    if head != query and not any(c.relevance >= enough for c in found):
        found = source.find(head, k) or found
    return found


def _keep(toolkit: Toolkit, candidate: Candidate, references: Sequence[Style]) -> Candidate:
    """Put a candidate's bytes with the article, and weigh its style. Raises SourceError, UsageError, SetupError."""
    source = next(s for s in toolkit.sources if s.name == candidate.source)
    data = source.read(candidate.picture.digest)
    if toolkit.pictures:
        toolkit.pictures.put(candidate.picture.digest, candidate.picture.media_type, data)
    if not references:
        return candidate
    style = style_of(decode_rgb(data))
    return replace(candidate, style=max(likeness(style, reference) for reference in references))
