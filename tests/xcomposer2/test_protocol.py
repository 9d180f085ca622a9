"""The composition protocol: its exact words, replies that say anything at all, and articles that are too long."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from composer.errors import UsageError
from composer.models import Usage
from composer.xcomposer2 import answers, prompts
from composer.xcomposer2.compose import Composer
from composer.xcomposer2.context import fitted
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.processing import XComposer2Processor
from composer.xcomposer2.prompts import Ask
from composer.xcomposer2.reader import Reader
from tests.xcomposer2 import tiny
from tests.xcomposer2.toy_tokens import LetterTokens

ZH, EN = prompts.prompts("zh"), prompts.prompts("en")
LINES = ["# 茶", "茶来自云南。", "后来传到海外。", "今天人人喝茶。"]
RED, BLUE, GREEN = (Image.new("RGB", (20, 20), name) for name in ("red", "blue", "green"))


def text_of(ask: Ask) -> str:
    return "".join("◼" if isinstance(part, Image.Image) else part for part in ask.content) + "|" + ask.begun


def test_placing_is_asked_as_the_official_program_asks() -> None:
    article = '给定文章"<Seg0> # 茶\n<Seg1> 茶来自云南。\n<Seg2> 后来传到海外。\n<Seg3> 今天人人喝茶。\n" '
    wanted = article + "根据上述文章，选择适合插入图像的2行|适合插入图像的行是"
    assert text_of(prompts.place(ZH, LINES, count=2)) == wanted
    assert text_of(prompts.place(ZH, LINES, count=None, images=[RED])).startswith('◼ 给定文章"')
    assert "图像的行|" in text_of(prompts.place(ZH, LINES, count=None))


def test_titles_are_asked_one_after_another() -> None:
    article = '给定文章"<Seg0> # 茶\n<Seg1> 茶来自云南。\n<Seg2> 后来传到海外。\n" '
    ask = '给出适合在<Seg1>后插入的图像对应的标题。|标题是"'
    assert text_of(prompts.caption(ZH, LINES, 1, {})) == article + ask
    one = '现在<Seg0>后插入图像对应的标题是"壶"。'
    assert text_of(prompts.caption(ZH, LINES, 1, {0: "壶"})) == article + one + ask
    three = text_of(prompts.caption(ZH, LINES, 2, {0: "壶", 1: "山"}))
    assert '现在<Seg0>后插入图像对应的标题是"壶"， <Seg1>后插入图像对应的标题是"山"。给出适合在<Seg2>' in three


def test_choosing_shows_the_pictures_chosen_before() -> None:
    ask = prompts.choose(ZH, LINES, 2, [BLUE, GREEN], {1: RED, 2: BLUE})
    wanted = "根据给定上下文和候选图像，选择合适的配图：# 茶\n茶来自云南。\n◼后来传到海外。\n候选图像包括: A.◼\nB.◼|最合适的图是"
    assert text_of(ask) == wanted
    assert [p for p in ask.content if isinstance(p, Image.Image)] == [RED, BLUE, GREEN]
    with pytest.raises(UsageError, match="not of 0"):
        prompts.choose(ZH, LINES, 2, [], {})


def test_changes_are_asked_as_the_official_program_asks() -> None:
    assert text_of(prompts.change(ZH, "expand", "茶。", "产地")) == "扩写以下段落：茶。\n基于以下素材：产地|"
    assert text_of(prompts.change(ZH, "rewrite", "茶。", "产地")) == "改写以下段落：茶。\n基于以下素材：产地|"
    assert text_of(prompts.change(ZH, "shorten", "茶。")) == "缩写以下段落：茶。|"
    wanted = "在以下两段中插入一段。\n第一段：甲\n第二段：乙\n插入段的大纲：丙|"
    assert text_of(prompts.insert(ZH, "甲", "乙", "丙")) == wanted
    assert text_of(prompts.write("写茶", [RED, BLUE])) == "◼ ◼写茶|"


@settings(deadline=None)
@given(text=st.text(), other=st.text(), words=st.sampled_from([ZH, EN]))
def test_any_text_can_be_asked_about(text: str, other: str, words: prompts.Prompts) -> None:
    lines = [text, other, "{article} {slot} %s"]
    for ask in (
        prompts.place(words, lines, count=3),
        prompts.caption(words, lines, 1, {0: other}),
        prompts.choose(words, lines, 2, [RED], {0: BLUE}),
        prompts.change(words, "rewrite", text, other),
        prompts.insert(words, text, other, text),
    ):
        assert text in text_of(ask)


def test_every_language_has_prompts() -> None:
    assert prompts.prompts("zh-CN") is ZH or prompts.prompts("zh-CN") == ZH
    assert prompts.prompts("de") == EN
    assert "<Seg{slot}>" in EN.caption


REPLIES = st.one_of(st.text(), st.text(alphabet="<>SegA 0123456789,，。\"'BCD\n"))
ARTICLES = st.lists(st.text(max_size=30), max_size=12)


@settings(max_examples=300, deadline=None)
@given(reply=REPLIES, lines=ARTICLES, count=st.one_of(st.none(), st.integers(-2, 20)))
def test_places_are_lines_of_the_article_whatever_the_reply(reply: str, lines: list[str], count: int | None) -> None:
    found = answers.slots(reply, lines, count=count)
    assert list(found) == sorted(set(found))
    assert all(0 <= n < len(lines) for n in found)
    assert count is None or len(found) <= max(0, count)
    assert found == answers.slots(reply, lines, count=count)


@settings(max_examples=300, deadline=None)
@given(reply=REPLIES, line=st.text())
def test_titles_are_one_line_whatever_the_reply(reply: str, line: str) -> None:
    title = answers.title(reply, line)
    assert "\n" not in title
    assert title or not line.strip(" \n*`#") or not answers.plain_title(line)


@settings(max_examples=300, deadline=None)
@given(reply=REPLIES, count=st.integers(1, 26))
def test_choices_are_candidates_whatever_the_reply(reply: str, count: int) -> None:
    assert 0 <= answers.choice(reply, count) < count


def test_replies_are_read() -> None:
    lines = [f"Line {n}." for n in range(8)]
    assert answers.slots("<Seg5>, <Seg2>和<Seg2> <Seg99> <Seg>", lines, count=None) == (2, 5)
    assert answers.slots("<Seg5><Seg2><Seg1>", lines, count=2) == (2, 5)
    assert answers.slots("Nothing fits.", lines, count=2) == (2, 6)
    assert answers.slots("", ["# Title", "a", "", "b"], count=5) == (1, 3)
    assert answers.title('茶山"，还有', "x") == "茶山"
    assert answers.title("", "**Tea** grows in Yunnan. It is old.") == "Tea grows in Yunnan"
    assert [answers.choice(r, 4) for r in ("C", " b.", "图D", "Answer: B", "Z", "", "apple")] == [2, 1, 3, 1, 0, 0, 0]
    assert answers.paragraphs("a\n\n  b \n") == ["a", "b"]


@settings(deadline=None)
@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=60), room=st.integers(45, 400))
def test_the_oldest_lines_go_first_and_no_more_than_must(sizes: list[int], room: int) -> None:
    lines = ["x" * size for size in sizes]

    def build(start: int) -> Ask:
        return prompts.Ask(content=(prompts.numbered(lines, start), "?"))

    def length(ask: Ask) -> int:
        return sum(len(str(part)) for part in ask.content)

    try:
        ask = fitted(build, lines, length, room)
    except UsageError:
        assert length(build(len(lines) - 1)) > room
        return
    assert length(ask) <= room
    assert ask.content[-1] == "?"
    assert str(ask.content[0]).endswith(f"> {lines[-1]}\n")
    if length(build(0)) <= room:
        assert ask == build(0)


@pytest.fixture(scope="module")
def model() -> XComposer2ForConditionalGeneration:
    return tiny.model(tiny.config(text={"max_position_embeddings": 700}))


def composer(model: XComposer2ForConditionalGeneration) -> tuple[Composer, Reader]:
    reader = Reader(model, Usage())
    return Composer(reader, XComposer2Processor(LetterTokens(), model.config), language="en"), reader


def test_a_model_that_talks_nonsense_still_illustrates(model: XComposer2ForConditionalGeneration) -> None:
    made, _ = composer(model)
    lines = [f"Line number {n} of a story." for n in range(9)]
    asked: list[str] = []

    def find(title: str) -> list[Image.Image]:
        asked.append(title)
        return [RED, BLUE, GREEN][: len(asked)]

    slots = list(made.illustrate(lines, find, count=3))
    assert [slot.line for slot in slots] == sorted(slot.line for slot in slots)
    assert len(slots) == 3 == len(asked)
    assert all(slot.title and 0 <= slot.choice < 3 for slot in slots)
    assert made.place([]) == ()
    assert list(made.change("shorten", "A long paragraph.", seed=3))


def test_a_long_article_fits_by_its_oldest_lines(model: XComposer2ForConditionalGeneration) -> None:
    made, reader = composer(model)
    lines = [f"Line number {n} of a story that is too long." for n in range(40)]
    assert all(n < 40 for n in made.place(lines, count=2))
    assert made.title(lines, 38, {1: "old", 37: "new"})
    assert made.choose(lines, 39, [RED, BLUE], {2: GREEN}) in (0, 1)
    assert reader.usage.prompt_tokens <= 3 * 700
    with pytest.raises(UsageError, match="last line alone"):
        made.place(["word " * 300])


def test_slots_share_what_was_read(model: XComposer2ForConditionalGeneration) -> None:
    """Six slots one after another: the article is read once for the titles and once for the choices."""
    rng = random.Random(0)
    lines = ["".join(rng.choices("abcdefg ", k=120)) for _ in range(8)]
    made, reader = composer(tiny.model(tiny.config(text={"max_position_embeddings": 4000})))
    titles = made.titles(lines, range(6))
    chosen: dict[int, Image.Image] = {}
    for slot in titles:
        chosen[slot] = RED
        made.choose(lines, slot, [BLUE, GREEN, RED, BLUE], chosen)
    usage = reader.usage
    assert usage.cached_tokens > 0.5 * usage.prompt_tokens, (
        "titles of the slots before, which follow the text, are not shared"
    )
