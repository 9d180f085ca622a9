"""Pictures for a text that somebody wrote: the stage that places, finds, assigns and words them.

The text is never changed: the article's blocks are a view of it, and the illustrated file is made from the text itself
by `composer.placement.deliver`. Knows the order of the steps; what places and matches is in `composer.placement`.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from composer.article import Article, ImageSlot
from composer.edits import AddBlock, ChooseImage, OfferImages, RemoveBlock
from composer.errors import InterleaveError
from composer.events import Progress, Stage, StageStarted, Warned
from composer.illustrate import fill, offer, searching
from composer.placement.choose import mute, place_pool
from composer.placement.document import Document
from composer.placement.job import Job
from composer.placement.judge import judge
from composer.placement.match import Table, measures, prepare
from composer.placement.optimum import best_gaps, likely_count
from composer.placement.pixels import Fits, Seen, seen_fits
from composer.placement.queries import findable, fresh, head, things_near, wanted
from composer.placement.scorer import Weights, gap_chances, purpose_of, reason_of, weights
from composer.placement.wording import word
from composer.store import PictureFolder
from composer.styling import ensure_card
from composer.toolkit import Toolkit
from retrieval.fuse import reciprocal_ranks, same_picture
from retrieval.images import decode_rgb
from retrieval.picture import Candidate
from retrieval.words import has_cjk, stem, telling

ROUNDS = 3  # searches for a place whose picture can be found, when the author says how many pictures there must be


def illustrate_text(toolkit: Toolkit, article: Article, job: Job) -> Stage:
    """Place, search, assign and word."""
    yield StageStarted(stage="place", detail=f"{len(job.document.blocks)} blocks")
    try:
        job.chance = _chances(toolkit, job, article)
    except InterleaveError as error:
        yield Warned(message=f"The places come from the text's form alone: {error}")
        job.encoder = None
        job.chance = gap_chances(job.document.blocks, weights())
    pool = place_own(job, toolkit.pictures)
    for gap, number in sorted(pool.items()):
        article = yield from _own(article, job, gap, number)
    article = yield from _find(toolkit, article, job)
    return (yield from word(toolkit, article, list(job.gaps), use_model=job.order.words))


def place_own(job: Job, kept: PictureFolder | None = None) -> dict[int, int]:
    """Places for the author's own pictures: {gap: number in the pool}."""
    pictures = job.order.pool
    open_gaps = job.document.open_gaps
    if not pictures or not open_gaps:
        return {}
    groups = [next(i for i, q in enumerate(pictures) if same_picture(q, p)) for p in pictures]
    likely = likely_count(job.chance, closed=_closed(job.document), taken=job.document.taken)
    count = min(len(set(groups)), likely if job.order.images is None else job.order.images)
    captions = prepare([p.caption for p in pictures], job.encoder)
    tables = measures(job.document.blocks, captions, job.encoder, set(open_gaps).__contains__, title=job.document.title)
    seen = _seen(job, kept, tables) if kept and (job.pixels or job.letters) else None
    return place_pool(job.chance, tables, weights(), count, groups=groups, seen=seen)


def _seen(job: Job, kept: PictureFolder, tables: Mapping[int, Table]) -> Fits | None:
    """What pixels say of the author's pictures whose captions say nothing; None where they cannot be looked at."""
    silent = mute(tables)
    data = [kept.read(p.digest) for p in job.order.pool]
    if not silent.any() or not all(data):
        return None
    images = [decode_rgb(d) if d and quiet else None for d, quiet in zip(data, silent, strict=True)]
    seen = Seen(letters=tuple(_read(job, image) for image in images))
    with suppress(InterleaveError):  # a missing encoder: captions, letters and order alone, as everywhere
        if job.pixels is not None:
            vectors = np.zeros((len(images), job.pixels.dim), np.float32)
            vectors[silent] = job.pixels.encode_images([image for image in images if image is not None])
            seen = replace(seen, vectors=vectors, encoder=job.pixels)
    return seen_fits(job.document.blocks, seen, weights(), tables.__contains__, title=job.document.title)


def _read(job: Job, image: Image.Image | None) -> str:
    """The words that stand in a picture; "" where nobody can read them."""
    if image is None or job.letters is None:
        return ""
    try:
        return job.letters.read(image)
    except InterleaveError:
        return ""


def _chances(toolkit: Toolkit, job: Job, article: Article) -> NDArray[np.float64]:
    blocks, given = job.document.blocks, weights()
    vectors = job.encoder.encode_texts([b.plain or "-" for b in blocks]) if job.encoder and blocks else None
    chance = gap_chances(blocks, given, vectors)
    if not job.order.judged:
        return chance
    opinion = judge(toolkit.text, blocks, title=article.title, language=article.brief.language)
    odds = np.log(chance / (1 - chance)) + given.judge * opinion
    return np.asarray(1 / (1 + np.exp(-odds)))


def _own(article: Article, job: Job, gap: int, number: int) -> Stage:
    """A slot filled with one of the author's own pictures."""
    picture = job.order.pool[number]
    blocks, language = job.document.blocks, article.brief.language
    reason = reason_of(blocks, gap)
    purpose = purpose_of(reason, language)
    article, slot = yield from _slot(article, job, gap, ImageSlot(id="", purpose=purpose, query=picture.caption))
    job.reasons[slot] = reason
    candidate = Candidate(picture=picture, source="pool", score=1.0, relevance=1.0)
    article = yield OfferImages(id=slot, candidates=(candidate,))
    return (yield ChooseImage(id=slot, digest=picture.digest))


def _find(toolkit: Toolkit, article: Article, job: Job) -> Stage:
    """Slots for what the sources have, until there are as many pictures as wanted or no place is left."""
    failed: set[int] = set()
    for number in range(ROUNDS if job.order.images is not None else 1):
        missing = _missing(job, article)
        gaps = best_gaps(
            np.log(job.chance),
            missing,
            weights().spacing,
            closed=[*_closed(job.document), *failed],
            taken=[*job.document.taken, *(g for s, g in job.gaps.items() if article.slot(s))],
        )
        if not gaps:
            break
        for slot in [s for s in article.slots() if s.id in job.gaps and not s.chosen]:
            article = yield RemoveBlock(id=slot.id)  # nothing fitted there, and another place is tried
        article = yield from _search(toolkit, article, job, gaps, ask=job.order.words and not number)
        failed |= {job.gaps[s.id] for s in article.slots() if s.id in job.gaps and not s.chosen}
    for slot in article.slots():
        if slot.id in job.gaps and not slot.chosen:
            yield Warned(message=f"No picture was found for “{slot.query}”; the place stays open.", block=slot.id)
    return article


def _missing(job: Job, article: Article) -> int:
    """How many pictures are still to be found."""
    have = sum(bool(s.chosen) for s in article.slots() if s.id in job.gaps)
    if job.order.images is not None:
        return max(0, job.order.images - have)
    if job.order.pool:
        return 0  # the author's own pictures, and as many of them as help
    return likely_count(job.chance, closed=_closed(job.document), taken=job.document.taken)


def _search(toolkit: Toolkit, article: Article, job: Job, gaps: Sequence[int], *, ask: bool) -> Stage:
    """New slots in these gaps, searched for together, ordered with the article in view, assigned once."""
    made = []
    for number, gap in enumerate(gaps):
        yield Progress(stage="place", done=number, total=len(gaps), unit="places")
        model = toolkit.text if ask else None
        blocks, language = job.document.blocks, article.brief.language
        want, warning = wanted(model, blocks, gap, title=article.title, language=language)
        if warning:
            yield Warned(message=warning)
        things = things_near(blocks, gap, title=article.title)
        sure = partial(_relevance, toolkit)
        said = [head(s.query) for s in article.slots() if s.id in job.gaps]
        want = fresh(findable(want, things, sure, toolkit.settings.min_relevance), things, said, sure)
        slot = ImageSlot(id="", purpose=want.purpose, query=want.query)
        article, slot_id = yield from _slot(article, job, gap, slot)
        job.reasons[slot_id] = want.reason
        made.append(slot_id)
    slots = [s for s in article.slots() if s.id in made]
    yield StageStarted(stage="illustrate", detail=f"{len(slots)} slots")
    article = yield from ensure_card(toolkit, article)
    with searching(toolkit, article, slots) as search:
        for found in search.wait():
            article = yield from offer(article, found)
    for slot_id, candidates in reordered(article, job, made, weights()):
        article = yield OfferImages(id=slot_id, candidates=candidates)
    return (yield from fill(toolkit, article, made))


def _relevance(toolkit: Toolkit, query: str) -> float:
    """How sure the sources are of the best they have; of one or two words, only of pictures of just that."""
    asked, best = {stem(w) for w in telling(query)}, 0.0
    for source in toolkit.sources:
        with suppress(InterleaveError):
            found = source.find(query, 3)
            if len(asked) <= 2 and not has_cjk(query):
                found = [c for c in found if {stem(w) for w in telling(c.picture.caption)} <= asked]
            best = max([best, *(c.relevance for c in found)])
    return best


def reordered(
    article: Article, job: Job, slots: Sequence[str], given: Weights
) -> Iterator[tuple[str, tuple[Candidate, ...]]]:
    """Each slot's candidates by the sources' order and by how they fit this gap of this article, fused by rank."""
    offered = {s.id: s.candidates for s in article.slots() if s.id in slots and s.candidates}
    captions = list(dict.fromkeys(c.picture.caption for some in offered.values() for c in some))
    if not captions:
        return
    wanted_gaps = {job.gaps[s] for s in offered}
    tables = measures(
        job.document.blocks,
        prepare(captions, job.encoder),
        job.encoder,
        wanted_gaps.__contains__,
        title=job.document.title,
    )
    for slot, candidates in offered.items():
        fits = given.fit(tables[job.gaps[slot]])
        digests = [c.picture.digest for c in candidates]
        by_fit = sorted(candidates, key=lambda c: -fits[captions.index(c.picture.caption)])
        score = reciprocal_ranks([digests, [c.picture.digest for c in by_fit]])
        yield slot, tuple(sorted(candidates, key=lambda c: (-score[c.picture.digest], digests.index(c.picture.digest))))


def _slot(article: Article, job: Job, gap: int, slot: ImageSlot) -> Generator[AddBlock, Article, tuple[Article, str]]:
    """Put a slot where the gap is."""
    before = [b for b in job.blocks[:gap] if b is not None and article.block(b)]
    block = replace(slot, id=f"b{article.next_id}")
    article = yield AddBlock(block=block, after=before[-1] if before else None)
    job.gaps[block.id] = gap
    return article, block.id


def _closed(document: Document) -> list[int]:
    """All gaps where nothing may go."""
    open_gaps = set(document.open_gaps)
    return [g for g in range(len(document.blocks) + 1) if g not in open_gaps]


Deliver = Callable[[Article, Job], None]


def run(toolkit: Toolkit, article: Article, job: Job, deliver: Deliver) -> Stage:
    """The whole way, and the files at its end."""
    article = yield from illustrate_text(toolkit, article, job)
    deliver(article, job)
    return article
