"""A credit is worded by the person where it did not come with the picture, and then stands wherever the picture does."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from composer.article import ImageSlot, with_id
from composer.brief import Wishes, make_brief
from composer.edits import AddBlock, SetBrief
from composer.errors import ConflictError, UsageError
from composer.findings import findings
from composer.store import ArticleLog
from composer.ui.actions import act
from composer.ui.credit_actions import credit_shown
from composer.workspace import Workspace
from retrieval.picture import Attribution, Candidate
from tests.composer.kit import picture
from tests.drawing.kit import drawing

UNKNOWN = Attribution(title="lamp.png", source="Uploaded", licence="unknown")
STATED = {"title": "A lamp", "author": "Eve", "source": "Her page", "url": "https://eve.example/lamp"}


class Desk:
    """Two slots that show the same picture, and a person."""

    def __init__(self, tmp: Path, credit: Attribution, source: str) -> None:
        self.workspace = Workspace(tmp, drawing)
        self.log: ArticleLog = self.workspace.create(make_brief("Lamps", Wishes()))
        shown = replace(picture("lamp")[0], attribution=credit)
        self.log.commit(SetBrief(brief=replace(self.log.article.brief, uploads=(shown,))), by="person")
        offered = (Candidate(picture=shown, source=source, score=1.0, relevance=1.0),)
        for _ in range(2):
            slot = ImageSlot(id="", purpose="", query="lamp", candidates=offered, chosen=shown.digest)
            self.log.commit(AddBlock(block=with_id(self.log.article, slot), after=None), by="person")

    def state(self, **fields: Any) -> None:  # noqa: ANN401 - fields of a request
        slot = self.log.article.slots()[0]
        act(self.workspace, self.log.article.id, {"action": "credit", "id": slot.id, **fields})

    def credits(self) -> list[Attribution]:
        return [s.picture.attribution for s in self.log.article.slots() if s.picture]


def test_a_stated_credit_stands_everywhere_and_can_be_taken_back(tmp_path: Path) -> None:
    desk = Desk(tmp_path, UNKNOWN, "uploads")
    assert "credit_missing" in {f.code for f in findings(desk.log.article)}
    desk.state(**STATED, licence="cc by-sa 4.0")
    made = desk.credits()
    assert made[0] == made[1] == desk.log.article.brief.uploads[0].attribution
    assert (made[0].author, made[0].licence, made[0].url) == ("Eve", "CC BY-SA 4.0", "https://eve.example/lamp")
    assert made[0].licence_url == "https://creativecommons.org/licenses/by-sa/4.0/"
    assert "credit_missing" not in {f.code for f in findings(desk.log.article)}
    desk.log.undo()
    assert desk.credits() == [UNKNOWN, UNKNOWN]


def test_what_came_from_a_source_stays(tmp_path: Path) -> None:
    theirs = Attribution(title="Lamp", author="Ann", source="Openclipart", licence="CC BY 4.0")
    desk = Desk(tmp_path, theirs, "library")
    assert credit_shown(desk.log, desk.log.article.slots()[0].id)["open"] is False
    with pytest.raises(UsageError, match="came with the picture"):
        desk.state(**STATED, licence="yours")
    assert desk.credits() == [theirs, theirs]


def test_a_drawn_picture_cannot_be_called_ones_own(tmp_path: Path) -> None:
    desk = Desk(tmp_path, replace(UNKNOWN, generated=True), "uploads")
    with pytest.raises(UsageError, match="came with the picture"):
        desk.state(**STATED, licence="yours")


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    desk = Desk(tmp_path, UNKNOWN, "uploads")
    with pytest.raises(UsageError, match="http"):
        desk.state(**(STATED | {"url": "javascript:alert(1)"}), licence="CC0 1.0")
    with pytest.raises(ConflictError, match="Another picture"):
        desk.state(**STATED, licence="CC0 1.0", digest="0" * 64)
    assert desk.credits() == [UNKNOWN, UNKNOWN]
