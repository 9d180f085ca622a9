"""A whole composition with a scripted model: what stands in the article, who wins, what a break leaves behind."""

import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from composer.article import Article, TextBlock
from composer.brief import Wishes
from composer.compose import Driver, compose
from composer.edits import AddBlock, AppendText, Lock, ReplaceText
from composer.events import Edited, Event, Progress, Stage
from composer.markdown import count_words
from composer.models import Prompt
from composer.plan import plan
from composer.settings import load_settings
from composer.store import fold, reopen
from composer.toolkit import Toolkit
from tests.composer.kit import WordSource, answer, failures, kit, plan_reply, run, start, warnings
from tests.fakes import FlatGenerator, ScriptedTextModel


def test_a_brief_becomes_an_illustrated_article(tmp_path: Path) -> None:
    log = start(tmp_path)
    article = run(log, compose, kit(log))
    assert article.title == "Lighthouses"
    assert [s.title for s in article.sections()] == ["The lamp", "The lens"]
    (slot,) = article.slots()
    assert slot.picture is not None
    assert slot.picture.attribution.author == "Ann"
    assert (slot.alt, slot.caption) == ("A lamp of brass", "Such lamps burned all night.")
    assert all(p.written for p in article.plans)
    assert log.pictures.path(slot.picture.digest) is not None


def test_the_log_is_the_article(tmp_path: Path) -> None:
    log = start(tmp_path)
    article = run(log, compose, kit(log))
    assert fold((r.event for r in log.since(0)), "test") == article
    assert reopen(tmp_path / "article").article == article


def test_a_slot_stands_between_the_paragraphs_of_its_section(tmp_path: Path) -> None:
    log = start(tmp_path)
    article = run(log, compose, kit(log))
    kinds = [b.kind for b in article.sections()[0].blocks]
    assert kinds.index("image") not in (0, len(kinds) - 1)


def test_an_outline_is_kept_word_for_word(tmp_path: Path) -> None:
    log = start(tmp_path, wishes=Wishes(words=120, images=0, outline="Why we need them: a plea\nWhat they cost"))
    article = run(log, plan, kit(log))
    assert [s.title for s in article.sections()] == ["Why we need them: a plea", "What they cost"]


def test_a_useless_plan_is_asked_for_again_then_replaced_with_a_warning(tmp_path: Path) -> None:
    log = start(tmp_path)
    toolkit = kit(log, ["{}", '{"title": 3}'])
    article = run(log, plan, toolkit)
    assert len(article.sections()) == 3
    assert any("plain outline" in w for w in warnings(log))
    assert isinstance(toolkit.text, ScriptedTextModel)
    assert "Answer again" in toolkit.text.prompts[1][-1].content


def test_no_picture_is_a_valid_plan(tmp_path: Path) -> None:
    log = start(tmp_path, wishes=Wishes(words=120))
    article = run(log, plan, kit(log, [plan_reply(pictures=())]))
    assert article.slots() == ()


def test_a_section_about_the_task_is_not_planned(tmp_path: Path) -> None:
    reply = plan_reply(
        ("Planning an Article", "The lamp", "Plan an article of 300 words", "The lens"), ((4, "glass lens"),)
    )
    article = run(start(tmp_path), plan, kit(start(tmp_path / "x"), [reply]))
    assert [s.title for s in article.sections() if s.heading] == ["The lamp", "The lens"]
    assert [b.kind for b in article.blocks] == ["text", "text", "image"]


def test_a_plan_of_the_task_alone_is_asked_for_again(tmp_path: Path) -> None:
    bad, good = plan_reply(("Answer in JSON", "The lamp")), plan_reply()
    toolkit = kit(start(tmp_path / "x"), [bad, good])
    article = run(start(tmp_path), plan, toolkit)
    assert [s.title for s in article.sections() if s.heading] == ["The lamp", "The lens"]
    assert isinstance(toolkit.text, ScriptedTextModel)
    assert "not about the task" in toolkit.text.prompts[1][-1].content
    article = run(start(tmp_path / "y"), plan, kit(start(tmp_path / "z"), [bad, bad]))
    assert [s.title for s in article.sections() if s.heading] == ["The lamp"]


def test_the_lengths_of_sections_add_up_to_the_article(tmp_path: Path) -> None:
    log = start(tmp_path, wishes=Wishes(words=600, outline="One (100 words)\nTwo\nThree", images=0))
    article = run(log, plan, kit(log))
    assert article.plans[0].words == 100
    assert abs(sum(p.words for p in article.plans) - 600) <= 5


def test_calls_share_their_beginning_byte_for_byte(tmp_path: Path) -> None:
    log = start(tmp_path)
    toolkit = kit(log)
    toolkit = replace(toolkit, settings=toolkit.settings.model_copy(update={"writer_sees": "article"}))
    run(log, compose, toolkit)
    assert isinstance(toolkit.text, ScriptedTextModel)
    prompts = toolkit.text.prompts
    assert prompts[0][:2] == prompts[1][:2] == prompts[-1][:2]
    for earlier, later in pairwise(prompts[1:]):
        assert later[: len(earlier)] == earlier or earlier[:-1] == later[: len(earlier) - 1]


def test_an_unrelated_picture_is_not_chosen(tmp_path: Path) -> None:
    log = start(tmp_path)
    article = run(log, compose, kit(log, answer, WordSource(["green frog"])))
    assert article.slots()[0].picture is None
    assert any("No picture was found" in w for w in warnings(log))


@pytest.mark.parametrize("has", ["moon face", "night sky", "smiling moon face over the night sky"])
def test_where_nothing_fits_a_whole_query_its_parts_are_looked_for(tmp_path: Path, has: str) -> None:
    log, source = start(tmp_path), WordSource([has, "iron bridge"])
    reply = plan_reply(pictures=[(1, "night sky, moon face")])
    article = run(log, compose, kit(log, lambda p: reply if "Plan an" in p[-1].content else answer(p), source))
    (slot,) = article.slots()
    assert slot.picture
    assert slot.picture.caption == has


def test_a_source_that_fails_is_gone_on_without(tmp_path: Path) -> None:
    log = start(tmp_path)
    article = run(
        log, compose, kit(log, answer, WordSource(["x"], name="broken", fails=True), WordSource(["brass lamp"]))
    )
    assert article.slots()[0].picture is not None
    assert any("broken" in w for w in warnings(log))


def test_no_picture_stands_twice(tmp_path: Path) -> None:
    log = start(tmp_path, wishes=Wishes(words=120, images=2))

    def reply(prompt: Prompt) -> str:
        two = plan_reply(pictures=((1, "brass lamp"), (2, "old brass lamp")))
        return two if "Plan an article" in prompt[-1].content else answer(prompt)

    article = run(log, compose, kit(log, reply, WordSource(["brass lamp", "brass lamp of old"])))
    chosen = [s.chosen for s in article.slots()]
    assert None not in chosen
    assert len(set(chosen)) == 2


def test_an_open_slot_is_drawn_where_a_generator_is_configured(tmp_path: Path) -> None:
    log = start(tmp_path)
    toolkit = replace(
        kit(log, answer, WordSource(["green frog"])), generator=FlatGenerator(), settings=load_settings(draw_gate=0)
    )
    article = run(log, compose, toolkit)
    picture = article.slots()[0].picture
    assert picture is not None
    assert picture.attribution.generated
    assert picture.attribution.licence == "CC0 1.0"


def test_the_person_wins_while_the_model_writes(tmp_path: Path) -> None:
    log = start(tmp_path)
    theirs = "My own words stand here."
    meddled: list[str] = []

    def reply(prompt: Prompt) -> str:
        if "Write section 2" in prompt[-1].content and not meddled:
            block = next(b for b in log.article.sections()[0].blocks if isinstance(b, TextBlock))
            log.commit(ReplaceText(id=block.id, markdown=theirs), by="person", step=log.next_step())
            meddled.append(block.id)
        return answer(prompt)

    toolkit = kit(log, reply)
    article = run(log, compose, toolkit)
    block = article.text_block(meddled[0])
    assert block is not None
    assert (block.markdown, block.author) == (theirs, "person")
    assert isinstance(toolkit.text, ScriptedTextModel)
    assert any(theirs in m.content for m in toolkit.text.prompts[-1])  # the next call sees the new text


def test_a_block_taken_over_in_mid_stream_is_left_to_the_person(tmp_path: Path) -> None:
    log = start(tmp_path)
    taken: list[str] = []

    def meddling(toolkit: Toolkit, article: Article) -> Stage:
        """The stage, with a person who types into the first block that grows."""
        stage = compose(toolkit, article)
        item = next(stage)
        while True:
            article = yield item
            if isinstance(item, AppendText) and not taken:
                taken.append(item.id)
                article = log.commit(ReplaceText(id=item.id, markdown="Mine."), by="person", step=log.next_step())
            try:
                item = stage.send(article)
            except StopIteration:
                return article

    article = run(log, meddling, kit(log))
    block = article.text_block(taken[0])
    assert block is not None
    assert block.markdown == "Mine."
    assert all(p.written for p in article.plans)


def test_a_number_of_pictures_is_kept_when_the_plan_repeats_itself(tmp_path: Path) -> None:
    log = start(tmp_path, wishes=Wishes(words=120, images=2))
    article = run(log, plan, kit(log, [plan_reply(pictures=((1, "brass lamp"), (1, "Brass lamp")))]))
    assert [s.query for s in article.slots()] == ["brass lamp", "The lens"]


def test_a_locked_slot_is_not_filled(tmp_path: Path) -> None:
    log = start(tmp_path)
    run(log, plan, kit(log))
    slot = log.article.slots()[0]
    log.commit(Lock(id=slot.id, locked=True), by="person")
    article = run(log, compose, kit(log))
    assert article.slots()[0].chosen is None


def test_stop_stops_and_the_run_can_be_continued(tmp_path: Path) -> None:
    log = start(tmp_path)
    driver = Driver(log)

    def listen(event: Event) -> None:
        if isinstance(event, Progress) and event.stage == "write" and event.done == 1:
            driver.stop.set()

    assert driver.run(compose(kit(log), log.article), listen)
    first = [b.id for b in log.article.blocks]
    assert not all(p.written for p in log.article.plans)
    again = reopen(tmp_path / "article")
    article = run(again, compose, kit(again))
    assert [b.id for b in article.blocks][: len(first) - 1] == first[:-1]
    assert all(p.written for p in article.plans)


@pytest.mark.parametrize("failing", [2, 3])  # the plan and the draft come first
def test_a_model_that_breaks_off_leaves_what_was_shown_and_can_be_continued(tmp_path: Path, failing: int) -> None:
    log = start(tmp_path)
    toolkit = kit(log)
    broken = ScriptedTextModel(answer, fails_after=9, failing=[failing])
    assert not Driver(log).run(compose(replace(toolkit, text=broken), log.article))
    assert failures(log)
    shown = [b for b in log.article.blocks if isinstance(b, TextBlock)]
    again = reopen(tmp_path / "article")
    assert [b for b in again.article.blocks if isinstance(b, TextBlock)] == shown
    article = run(again, compose, kit(again))
    assert all(p.written for p in article.plans)
    words = sum(count_words(s.text) for s in article.sections())
    assert words > 90


def test_must_mention_facts_reach_a_section_and_their_absence_is_said(tmp_path: Path) -> None:
    facts = ("The lens was made in 1823 by Fresnel", "the lamp burned 760 grams of oil", "灯塔有四十米高")
    log = start(tmp_path, wishes=Wishes(words=120, images=0, must_mention=facts))

    def reply(prompt: Prompt) -> str:
        if "Plan an article" in prompt[-1].content:
            return plan_reply(pictures=())
        if "for the end of the section" in prompt[-1].content:
            return "Augustin Fresnel made the lens in 1823." if "1823" in prompt[-1].content else "Nobody knows."
        return answer(prompt)

    toolkit = kit(log, reply)
    article = run(log, compose, toolkit)
    assert {f for p in article.plans for f in p.facts} == set(facts)
    assert any("1823" in b.markdown for b in article.blocks if isinstance(b, TextBlock))
    assert "The lamp burned 760 grams of oil." in "".join(s.text for s in article.sections())  # the author's own words
    assert [w for w in warnings(log) if "does not state" in w] == [f"The article does not state: {facts[2]}"]


def test_forbidden_topics_are_reported(tmp_path: Path) -> None:
    log = start(tmp_path, wishes=Wishes(words=120, images=0, avoid=("wick",)))
    run(log, compose, kit(log))
    assert "The article mentions: wick" in warnings(log)


def test_a_crash_in_a_stage_is_a_failure_that_keeps_the_article(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = start(tmp_path)

    def reply(prompt: Prompt) -> str:
        if "Write section 2" in prompt[-1].content:
            raise ZeroDivisionError
        return answer(prompt)

    assert not Driver(log).run(compose(kit(log, reply), log.article))
    assert "ZeroDivisionError" in failures(log)[0]
    assert log.article.sections()[0].text


def test_edits_of_a_stage_that_no_longer_fit_are_dropped(tmp_path: Path) -> None:
    log = start(tmp_path)

    def stage(article: Article) -> Stage:
        yield AddBlock(block=TextBlock(id="b9", markdown="x"), after="b77")
        article = yield AddBlock(block=TextBlock(id="b9", markdown="x"), after=None)
        return article

    assert Driver(log).run(stage(log.article))
    assert [b.id for b in log.article.blocks] == ["b9"]


def test_two_runs_on_two_articles_do_not_mix(tmp_path: Path) -> None:
    logs = [start(tmp_path / str(i), text=f"Article {i}") for i in range(2)]
    threads = [threading.Thread(target=run, args=(log, compose, kit(log))) for log in logs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, log in enumerate(logs):
        assert log.article.brief.instruction == f"Article {i}"
        assert all(p.written for p in log.article.plans)


def test_every_edit_of_a_run_is_the_models(tmp_path: Path) -> None:
    log = start(tmp_path)
    run(log, compose, kit(log))
    authors = [r.event.by for r in log.since(1) if isinstance(r.event, Edited)]
    assert set(authors) == {"model"}
