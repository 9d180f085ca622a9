"""How a section is written: what its writer is shown, and what of the reply does not become text."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from composer.article import Material, TextBlock, with_id
from composer.brief import Wishes
from composer.compose import compose
from composer.conversation import request_on
from composer.edits import AddBlock
from composer.models import Prompt
from composer.plan import plan
from composer.reply import new_sentences, without_echo
from composer.write import Growth, behind
from tests.composer.kit import LAMP, answer, kit, plan_reply, run, start
from tests.fakes import ScriptedTextModel


def test_a_small_model_sees_a_sections_own_place_alone(tmp_path: Path) -> None:
    log = start(tmp_path, wishes=Wishes(words=700, images=0, must_mention=("The lamp burned oil until 1910.",)))
    toolkit = kit(log, lambda p: "" if " part of about" in p[-1].content else answer(p))
    assert toolkit.settings.writer_sees == "section"
    run(log, compose, toolkit)
    assert isinstance(toolkit.text, ScriptedTextModel)
    asked = {p[-1].content: p for p in toolkit.text.prompts if "Write section" in p[-1].content}
    assert [len(p) for p in asked.values()] == [2, 2]  # the rules and the request: no plan, no section before
    first, second = asked
    assert all(title in request for title in ("The lamp", "The lens") for request in asked)
    assert ("1910" in first, "1910" in second) == (True, False)
    assert not any("Keepers trim" in m.content for p in asked.values() for m in p)


def test_a_small_model_words_a_picture_without_reading_the_article_again(tmp_path: Path) -> None:
    log = start(tmp_path)
    toolkit = kit(log)
    run(log, compose, toolkit)
    assert isinstance(toolkit.text, ScriptedTextModel)
    (asked,) = [p for p in toolkit.text.prompts if "alt" in p[-1].content and "Write section" not in p[-1].content][-1:]
    assert [m.role for m in asked] == ["system", "user"]


@pytest.mark.parametrize(("sees", "others"), [("section", False), ("article", True)])
def test_a_request_on_standing_text_is_shown_what_its_writer_sees(tmp_path: Path, sees: str, others: bool) -> None:
    log = start(tmp_path)
    toolkit = kit(log)
    article = run(log, compose, toolkit)
    toolkit = replace(toolkit, settings=toolkit.settings.model_copy(update={"writer_sees": sees}))
    second = [s for s in article.sections() if s.heading][1]
    prompt = request_on(toolkit, article, "Shorten this.", second)
    assert prompt[-1].content == "Shorten this."
    shown = "\n".join(m.content for m in prompt)
    assert ("Keepers trim" in shown, "Fresnel" in shown) == (others, not others)


@pytest.mark.parametrize("before", ["The lamp\n", "**The lamp**\n", "The Lamp: ", "**The lamp:** ", "THE LAMP： "])
def test_a_section_does_not_begin_with_its_title_again(tmp_path: Path, before: str) -> None:
    log = start(tmp_path, wishes=Wishes(words=120, images=0))

    def reply(prompt: Prompt) -> str:
        said = answer(prompt)
        return before + said[0].lower() + said[1:] if "section 1" in prompt[-1].content else said

    article = run(log, compose, kit(log, reply))
    first = article.sections()[0].blocks[0]
    assert isinstance(first, TextBlock)
    assert first.markdown.lower().startswith("lamps burn oil")


LISTS = """Clean the lamp in this order:

1. Trim the wick at dusk, for soot dims everything and costs oil besides. Then wipe every pane of the lantern room.
2. Fill the brass tank until dawn. Wind the clockwork that turns the whole apparatus on its float of mercury.

That is all for one night of watch, and nobody may sleep while it runs above the rocks."""


def test_a_slot_never_stands_in_a_list_nor_behind_a_colon(tmp_path: Path) -> None:
    log = start(tmp_path)

    def reply(prompt: Prompt) -> str:
        return LISTS if "Write section" in prompt[-1].content else answer(prompt)

    article = run(log, compose, kit(log, reply))
    for section in article.sections():
        for before, after in pairwise(section.blocks):
            if isinstance(before, TextBlock) and not isinstance(after, TextBlock):
                assert not before.markdown.endswith(":")
    pieces = [LAMP.split("\n\n")[0][:-1] + ":", "1. Trim.", "2. Fill.", "Done."]
    log = start(tmp_path / "pieces")
    article = run(log, plan, kit(log))
    heading = next(s.heading.id for s in article.sections() if s.heading)
    growth = Growth(heading=heading, title="The lamp", purpose="", said=[], headings=set())
    for piece in pieces:
        block = with_id(log.article, TextBlock(id="", markdown=piece))
        log.commit(AddBlock(block=block, after=behind(log.article, growth, piece)), by="model")
    kinds = ["slot" if not isinstance(b, TextBlock) else b.markdown for b in log.article.sections()[0].blocks]
    assert kinds == [*pieces[:3], "slot", "Done."]


def test_a_section_with_the_articles_own_title_is_not_planned(tmp_path: Path) -> None:
    reply = plan_reply(("Lighthouses!", "The lamp", "The lens"), ((3, "glass lens"),))
    article = run(start(tmp_path), plan, kit(start(tmp_path / "x"), [reply]))
    assert article.title == "Lighthouses"
    assert [s.title for s in article.sections() if s.heading] == ["The lamp", "The lens"]
    assert [b.kind for b in article.blocks] == ["text", "text", "image"]


def test_a_small_model_is_given_the_source_texts_it_needs(tmp_path: Path) -> None:
    long = "\n\n".join([*(f"Nothing of use, number {n}." for n in range(90)), "The lamp stood in Genoa."])
    sources = (Material(name="a", text="Beams\nreached far."), Material(name="b", text=long))
    log = start(tmp_path, wishes=Wishes(words=120, images=0, material=sources))
    toolkit = kit(log)
    run(log, compose, toolkit)
    assert isinstance(toolkit.text, ScriptedTextModel)
    asked = [p[-1].content for p in toolkit.text.prompts if "Write section" in p[-1].content]
    assert all("> Beams reached far." in request for request in asked)
    assert "> The lamp stood in Genoa." in asked[0]
    assert not any("Nothing of use" in request for request in asked)


@pytest.mark.parametrize(
    "marked", ["### 1. **Wicks and Oil", "### **2) Wicks and Oil**", "**Section 3: Wicks and Oil**"]
)
def test_headings_within_a_section_have_neither_numbers_nor_open_marks(tmp_path: Path, marked: str) -> None:
    log = start(tmp_path, wishes=Wishes(words=120, images=0))

    def reply(prompt: Prompt) -> str:
        said = answer(prompt)
        return f"{said}\n\n{marked}\n\nThe wick is cut." if "section 1" in prompt[-1].content else said

    texts = [b.markdown for b in run(log, compose, kit(log, reply)).sections()[0].blocks if isinstance(b, TextBlock)]
    assert "### Wicks and Oil" in texts


@pytest.mark.parametrize(
    ("marked", "stands"),
    [
        ("### Introduction", None),
        ("**Conclusion**", None),
        ("### The lens", None),  # another section's title
        ("### The Lamp: Wicks", "### Wicks"),
        ("### The lamp: the lens", None),
        ("### Wicks: cotton", "### Wicks: cotton"),
        ("### Introduction to wicks", "### Introduction to wicks"),
    ],
)
def test_headings_that_say_nothing_new_are_left_out(tmp_path: Path, marked: str, stands: str | None) -> None:
    log = start(tmp_path, wishes=Wishes(words=120, images=0))

    def reply(prompt: Prompt) -> str:
        said = answer(prompt)
        return f"{marked}\n\n{said}" if "section 1" in prompt[-1].content else said

    texts = [b.markdown for b in run(log, compose, kit(log, reply)).sections()[0].blocks if isinstance(b, TextBlock)]
    assert [t for t in texts if t.startswith("#")] == ([stands] if stands else [])
    assert any("Keepers trim" in t for t in texts)


def test_a_heading_in_disguise_is_no_text(tmp_path: Path) -> None:
    log = start(tmp_path, wishes=Wishes(words=120, images=0))

    def reply(prompt: Prompt) -> str:
        said = answer(prompt)
        return f"The Story of Light and Its Keepers\n\n{said}" if "section" in prompt[-1].content else said

    article = run(log, compose, kit(log, reply))
    assert not any(isinstance(b, TextBlock) and "Story of Light" in b.markdown for b in article.blocks)
    assert any(isinstance(b, TextBlock) and "Keepers trim" in b.markdown for b in article.blocks)


def test_sentences_about_the_task_are_left_out(tmp_path: Path) -> None:
    log = start(tmp_path, wishes=Wishes(words=120, images=0))

    def reply(prompt: Prompt) -> str:
        said = answer(prompt)
        talk = "As an experienced author, I am thrilled. In this section, we will explore lamps."
        opening = f"{talk} The lens and mirror sections explain more.\n\nThe Lens\n\n"
        return f"{opening}{said}" if "section" in prompt[-1].content else said

    texts = [b.markdown for b in run(log, compose, kit(log, reply)).blocks if isinstance(b, TextBlock)]
    assert any("Keepers trim" in t for t in texts)
    assert not any("author" in t or "section" in t or t == "The Lens" for t in texts)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (
            "桥的中间，有一座石桥，上面有一个石桥，上面有一个石桥，上面有一个石桥。",
            "桥的中间，有一座石桥，上面有一个石桥。",
        ),
        (
            "They kept the crew safe at night, and they kept the crew safe at night. It was late.",
            "They kept the crew safe at night. It was late.",
        ),
        ("It rained, and it rained, and it rained.", None),
        ("Write 1,000,000 or 1,000,000.", None),
        ("A long way to go, she said; “a long way to go”, he said.", None),
        ("Long, long ago,\nthere stood a tower.", None),
    ],
)
def test_clauses_that_a_sentence_says_again_are_left_out(text: str, left: str | None) -> None:
    assert without_echo(text) == (text if left is None else left)
    assert without_echo(without_echo(text)) == without_echo(text)


@pytest.mark.parametrize(
    "echo",
    [
        "Understand the lamp in the tower and how its keepers trim it at dusk.",
        "Understanding the lamp in the tower and how its keepers trim it at dusk!",
    ],
)
def test_what_a_section_was_planned_to_tell_is_not_what_it_says(tmp_path: Path, echo: str) -> None:
    log = start(tmp_path, wishes=Wishes(words=120, images=0))

    def reply(prompt: Prompt) -> str:
        said = answer(prompt)
        if "Plan an article" in prompt[-1].content:
            return said.replace(
                "tells of The lamp", "Understand the lamp in the tower and how its keepers trim it at dusk."
            )
        return f"{echo}\n\n{said}" if "section 1" in prompt[-1].content else said

    first, *_ = run(log, compose, kit(log, reply)).sections()[0].blocks
    assert isinstance(first, TextBlock)
    assert first.markdown.startswith("Lamps burn oil")


def test_a_heading_with_nothing_below_it_does_not_stay(tmp_path: Path) -> None:
    log = start(tmp_path, wishes=Wishes(words=120, images=0, kind="howto"))
    bare = "\n\n### Oil\n\n#### Wicks\n"
    article = run(log, compose, kit(log, lambda p: f"{LAMP}{bare}" if "whole text" in p[-1].content else answer(p)))
    assert article.sections()[-1].text
    assert not any("Oil" in s.text or "Wicks" in s.text for s in article.sections())


@pytest.mark.parametrize("line", ["“谢谢，谢谢。”", '"I was only joking."'])
def test_lines_of_dialogue_that_turn_in_circles_end(line: str) -> None:
    said: list[frozenset[str]] = []
    kept = [new_sentences(text, said) for text in [line, line, line, "He left.", line]]
    assert kept == [line, "", "", "He left.", ""]
    assert new_sentences("“嗯。”", said) == new_sentences("“嗯。”", said) == "“嗯。”"
