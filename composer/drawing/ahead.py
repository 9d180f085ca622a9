"""Pictures drawn while the text is still being written, where the generator has a processor or a machine of its own.

What is asked for is what no source could fill, and moods and ideas that a drawn picture suits, as soon as the search for
their slots has ended. Knows slots and threads; what is asked and what becomes of it is `stage`'s business.
"""

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace

from composer.article import Article, ImageSlot, Way
from composer.drawing.alike import alike
from composer.drawing.ask import Wanted, asked, look_of
from composer.drawing.choice import way_of
from composer.drawing.gate import Gate
from composer.drawing.request import Drawn, Step, Undrawn
from composer.drawing.safety import refused
from composer.drawing.stage import offered, progress_of, undrawn
from composer.errors import InterleaveError
from composer.events import Stage, Warned
from composer.models import ImageGenerator
from composer.toolkit import Toolkit

BEAT = 0.25  # s
Said = Step | Drawn | Undrawn | InterleaveError | None


@dataclass(slots=True)
class Ahead:
    """The drawing of an article under way in the background."""

    said: queue.SimpleQueue[tuple[Sequence[Wanted], Said]] = field(default_factory=queue.SimpleQueue)
    gone: threading.Event = field(default_factory=threading.Event)
    known: set[str] = field(default_factory=set)  # ids of slots that were asked for
    running: int = 0  # requests

    def turn(self, toolkit: Toolkit, article: Article, searched: Sequence[str]) -> Stage:
        """Ask for what is needed now, and offer what has been drawn meanwhile; never waits."""
        if toolkit.generator is None or not toolkit.settings.draw_ahead:
            return article
        wanted = [
            w for w in self._needed(toolkit, article, searched) if not refused(w.query, w.drawing, toolkit.settings)
        ]
        if wanted:
            self._ask(toolkit.generator, wanted)
        while True:
            try:
                article = yield from self._heard(toolkit, article, *self.said.get_nowait())
            except queue.Empty:
                return article

    def rest(self, toolkit: Toolkit, article: Article) -> Stage:
        """Wait for all that is under way, and offer it."""
        while self.running:
            try:
                article = yield from self._heard(toolkit, article, *self.said.get(timeout=BEAT))
            except queue.Empty:
                article = yield progress_of(Step(doing="draw", done=0, total=0), [])
        return article

    def _needed(self, toolkit: Toolkit, article: Article, searched: Sequence[str]) -> list[Wanted]:
        due = [s for s in article.slots() if s.id in searched and s.id not in self.known and self._is_due(article, s)]
        if not due or toolkit.generator is None:
            return []
        self.known |= {slot.id for slot in due}
        look, able, px = look_of(article, toolkit.pictures), toolkit.generator.abilities, toolkit.settings.picture_px
        return alike(toolkit, article, [asked(article, slot, look, able, px=px) for slot in due])

    @staticmethod
    def _is_due(article: Article, slot: ImageSlot) -> bool:
        way = way_of(article, slot)
        suits = way == Way.DRAWN or (way == Way.EITHER and slot.chosen is None)
        return suits and not slot.locked and slot.author == "model"

    def _ask(self, generator: ImageGenerator, wanted: Sequence[Wanted]) -> None:
        self.running += 1
        threading.Thread(target=self._work, args=(generator, wanted), name="draw-ahead", daemon=True).start()

    def _work(self, generator: ImageGenerator, wanted: Sequence[Wanted]) -> None:
        try:
            with closing(generator.draw_all([w.drawing for w in wanted])) as answers:  # type: ignore[type-var]
                for said in answers:
                    if self.gone.is_set():
                        return
                    self.said.put((wanted, said))
        except InterleaveError as error:
            self.said.put((wanted, error))
        finally:
            self.said.put((wanted, None))

    def _heard(self, toolkit: Toolkit, article: Article, wanted: Sequence[Wanted], said: Said) -> Stage:
        match said:
            case None:
                self.running -= 1
            case Step():
                article = yield progress_of(said, wanted)
            case InterleaveError():
                article = yield Warned(message=f"No picture was drawn: {said}", block=wanted[0].slot)
            case Undrawn():
                article = yield undrawn(wanted[said.number], said)
            case Drawn():
                one = wanted[said.number]
                slot, gate = article.slot(one.slot), Gate.of(toolkit)
                if slot and not (gate.forbidden(said.image) or gate.unsure(one.query, said)):
                    for warning in said.warnings:
                        article = yield Warned(message=warning, block=one.slot)
                    one = replace(one, choose=slot.chosen is None)
                    article = yield from offered(toolkit, article, one, said)
        return article


@contextmanager
def drawing_ahead() -> Iterator[Ahead]:
    """Work in the background that is dropped at the end of the block."""
    ahead = Ahead()
    try:
        yield ahead
    finally:
        ahead.gone.set()
