"""How a slot is filled: what the words and the plan propose, what the person says, and what then happens."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from composer.article import Material, Way
from composer.conversation import plan_request, ways
from composer.drawing.choice import way_of
from composer.drawing.tables import table_for
from composer.edits import SetBrief
from composer.illustrate import illustrate
from composer.plan import plan, plan_schema
from tests.composer.kit import WordSource, plan_reply, run, start, warnings
from tests.drawing.kit import article_with, drawing, wanting
from tests.drawing.test_charts import MARKDOWN
from tests.fakes import FlatGenerator, ScriptedTextModel


def test_what_the_person_says_is_done_whatever_the_words_propose(tmp_path: Path) -> None:
    said = {"way_by": "person"}
    named = wanting("portrait of Augustin Fresnel", way=Way.DRAWN, **said)
    mood = wanting("a dreamlike mood of loneliness at sea", way=Way.FOUND, **said)
    log = article_with(tmp_path, named, mood, wanting("a ship in a storm", way=Way.DRAWN))
    toolkit = replace(drawing(log), sources=(WordSource(["portrait of Augustin Fresnel", "a ship in a storm"]),))
    article = run(log, illustrate, toolkit)
    drawn, found, proposed = article.slots()
    assert drawn.picture
    assert drawn.picture.recipe, "the found portrait waits beside it"
    assert any(c.picture.recipe is None for c in drawn.candidates)
    assert found.chosen is None
    assert not any(c.picture.recipe for c in found.candidates)
    assert proposed.picture
    assert proposed.picture.recipe is None, "a proposal to draw leaves what was found in its place"
    assert any(c.picture.recipe for c in proposed.candidates)
    assert warnings(log) == []


def test_a_wish_to_draw_without_a_generator_is_answered(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("a lamp", way=Way.DRAWN, way_by="person"), wanting("a lens", way=Way.DRAWN))
    toolkit = replace(drawing(log), generator=None, sources=(WordSource(["a lamp", "a lens"]),))
    lamp, lens = run(log, illustrate, toolkit).slots()
    assert lamp.chosen is None
    assert lens.chosen
    assert [("No generator" in w) for w in warnings(log)] == [True]


def test_numbers_that_stand_in_the_text_become_a_chart_though_a_picture_was_found(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("bar chart of tower heights"), text=MARKDOWN)
    toolkit = replace(drawing(log), sources=(WordSource(["bar chart of tower heights"]),))
    (slot,) = run(log, illustrate, toolkit).slots()
    assert slot.picture
    assert slot.picture.attribution.licence == "yours"
    assert len(slot.candidates) == 2


@pytest.mark.parametrize(
    ("generator", "material", "may"),
    [
        (None, "", None),
        (FlatGenerator(), "", ["found", "drawn"]),
        (None, MARKDOWN, ["found", "chart"]),
        (FlatGenerator(), MARKDOWN, ["found", "drawn", "chart"]),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_plan_may_propose_only_what_can_be_done(
    tmp_path: Path, generator: FlatGenerator | None, material: str, may: list[str] | None, language: str
) -> None:
    log = article_with(tmp_path)
    brief = replace(log.article.brief, language=language, images=2)
    if material:
        brief = replace(brief, material=(Material(name="heights.md", text=material),))
    toolkit = replace(drawing(log), generator=generator)
    picture = plan_schema(brief, ways(toolkit, brief))["properties"]["pictures"]["items"]["properties"]
    assert picture.get("made") == ({"enum": may} if may else None)
    asked = plan_request(toolkit, brief).content
    assert ('"made"' in asked) == bool(may)
    assert all((f'"{way}"' in asked) == (way in (may or ())) for way in Way)


@pytest.mark.parametrize(
    ("instruction", "images", "charts"),
    [("Towers, with a chart of their heights", 2, 1), ("Towers", 2, 0), ("No bar chart", 0, 0), ("A chart", None, 1)],
)
def test_a_chart_that_the_brief_asks_for_is_planned(
    tmp_path: Path, instruction: str, images: int | None, charts: int
) -> None:
    log = start(tmp_path)
    material = (Material(name="heights.md", text=MARKDOWN),)
    brief = replace(log.article.brief, instruction=instruction, images=images, material=material)
    log.commit(SetBrief(brief=brief), by="person")
    reply = plan_reply(pictures=[(1, "brass lamp"), (2, "a ship")] if images != 0 else [])
    run(log, plan, replace(drawing(log), generator=None, text=ScriptedTextModel(lambda _: reply)))
    slots = log.article.slots()
    assert [way_of(log.article, s) for s in slots].count(Way.CHART) == charts
    assert all(table_for(log.article, s) for s in slots if s.way == Way.CHART)
    assert len(slots) == (2 + charts if images is None else images)


def test_a_picture_that_is_planned_as_a_chart_in_passing_is_the_chart(tmp_path: Path) -> None:
    log = start(tmp_path)
    material = (Material(name="heights.md", text=MARKDOWN),)
    brief = replace(log.article.brief, instruction="Towers, with a chart of their heights", images=2, material=material)
    log.commit(SetBrief(brief=brief), by="person")
    reply = json.loads(plan_reply(pictures=[(1, "brass lamp"), (2, "towers")]))
    reply["pictures"][1]["caption"] = "A chart of their heights"
    run(log, plan, replace(drawing(log), generator=None, text=ScriptedTextModel(lambda _: json.dumps(reply))))
    assert [(s.query, s.way) for s in log.article.slots()] == [("brass lamp", None), ("towers", Way.CHART)]


def test_a_plan_proposes_how_each_slot_is_filled(tmp_path: Path) -> None:
    log = start(tmp_path)
    reply = json.loads(plan_reply(pictures=[(1, "brass lamp"), (2, "a glass lens"), (2, "a ship")]))
    for picture, made in zip(reply["pictures"], ["found", "drawn", None], strict=True):
        picture.update({"made": made} if made else {})
    toolkit = replace(drawing(log), text=ScriptedTextModel(lambda _: json.dumps(reply)))
    run(log, plan, toolkit)
    assert [(s.way, s.way_by) for s in log.article.slots()] == [(None, "model"), (Way.DRAWN, "model"), (None, "model")]
