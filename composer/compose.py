"""The whole way from a brief to an article, and the driver that turns stages into a log.

Knows the order of the stages and the rule that the person wins; what a stage does is its own business.
"""

import logging
import threading
from collections.abc import Callable

from composer.apply import admit
from composer.article import Article
from composer.budget import top_up, trim
from composer.check import check
from composer.describe import describe
from composer.draft import DRAFTED, draft
from composer.drawing.ahead import drawing_ahead
from composer.drawing.stage import draw_open
from composer.edits import Edit, Targeted
from composer.errors import ConflictError, InterleaveError
from composer.events import Edited, Event, Failed, Finished, Progress, Stage, StageStarted, Warned
from composer.illustrate import fill, offer, searching
from composer.plan import plan
from composer.store import ArticleLog
from composer.styling import ensure_card
from composer.toolkit import Toolkit
from composer.write import ENOUGH, write_section

log_of_program = logging.getLogger("interleave")


def compose(toolkit: Toolkit, article: Article) -> Stage:
    """Plan, write, illustrate, describe and check; what already stands is kept, so a broken-off run is continued."""
    if not any(s.heading for s in article.sections()):
        article = yield from plan(toolkit, article)
    return (yield from write_and_illustrate(toolkit, article))


def write_and_illustrate(toolkit: Toolkit, article: Article) -> Stage:
    """Everything behind the plan. Pictures are searched for while the text is written."""
    article = yield from ensure_card(toolkit, article)
    article = yield from trim(article)
    open_slots = [s for s in article.slots() if not s.candidates]
    with searching(toolkit, article, open_slots) as search, drawing_ahead() as ahead:
        yield StageStarted(stage="write")
        headings = [s.heading.id for s in article.sections() if s.heading]
        stood = {s.heading.id for s in article.sections() if s.heading and s.text}
        for number, heading in enumerate(headings):
            yield Progress(stage="write", done=number, total=len(headings), unit="sections")
            article = yield from draft(toolkit, article, heading)
            section = article.section_of(heading)
            if section and not (section.plan and section.plan.written) and not (section.text and not section.plan):
                enough = DRAFTED if section.text and heading not in stood else ENOUGH
                article = yield from write_section(toolkit, article, heading, enough=enough)
            for found in search.ready():
                article = yield from offer(article, found)
            article = yield from fill(toolkit, article, [s.id for s in open_slots], may_draw=False)
            article = yield from ahead.turn(toolkit, article, [s.id for s in open_slots if s.id not in search.futures])
        yield StageStarted(stage="illustrate", detail=f"{len(open_slots)} slots")
        for found in search.wait():
            article = yield from offer(article, found)
        article = yield from ahead.rest(toolkit, article)
    article = yield from fill(toolkit, article, [s.id for s in article.slots() if not s.chosen], may_draw=True)
    filled = [s.id for s in article.slots() if s.chosen]  # a mood may have a drawn picture beside the found one
    article = yield from draw_open(toolkit, article, filled)
    article = yield from top_up(toolkit, article)
    article = yield from describe(toolkit, article)
    return (yield from check(article))


class Driver:
    """Runs one stage on one log: applies, logs and announces every edit, and lets the person win."""

    def __init__(self, log: ArticleLog, *, step: int = 0, scope: frozenset[str] = frozenset()) -> None:
        self.log = log
        self.step = step
        self._scope = scope
        self._seen = log.seq
        self.stop = threading.Event()

    def run(self, stage: Stage, listen: Callable[[Event], None] = lambda event: None) -> bool:
        """Drive a stage to its end; False when it failed. A failure is an event, and the article is kept.

        `listen` hears what is not logged as well (Progress). SetupError and others come out as Failed, never raised.
        """
        try:
            self._drive(stage, listen)
        except InterleaveError as error:
            return self._failed(str(error))
        except Exception as error:
            log_of_program.exception("A stage broke off")
            return self._failed(f"The program broke off: {type(error).__name__}: {error}. The article is kept.")
        self.log.emit(Finished(stopped=self.stop.is_set()))
        return True

    def _drive(self, stage: Stage, listen: Callable[[Event], None]) -> None:
        try:
            item = next(stage)
            while not self.stop.is_set():
                if isinstance(item, StageStarted | Progress | Warned):
                    self.log.emit(item)
                    listen(item)
                else:
                    self._edit(item)
                item = stage.send(self.log.article)
        except StopIteration:
            pass
        finally:
            stage.close()

    def _edit(self, edit: Edit) -> None:
        """Make a model's edit where it may be made; what does not fit any more is dropped, and the stage sees that."""
        self._give_back()
        if not admit(self.log.article, edit, by="model", scope=self._scope):
            return
        try:
            self.log.commit(edit, by="model", step=self.step)
        except ConflictError:
            log_of_program.info("Dropped an edit that no longer fits: %s", edit.kind)

    def _give_back(self) -> None:
        """Blocks that the person touched since this run began are the person's again."""
        for record in self.log.since(self._seen):
            event = record.event
            if isinstance(event, Edited) and event.by == "person" and isinstance(event.edit, Targeted):
                self._scope -= {event.edit.id}
        self._seen = self.log.seq

    def _failed(self, message: str) -> bool:
        try:
            self.log.emit(Failed(message=message))
        except InterleaveError:
            log_of_program.exception("The failure could not be logged: %s", message)
        return False
