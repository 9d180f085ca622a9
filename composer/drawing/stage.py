"""Pictures drawn for slots, as a stage: what is asked of the generator, and what becomes of its answers.

Knows slots, briefs and candidates; does not know any generator. Between two signs of life of the generator the stage
yields, so that whoever drives it can stop it within a second.
"""

import base64
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from PIL import Image

from composer.article import Article, ImageSlot, Way
from composer.drawing.alike import alike
from composer.drawing.ask import Wanted, asked, look_of
from composer.drawing.charts import chart_stage
from composer.drawing.choice import is_made, way_of
from composer.drawing.gate import Gate
from composer.drawing.provenance import credit_of, finished, recipe_of
from composer.drawing.request import Drawn, Step, Undrawn
from composer.drawing.safety import refused
from composer.edits import OfferImages, taking
from composer.errors import InterleaveError, SetupError
from composer.events import Progress, Stage, Warned
from composer.models import ImageGenerator
from composer.toolkit import Toolkit
from retrieval.images import encode
from retrieval.picture import Candidate, Digest, Picture, Recipe

NO_GENERATOR = "No generator is configured, so no picture can be drawn. docs/generation.md says what it takes."
NAMES = "“{query}” names what exists, so no picture of it was invented. Draw one in its tray, or bring one."
PREVIEW_PX = 160
TRIES = 1  # a picture that nobody could recognise is drawn anew so often; each try is one more chance to pass by luck
NEXT_SEED = 100_003  # a prime, so that seeds of neighbours' further tries do not meet


def draw_open(toolkit: Toolkit, article: Article, only: Sequence[str]) -> Stage:
    """Pictures for those of the slots `only` that are open and not locked, all in one request; nothing where no
    generator is configured. What names somebody or some place that exists is not invented unasked."""
    due = list[ImageSlot]()
    for slot in article.slots():
        if slot.id not in only or slot.locked or slot.author != "model":
            continue
        if slot.chosen is None and way_of(article, slot) == Way.CHART:
            article = yield from _charted(toolkit, article, slot)
        elif why := _why_open(toolkit, article, slot):
            article = yield Warned(message=why, block=slot.id)
        elif _is_due(article, slot):
            due.append(slot)
    if not due or toolkit.generator is None:
        return article
    look, able, px = look_of(article, toolkit.pictures), toolkit.generator.abilities, toolkit.settings.picture_px
    wanted = [replace(asked(article, s, look, able, px=px), choose=not s.chosen or is_made(article, s)) for s in due]
    try:
        return (yield from draw_wanted(toolkit, article, alike(toolkit, article, wanted)))
    except InterleaveError as error:
        for slot_id in [w.slot for w in wanted if not (s := article.slot(w.slot)) or s.chosen is None]:
            article = yield Warned(message=f"No picture was drawn: {error}", block=slot_id)
        return article


def _why_open(toolkit: Toolkit, article: Article, slot: ImageSlot) -> str:
    """What to tell of an open slot that nothing is drawn for; "" where there is nothing to tell."""
    way, said = way_of(article, slot), slot.way is not None and slot.way_by == "person"
    if slot.chosen is not None:
        return ""
    if toolkit.generator is None:
        return NO_GENERATOR if said and way == Way.DRAWN else ""
    return NAMES.format(query=slot.query) if way == Way.FOUND and not said else ""


def _is_due(article: Article, slot: ImageSlot) -> bool:
    """Whether a picture is to be drawn for a slot, to fill it or to stand beside what was found."""
    way = way_of(article, slot)
    if slot.chosen is None:
        return way != Way.FOUND
    return way == Way.DRAWN and not any(c.picture.recipe for c in slot.candidates)


def draw_wanted(toolkit: Toolkit, article: Article, wanted: Sequence[Wanted], *, judged: bool = True) -> Stage:
    """Draw all of these, offer each to its slot as it comes, and choose those that are to be chosen.

    With `judged`, what nobody could recognise is drawn anew and in the end not offered. Raises SetupError, ReplyError.
    """
    if toolkit.generator is None:
        raise SetupError(NO_GENERATOR)
    left = list[Wanted]()
    for one in wanted:
        if why := refused(one.query, one.drawing, toolkit.settings):
            article = yield Warned(message=f"No picture was drawn: {why}", block=one.slot)
        else:
            left.append(one)
    for attempt in range(TRIES + 1 if judged else 1):
        article, left = yield from _round(toolkit, article, left, judged=judged, last=attempt == TRIES)
        if not left:
            break
    return article


def _charted(toolkit: Toolkit, article: Article, slot: ImageSlot) -> Stage:
    """A chart for a slot that shows numbers; where there are none it stays open: no model may invent them."""
    try:
        return (yield from chart_stage(toolkit, article, slot))
    except InterleaveError as error:
        return (yield Warned(message=f"No chart was drawn for “{slot.query}”: {error}", block=slot.id))


def _round(toolkit: Toolkit, article: Article, wanted: list[Wanted], *, judged: bool, last: bool) -> Any:  # noqa: ANN401
    """One request. Gives the article, and what is to be tried again with another seed."""
    again, gate = list[Wanted](), Gate.of(toolkit)
    if not wanted or toolkit.generator is None:
        return article, again
    with closing(_answers(toolkit.generator, wanted)) as answers:
        for said in answers:
            if isinstance(said, Step):
                article = yield progress_of(said, wanted)
                continue
            one = wanted[said.number]
            if isinstance(said, Undrawn):
                article = yield undrawn(one, said)
                continue
            for warning in said.warnings:
                article = yield Warned(message=warning, block=one.slot)
            if forbidden := gate.forbidden(said.image):
                article = yield Warned(message=f"A drawn picture is not shown: {forbidden}", block=one.slot)
                continue
            why = gate.unsure(one.query, said) if judged else ""
            if why and not last and not said.parts:
                again.append(replace(one, drawing=replace(one.drawing, seed=one.drawing.seed + NEXT_SEED)))
            elif why:
                article = yield Warned(message=f"The drawn pictures were not offered: {why}", block=one.slot)
            else:
                article = yield from offered(toolkit, article, one, said)
    return article, again


def undrawn(one: Wanted, said: Undrawn) -> Warned:
    """What to tell where a generator has nothing to show."""
    return Warned(message=f"No picture was drawn for “{one.query}”: {said.why}", block=one.slot)


def offered(toolkit: Toolkit, article: Article, one: Wanted, said: Drawn) -> Stage:
    """Put a drawn picture into its slot's row, chosen or beside the others."""
    slot = article.slot(one.slot)
    if slot is None or toolkit.generator is None:
        return article
    candidate = kept(toolkit, article, one, said)
    if not one.choose:
        others = (c for c in slot.candidates if c.picture.digest != candidate.picture.digest)
        return (yield OfferImages(id=slot.id, candidates=(*others, candidate)))
    for edit in taking(slot, candidate):
        article = yield edit
    return article


def kept(toolkit: Toolkit, article: Article, one: Wanted, said: Drawn) -> Candidate:
    """The drawn picture with its mark, its file kept with the article, as a candidate. Raises UsageError."""
    generator = toolkit.generator
    if generator is None:
        raise SetupError(NO_GENERATOR)
    recipe = recipe_of(one, said, generator.name)
    origin = _origin(article, recipe)
    picture, data = finished(said.image, recipe, said.credit or credit_of(recipe, generator.licence, origin))
    if toolkit.pictures:
        toolkit.pictures.put(picture.digest, picture.media_type, data)
    return Candidate(picture=picture, source=generator.name, score=1.0, relevance=1.0)


def _origin(article: Article, recipe: Recipe) -> Picture | None:
    """The picture whose pixels a drawn one began with."""
    digest: Digest = recipe.start or (recipe.references[0] if recipe.strength is not None and recipe.references else "")
    offered = (c.picture for s in article.slots() for c in s.candidates)
    return next((p for p in (*article.brief.references, *offered) if p.digest == digest), None) if digest else None


def _answers(generator: ImageGenerator, wanted: Sequence[Wanted]) -> Any:  # noqa: ANN401 - a generator that closes
    return generator.draw_all([w.drawing for w in wanted])


def progress_of(step: Step, wanted: Sequence[Wanted]) -> Progress:
    """What a page or a command line shows of a step."""
    preview = data_uri(step.previews[0]) if step.previews else ""
    unit = "s" if step.doing == "load" else "steps"
    slot = wanted[min(step.first, len(wanted) - 1)].slot if wanted else ""
    return Progress(stage=step.doing, done=step.done, total=step.total, unit=unit, block=slot, preview=preview)


def data_uri(picture: Image.Image) -> str:
    """A small picture as an address that holds it."""
    small = picture.copy()
    small.thumbnail((PREVIEW_PX, PREVIEW_PX))
    return "data:image/webp;base64," + base64.b64encode(encode(small, "WEBP")).decode()
