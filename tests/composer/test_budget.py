"""A section gets as many pictures as the person wants of it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from composer.article import ImageSlot
from composer.brief import Wishes
from composer.budget import slots_of
from composer.compose import compose
from composer.edits import Lock, PlanSection
from composer.models import Prompt
from composer.plan import plan
from composer.store import ArticleLog
from tests.composer.kit import WordSource, answer, kit, plan_reply, run, start, warnings

TWICE = plan_reply(pictures=((1, "brass lamp"), (1, "oil wick")))
SOURCE = WordSource(["brass lamp", "oil wick", "tall tower"])


def replies(prompt: Prompt) -> str:
    asked = prompt[-1].content
    if "Plan an article" in asked:
        return TWICE
    if "numbered paragraphs" in asked:
        return json.dumps({"paragraph": 1, "what_is_visible": "tall tower", "why_here": "It shows the tower."})
    return answer(prompt)


def planned(tmp_path: Path, *images: int | None) -> ArticleLog:
    """A plan with two pictures in its first section, and what the person then wants of each section."""
    log = start(tmp_path, wishes=Wishes(words=120, images=2))
    run(log, plan, kit(log, replies, SOURCE))
    for old, wanted in zip(log.article.plans, images, strict=True):
        log.commit(PlanSection(plan=replace(old, images=wanted)), by="person")
    return log


def counts(log: ArticleLog) -> list[int]:
    return [len(slots_of(s)) for s in log.article.sections()]


@pytest.mark.parametrize("wanted", [(None, None), (1, 0), (0, 1), (2, 1)], ids=str)
def test_every_section_gets_its_number(tmp_path: Path, wanted: tuple[int | None, ...]) -> None:
    log = planned(tmp_path, *wanted)
    run(log, compose, kit(log, replies, SOURCE))
    assert counts(log) == [2 if wanted[0] is None else wanted[0], wanted[1] or 0]


def test_more_than_there_is_room_for_is_said(tmp_path: Path) -> None:
    log = planned(tmp_path, 2, 20)
    run(log, compose, kit(log, replies, SOURCE))
    assert 0 < counts(log)[1] < 20
    assert any("Every paragraph of this section has a picture" in w for w in warnings(log))


def test_what_the_person_locked_stays(tmp_path: Path) -> None:
    log = planned(tmp_path, 0, None)
    kept = next(b for b in log.article.blocks if isinstance(b, ImageSlot))
    log.commit(Lock(id=kept.id, locked=True), by="person")
    run(log, compose, kit(log, replies, SOURCE))
    assert [s.id for s in slots_of(log.article.sections()[0])] == [kept.id]
