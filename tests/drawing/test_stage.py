"""Slots that are drawn: what the generator is asked, what the article gets, and what happens when it does not work."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from composer.article import Article, ImageSlot
from composer.brief import Wishes
from composer.compose import Driver, compose
from composer.drawing import gate
from composer.drawing.ahead import drawing_ahead
from composer.drawing.ask import Wanted, asked, form, look_of, with_entities
from composer.drawing.request import Abilities, Drawing, Drawn
from composer.drawing.safety import rules
from composer.drawing.stage import draw_open, draw_wanted
from composer.edits import SetBrief, SetStyle
from composer.errors import SetupError
from composer.events import Event, Progress, Stage
from composer.models import Prompt
from composer.settings import load_settings
from composer.store import ArticleLog, reopen
from composer.toolkit import Toolkit
from retrieval.picture import Attribution, Picture
from tests.composer.kit import WordSource, answer, plan_reply, run, start, warnings
from tests.drawing.kit import article_with, drawing, refer, wanting
from tests.fakes import FlatGenerator, ScriptedTextModel


def every(toolkit: Toolkit, article: Article) -> Stage:
    return draw_open(toolkit, article, [s.id for s in article.slots()])


def flat(toolkit: Toolkit) -> FlatGenerator:
    assert isinstance(toolkit.generator, FlatGenerator)
    return toolkit.generator


def test_all_open_slots_are_one_request_and_each_gets_its_picture(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("brass lamp"), wanting("glass lens"), wanting("oil can", locked=True))
    toolkit = drawing(log)
    article = run(log, every, toolkit)
    lamp, lens, can = article.slots()
    assert flat(toolkit).prompts == ["brass lamp", "glass lens"]
    assert flat(toolkit).closed == 1
    assert lamp.picture
    assert lens.picture
    assert not can.candidates
    assert lamp.picture.attribution.generated
    assert lamp.picture.attribution.source == "AI-generated"
    assert log.pictures.read(lamp.picture.digest)


def test_the_recipe_is_kept_with_the_candidate_and_draws_the_same_picture_again(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("brass lamp"))
    toolkit = drawing(log)
    run(log, every, toolkit)
    recipe = reopen(log.folder).article.slots()[0].candidates[0].picture.recipe
    assert recipe is not None
    assert recipe.seed == int(log.article.slots()[0].id[1:])
    again = flat(toolkit).asked[0]
    assert (recipe.query, recipe.prompt.split(",")[0]) == ("brass lamp", "brass lamp")
    assert (again.seed, recipe.steps, recipe.together) == (recipe.seed, 2, 1)
    (drawn,) = (a for a in flat(toolkit).draw_all([again]) if hasattr(a, "image"))
    picture = log.article.slots()[0].picture
    assert picture is not None
    kept = log.pictures.read(picture.digest)
    assert kept is not None
    assert drawn.image.size == (recipe.width, recipe.height)


@pytest.mark.parametrize(("size", "ratio"), [("small", 1.0), ("column", 4 / 3), ("wide", 16 / 9)])
def test_the_form_follows_the_slot(size: str, ratio: float) -> None:
    assert form(size, 128) == (128, 128)  # type: ignore[arg-type]
    for px in (512, 768, 1024):
        width, height = form(size, px)  # type: ignore[arg-type]
        assert width % 32 == height % 32 == 0
        assert width / height == pytest.approx(ratio, rel=0.05)
        assert width * height <= 1.3 * px * px


def test_the_models_own_size_limits_the_settings(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("lamp", size="small"))
    wanted = asked(log.article, log.article.slots()[0], look_of(log.article, None), Abilities(side=128), px=1024)
    assert (wanted.drawing.width, wanted.drawing.height) == (128, 128)
    wide = replace(log.article.slots()[0], size="wide")
    squared = asked(log.article, wide, look_of(log.article, None), Abilities(side=512, square=True), px=768)
    assert (squared.drawing.width, squared.drawing.height) == (512, 512)


def test_every_prompt_has_the_articles_style_and_what_the_sheet_says_of_its_entities(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("the keeper on the stairs"), wanting("an oil can"))
    style = "ink on warm paper\nkeeper = an old man with a white beard\noil can = dented copper"
    log.commit(SetStyle(style=style), by="person")
    toolkit = drawing(log)
    run(log, every, toolkit)
    first, second = flat(toolkit).asked
    assert first.style == second.style == "ink on warm paper"
    assert first.prompt == "the keeper on the stairs; keeper: an old man with a white beard"
    assert second.prompt == "an oil can; oil can: dented copper"
    assert "The watch" in first.context
    assert "logo" in first.negative


def test_references_go_along_and_are_recorded(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("lamp"))
    given = refer(log, "one look", "two looks")
    toolkit = drawing(log)
    picture = run(log, every, toolkit).slots()[0].picture
    assert len(flat(toolkit).asked[0].references) == 2
    assert picture is not None
    assert picture.recipe is not None
    assert picture.recipe.references == tuple(p.digest for p in given)
    assert picture.recipe.strength is None


def test_a_model_that_begins_from_references_is_given_one_alone(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("lamp"))
    refer(log, "one look", "two looks")
    toolkit = drawing(log, FlatGenerator(abilities=Abilities(references="start", start=True)))
    run(log, every, toolkit)
    assert len(flat(toolkit).asked[0].references) == 1


def test_what_exists_is_not_invented_and_moods_stand_beside_what_was_found(tmp_path: Path) -> None:
    log = article_with(
        tmp_path, wanting("portrait of Augustin Fresnel"), wanting("a dreamlike mood of loneliness at sea")
    )
    toolkit = drawing(log)
    article = run(log, every, toolkit)
    assert article.slots()[0].chosen is None
    assert "names what exists" in warnings(log)[0]
    assert article.slots()[1].chosen


def test_a_failure_leaves_the_slots_open_with_a_reason_for_each(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("lamp"), wanting("lens"))
    article = run(log, every, drawing(log, FlatGenerator(fails=True)))
    assert [s.chosen for s in article.slots()] == [None, None]
    assert len(warnings(log)) == 2


def test_without_a_generator_nothing_happens(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("lamp"))
    toolkit = replace(drawing(log), generator=None)
    assert run(log, every, toolkit).slots()[0].candidates == ()
    with pytest.raises(SetupError, match="No generator"):
        list(draw_wanted(toolkit, log.article, [Wanted(slot="b3", query="x", drawing=Drawing(prompt="x"))]))


def test_steps_and_previews_are_told_and_stopping_takes_effect_between_them(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("lamp"), wanting("lens"), wanting("can"))
    toolkit, heard = drawing(log, FlatGenerator(pause=0.01)), list[Progress]()
    driver = Driver(log)

    def listen(event: Event) -> None:
        if isinstance(event, Progress):
            heard.append(event)
            if len(heard) == 3:
                driver.stop.set()

    assert driver.run(every(toolkit, log.article), listen)
    assert [s.chosen is not None for s in log.article.slots()] == [True, False, False]
    assert heard[0].stage == "draw"
    assert heard[0].block == log.article.slots()[0].id
    assert heard[0].preview.startswith("data:image/webp;base64,")
    assert flat(toolkit).closed == 1


def test_a_prompt_that_the_filter_refuses_is_not_drawn_and_the_others_are(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("a nude on a sofa"), wanting("a lamp"))
    toolkit = drawing(log)
    article = run(log, every, toolkit)
    assert flat(toolkit).prompts == ["a lamp"]
    assert article.slots()[0].chosen is None
    assert "not drawn here" in warnings(log)[0]


class Judge:
    """Knows a picture's brightness: "light" and "dark" things alone are told apart."""

    name, dim = "judge", 2

    def encode_texts(self, texts: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        return np.array([[1, 0] if "light" in t else [0.5, 0.5] for t in texts], np.float32)

    def encode_images(self, images: list[Image.Image]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        light = [float(np.asarray(i.convert("L")).mean()) / 255 for i in images]
        return np.array([[v, 1 - v] for v in light], np.float32)


class Shades(FlatGenerator):
    """Draws dark until the seed has reached a certain one."""

    def __init__(self, light_from: int) -> None:
        super().__init__()
        self._from = light_from

    def draw_all(self, drawings, *, step=1):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        for said in super().draw_all(drawings, step=step):
            if isinstance(said, Drawn):
                light = drawings[said.number].seed >= self._from
                said = replace(said, image=Image.new("RGB", said.image.size, "white" if light else "black"))
            yield said


@pytest.mark.parametrize(("light_from", "tries", "offered"), [(0, 1, True), (100_000, 2, True), (10**9, 2, False)])
def test_what_cannot_be_recognised_is_drawn_anew_and_in_the_end_not_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, light_from: int, tries: int, offered: bool
) -> None:
    judge: Callable[[str], Judge] = lambda name: Judge()  # noqa: E731
    monkeypatch.setattr(gate, "judge_of", judge)
    log = article_with(tmp_path, wanting("a light"))
    toolkit = drawing(log, Shades(light_from), draw_gate=0.9)
    article = run(log, every, toolkit)
    assert len(flat(toolkit).asked) == tries
    assert bool(article.slots()[0].candidates) is offered
    assert any("could not be recognised" in w for w in warnings(log)) is not offered


def test_what_was_asked_of_a_picture_and_not_reached_is_named() -> None:
    wanted = load_settings("starter", draw_gate=0.9)
    dark, light = (Image.new("RGB", (64, 64), shade) for shade in ("black", "white"))
    assert gate.Gate(settings=wanted, judge=Judge()).against("a light", light) == ""  # type: ignore[arg-type]
    named = gate.Gate(settings=wanted, judge=Judge()).against("a light", dark)  # type: ignore[arg-type]
    far = gate.Gate(settings=wanted, judge=Judge(), floor=1.5).against("a light", light)  # type: ignore[arg-type]
    assert "sure to 0%, 90% are asked" in named
    assert "as near as 1.00, 1.50 is asked" in far


class Guard(Judge):
    """Sees what is dark as one of the things that are not shown."""

    name = "open_clip:for photographs"

    def encode_texts(self, texts: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        return np.array([[0, 1] if t in rules().seen else [1, 0] for t in texts], np.float32)


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("judged", [True, False])
def test_what_may_not_be_shown_is_shown_to_nobody_unless_the_operator_says_so(
    tmp_path: Path, on: bool, judged: bool
) -> None:
    log = article_with(tmp_path, wanting("a lamp"), wanting("a light"))
    toolkit = replace(drawing(log, Shades(light_from=4), safety_filter=on), pixels=Guard())  # type: ignore[arg-type]
    wanted = [asked(log.article, s, look_of(log.article, None), Abilities(), px=64) for s in log.article.slots()]
    article = run(log, lambda tk, a: draw_wanted(tk, a, wanted, judged=judged), toolkit)
    assert [s.chosen is not None for s in article.slots()] == [not on, True]
    assert any("not shown" in w for w in warnings(log)) is on


def redrawn(log: ArticleLog, licence: str) -> ImageSlot:
    """A slot whose picture was drawn from a found one under a licence."""
    credit = Attribution(title="Old lamp", author="Ann", licence=licence, url="https://example.org/lamp")
    (origin,) = refer(log, "old lamp")
    credited = replace(origin, attribution=credit)
    log.commit(SetBrief(brief=replace(log.article.brief, references=(credited,))), by="person")
    slot = log.article.slots()[0]
    start = Image.new("RGB", (64, 64), "red")
    wanted = Wanted(slot=slot.id, query="lamp", drawing=Drawing(prompt="lamp", start=start), start=origin.digest)
    run(log, lambda toolkit, article: draw_wanted(toolkit, article, [wanted]), drawing(log))
    return log.article.slots()[0]


def test_a_redrawn_picture_keeps_its_makers_name_and_terms(tmp_path: Path) -> None:
    picture: Picture | None = redrawn(article_with(tmp_path, wanting("lamp")), "CC BY-SA 4.0").picture
    assert picture is not None
    credit = picture.attribution
    assert credit.generated
    assert credit.licence == "CC BY-SA 4.0"
    assert "Old lamp" in credit.author
    assert "Ann" in credit.author
    assert credit.original


def test_a_picture_that_may_not_be_changed_is_not_redrawn(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("lamp"))
    with pytest.raises(AssertionError, match="does not allow changed pictures"):
        redrawn(log, "CC BY-ND 4.0")


def test_pictures_can_be_drawn_while_the_text_is_written(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("a lamp"), wanting("a lens"), wanting("portrait of Augustin Fresnel"))
    toolkit = drawing(log, FlatGenerator(pause=0.01), draw_ahead=True)
    lamp, lens, _ = (s.id for s in log.article.slots())
    with drawing_ahead() as ahead:
        run(log, lambda tk, a: ahead.turn(tk, a, [lamp]), toolkit)  # asks, and does not wait
        run(log, lambda tk, a: ahead.turn(tk, a, [lamp, lens]), toolkit)  # what was asked for is not asked for again
        article = run(log, ahead.rest, toolkit)
    assert sorted(flat(toolkit).prompts) == ["a lamp", "a lens"]
    assert [s.picture is not None for s in article.slots()] == [True, True, False]


class Short(FlatGenerator):
    """Draws smaller than was asked, and says so."""

    def draw_all(self, drawings, *, step=1):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        for said in super().draw_all(drawings, step=step):
            yield replace(said, warnings=("Memory was short.",)) if isinstance(said, Drawn) else said


def test_what_was_drawn_ahead_comes_with_its_warnings(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("a lamp"))
    toolkit = drawing(log, Short(), draw_ahead=True)
    with drawing_ahead() as ahead:
        run(log, lambda tk, a: ahead.turn(tk, a, [s.id for s in a.slots()]), toolkit)
        article = run(log, ahead.rest, toolkit)
    assert article.slots()[0].picture
    assert warnings(log) == ["Memory was short."]


@pytest.mark.parametrize(
    ("query", "named"),
    [("The keepers at work", True), ("a bookkeeper", False), ("KEEPER, asleep", True), ("goalkeepers", False)],
)
def test_an_entity_is_known_as_a_word_of_its_own(tmp_path: Path, query: str, named: bool) -> None:
    log = article_with(tmp_path, wanting(query))
    log.commit(SetStyle(style="keeper = an old man\n灯塔 = 白色"), by="person")
    assert ("an old man" in with_entities(query, log.article)) is named
    assert "白色" in with_entities("山上的灯塔", log.article)


def test_nothing_is_drawn_ahead_unless_the_settings_say_so(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("a lamp"))
    toolkit = drawing(log)
    with drawing_ahead() as ahead:
        run(log, lambda tk, a: ahead.turn(tk, a, [s.id for s in a.slots()]), toolkit)
    assert flat(toolkit).asked == []


@pytest.mark.parametrize("fails", [False, True])
def test_a_run_that_draws_ahead_fills_every_slot_once_or_says_why_not(tmp_path: Path, fails: bool) -> None:
    log = start(tmp_path, wishes=Wishes(words=120, images=2))

    def reply(prompt: Prompt) -> str:
        two = plan_reply(pictures=((1, "green frog"), (2, "a dreamlike mood of hope")))
        return two if "Plan an article" in prompt[-1].content else answer(prompt)

    generator = FlatGenerator(fails=fails)
    toolkit = replace(drawing(log, generator, draw_ahead=True), text=ScriptedTextModel(reply))
    article = run(log, compose, toolkit)
    assert [s.picture is None for s in article.slots()] == [fails, fails]
    if fails:
        assert any("as the test wants it" in w for w in warnings(log))
    else:
        assert len(generator.asked) == 2


def test_a_mood_is_drawn_beside_what_was_found(tmp_path: Path) -> None:
    log = start(tmp_path)

    def reply(prompt: Prompt) -> str:
        mood = plan_reply(pictures=((1, "brass lamp, mood of hope"),))
        return mood if "Plan an article" in prompt[-1].content else answer(prompt)

    toolkit = replace(drawing(log), text=ScriptedTextModel(reply), sources=(WordSource(["brass lamp mood of hope"]),))
    slot = run(log, compose, toolkit).slots()[0]
    assert slot.picture is not None
    assert not slot.picture.attribution.generated
    assert [c.picture.attribution.generated for c in slot.candidates] == [False, True]
