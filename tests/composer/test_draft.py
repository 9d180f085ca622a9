"""A short article in one reply: its lines go to the planned sections, whatever the pieces they come in."""

from dataclasses import replace
from itertools import groupby
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from composer.article import Article, Brief, Material, SectionPlan, TextBlock
from composer.brief import Wishes
from composer.compose import Driver, compose
from composer.draft import ONE_DRAFT, dealt, parted, parts_of
from composer.markdown import count_words
from composer.models import Prompt
from composer.write import ENOUGH
from tests.composer.kit import LAMP, LENS, answer, kit, run, start
from tests.fakes import ScriptedTextModel

TITLES = ("The lamp", "The lens", "Who keeps it")
TEXT = """Before all.

## The lamp

It **burns**.
**Not a title here.**

### Oil

# The light
* one
## 2. The lens:

Glass.

## The lamp

**Who keeps it**

Keepers do."""


def sections(pieces: list[str]) -> dict[int, str]:
    return {n: "".join(t for _, t in group) for n, group in groupby(parted(pieces, TITLES), key=lambda part: part[0])}


def test_headings_open_their_sections_and_are_no_text() -> None:
    found = sections([TEXT])
    assert list(found) == [0, 1, 2]
    assert found[0].split() == (
        [
            "Before",
            "all.",
            "It",
            "**burns**.",
            "**Not",
            "a",
            "title",
            "here.**",
            "###",
            "Oil",
            "#",
            "The",
            "light",
            "*",
            "one",
        ]
    )  # no planned heading
    assert found[1].split() == ["Glass.", "##", "The", "lamp"]  # one that is passed opens nothing
    assert found[2].strip() == "Keepers do."


@given(st.lists(st.integers(1, 12), min_size=1, max_size=60))
def test_pieces_of_any_size_are_the_same_text(sizes: list[int]) -> None:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(TEXT[at : at + size])
        at += size
    assert sections([*pieces, TEXT[at:]]) == sections([TEXT])


def at_once(prompt: Prompt) -> str:
    whole = "Write the whole text" in prompt[-1].content
    return f"## The lamp\n\n{LAMP}\n\n## The lens\n\n{LENS}\n" if whole else answer(prompt)


def asked(toolkit: object, words: str) -> list[Prompt]:
    model = getattr(toolkit, "text", None)
    assert isinstance(model, ScriptedTextModel)
    return [p for p in model.prompts if words in p[-1].content]


def test_a_short_article_is_written_in_one_go(tmp_path: Path) -> None:
    log = start(tmp_path, wishes=Wishes(words=120, images=1, must_mention=("Large ones weigh several tons.",)))
    toolkit = kit(log, at_once)
    article = run(log, compose, toolkit)
    (request,) = asked(toolkit, "Write the whole text")
    assert asked(toolkit, "Write section") == []
    assert asked(toolkit, "sentences for the end") == []  # a fact that another section states is stated
    assert "## The lamp\n## The lens" in request[-1].content
    assert "several tons" in request[-1].content
    one, two = (s for s in article.sections() if s.heading)
    assert " ".join(one.text.split()) == " ".join(LAMP.split())
    assert " ".join(two.text.split()) == " ".join(LENS.split())
    assert [b.kind for b in one.blocks] == ["text", "image", "text"]  # the slot's place, in the middle
    assert all(p.written for p in article.plans)


def test_what_a_draft_left_out_is_written_by_itself(tmp_path: Path) -> None:
    log = start(tmp_path)
    toolkit = kit(log, lambda p: f"## The lamp\n\n{LAMP}" if "whole text" in p[-1].content else answer(p))
    article = run(log, compose, toolkit)
    assert [p[-1].content.count("section 2") for p in asked(toolkit, "Write section")] == [1]
    assert "Fresnel" in article.sections()[-1].text


def test_a_long_one_is_written_in_parts_that_know_of_each_other(tmp_path: Path) -> None:
    log = start(tmp_path, wishes=Wishes(words=700, images=0))
    toolkit = kit(log, lambda p: f"## The lamp\n\n{LAMP}" if "first part" in p[-1].content else answer(p))
    lamp = next(s for s in run(log, compose, toolkit).sections() if s.title == "The lamp")
    (first,), (second,) = asked(toolkit, "Write the first part"), asked(toolkit, "Write the next part")
    assert "## The lamp" in first[-1].content
    assert "written later: The lens" in first[-1].content
    assert "## The lens" in second[-1].content
    assert f"It ends:\n> {lamp.text.split(chr(10))[-1]}" in second[-1].content
    assert asked(toolkit, "Write the whole text") == []


def test_material_is_shown_in_passages(tmp_path: Path) -> None:
    wordy = Material(
        name="notes", text="\n\n".join(f"The lamp of house {n} burns oil. {'It shines. ' * 20}" for n in range(60))
    )
    log = start(tmp_path, wishes=Wishes(words=120, images=0, material=(wordy,)))
    toolkit = kit(log, at_once)
    run(log, compose, toolkit)
    (request,) = asked(toolkit, "Write the whole text")
    assert 0 < request[-1].content.count("burns oil.") < 20


@given(st.lists(st.integers(0, 900), min_size=1, max_size=14))
def test_parts_are_all_sections_in_order_and_none_is_longer_than_two_shares(lengths: list[int]) -> None:
    blocks = tuple(TextBlock(id=f"b{n}", markdown=f"## {n}") for n in range(len(lengths)))
    plans = tuple(SectionPlan(heading=f"b{n}", words=words) for n, words in enumerate(lengths))
    article = Article(id="a", brief=Brief(instruction="x", words=1000), blocks=blocks, plans=plans)
    parts = parts_of(article)
    assert [s.title for part in parts for s in part] == [str(n) for n in range(len(lengths))]
    words = [[s.plan.words for s in part if s.plan] for part in parts]
    assert all(sum(part) - max(part) <= 2 * ONE_DRAFT["en"] for part in words)


def test_what_stands_is_not_written_again(tmp_path: Path) -> None:
    log = start(tmp_path, wishes=Wishes(words=120, images=0))
    breaking = ScriptedTextModel(at_once, fails_after=60, failing=[1])
    assert not Driver(log).run(compose(replace(kit(log), text=breaking), log.article))
    assert "Lamps burn oil" in "".join(s.text for s in log.article.sections())
    toolkit = kit(log, at_once)
    article = run(log, compose, toolkit)
    assert asked(toolkit, "Write the whole text") == []
    assert all(p.written for p in article.plans)


@given(
    st.lists(st.text("word \n", min_size=1, max_size=9), max_size=40),
    st.lists(st.integers(1, 9), min_size=1, max_size=5),
)
def test_what_is_dealt_is_all_of_it_in_order_and_no_section_is_left_before_its_length(
    pieces: list[str], lengths: list[int]
) -> None:
    found = list(dealt(pieces, lengths))
    assert "".join(text for _, text in found) == "".join(pieces)
    numbers = [number for number, _ in found]
    assert numbers == sorted(numbers)
    assert set(numbers) <= set(range(len(lengths)))
    for number in set(numbers) - {max(numbers, default=0)}:
        own = "".join(text for n, text in found if n == number)
        assert own.endswith("\n")
        assert count_words(own) >= ENOUGH * lengths[number]


def test_headings_that_a_story_has_after_all_are_no_text() -> None:
    story = '**Title:** "The Lamp"\n\n# The Lamp\n\nIt burns.\n\n**Night**\n\n**Bold** it is.\n### End\nOut.'
    assert "".join(t for _, t in dealt(story, [2, 2])).split() == ["It", "burns.", "**Bold**", "it", "is.", "Out."]


def test_a_story_is_written_without_headings_and_dealt_out(tmp_path: Path) -> None:
    log = start(tmp_path, wishes=Wishes(words=120, images=0, kind="story"))
    toolkit = kit(log, lambda p: f"{LAMP}\n\n{LENS}\n" if "whole text" in p[-1].content else answer(p))
    article = run(log, compose, toolkit)
    (request,) = asked(toolkit, "Write the whole text")
    assert "without headings" in request[-1].content
    assert "## " not in request[-1].content
    one, two = (s for s in article.sections() if s.heading)
    assert " ".join(f"{one.text} {two.text}".split()) == " ".join(f"{LAMP} {LENS}".split())
    assert two.text
