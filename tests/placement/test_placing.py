"""What is measured of gaps, the optimum over them, and the joint places of an author's own pictures."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from composer.placement.choose import assign_once, mute, place_pool
from composer.placement.features import FEATURES, gap_features, leftover
from composer.placement.judge import judge
from composer.placement.match import MEASURES, measures, prepare
from composer.placement.optimum import Spacing, best_gaps, likely_count
from composer.placement.pixels import Seen, pixel_fits, seen_fits
from composer.placement.scorer import gap_chances, lexicon, purpose_of, reason_of, weights
from composer.placement.text import Block, blocks_of, sentences, telling_words, visible, with_addresses, word_count
from retrieval.encoder import Vectors, unit_rows
from tests.fakes import ScriptedTextModel


class ColourEncoder:
    """Knows red, green and blue, in words and in pictures."""

    name, dim = "colours", 3

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return unit_rows(np.array([[float(c in t.lower()) for c in ("red", "green", "blue")] for t in texts]))

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        return unit_rows(np.array([im.resize((1, 1)).getpixel((0, 0)) for im in images], float))


FREE = Spacing(cost=0.0, ends=0.0)


def column(pieces: list[str], name: str) -> list[float]:
    return list(map(float, gap_features(blocks_of(pieces), lexicon())[:, FEATURES.index(name)]))


def test_kinds_of_blocks() -> None:
    pieces = [
        "# A",
        "- b",
        "1. c",
        "> d",
        "| e |",
        "<div>f</div>",
        "    g",
        "```\nh",
        "still h",
        "```",
        "Text.",
        "Title\n====",
    ]
    kinds = ["heading", "list", "list", "quote", "table", "html", "code", "code", "code", "code", "text", "heading"]
    assert [b.kind for b in blocks_of(pieces)] == kinds


def test_visible_text() -> None:
    assert visible("**A** [link](http://x.org/y) &amp; `code` <b>c</b>") == "A link  & code  c"
    assert "harbour" in with_addresses("See [this](/pictures/harbour-view.html).")
    assert word_count("two words 西湖") == 3
    assert sentences("One two. Three four: five six") == ["One two.", "Three four:", "five six"]
    assert sentences("西湖很美。湖上有岛。") == ["西湖很美。", "湖上有岛。"]


def test_words_are_compared_by_their_stems() -> None:
    assert set(telling_words("recruiting stories")) & set(telling_words("A recruiter's story"))
    assert telling_words("湖上有岛") == ["湖上", "上有", "有岛"]


def test_pointing_is_seen_but_not_at_a_list() -> None:
    assert column(["It looks like this:", "Next."], "asks") == [0, 1, 0]
    assert column(["You need this:", "- flour"], "asks") == [0, 0, 0]
    assert column(["岛的形状如下图", "然后"], "asks") == [0, 1, 0]


@pytest.mark.parametrize(
    ("raw", "is_leftover"),
    [
        ("*A user story growing by itself.*", True),
        ("[](http://example.org)", True),
        ("Photo: Ann Example", True),
        ("The old town hall", True),
        ("The old town hall was built in 1900.", False),
        ("*Ann Example contributed to this post.*", False),
        ("**Bold claim**", False),
        ("“Would you like this?”", False),
        ("## The old town hall", False),
    ],
)
def test_captions_without_pictures(raw: str, *, is_leftover: bool) -> None:
    assert leftover(blocks_of([raw])[0], lexicon()) is is_leftover


def test_a_place_that_asks_for_a_picture_is_likelier() -> None:
    text = ["A plain paragraph with some words in it.", "The screen looks like this:", "Another plain one with words."]
    chance = gap_chances(blocks_of(text), weights())
    assert chance.argmax() == 2
    assert gap_chances([], weights()).shape == (1,)


GAINS = st.lists(st.floats(-5, 5), min_size=1, max_size=9)


@given(GAINS, st.integers(0, 4), st.sets(st.integers(0, 8), max_size=3))
def test_the_optimum_is_one(gains: list[float], count: int, closed: set[int]) -> None:
    gain = np.array(gains)
    open_ = [g for g in range(len(gains)) if g not in closed]
    chosen = best_gaps(gain, count, FREE, closed=sorted(closed))
    assert len(chosen) == min(count, len(open_))
    assert set(chosen) <= set(open_)
    best = max((sum(gain[list(c)]) for c in combinations(open_, len(chosen))), default=0.0)
    assert sum(gain[chosen]) == pytest.approx(best)


def test_spacing_spreads_and_heeds_what_stands() -> None:
    flat = np.zeros(21)
    assert best_gaps(flat, 2, Spacing(cost=2.0, ends=0.5)) == [5, 15]
    beside = best_gaps(flat, 1, Spacing(cost=2.0, ends=0.0), taken=[10])
    assert abs(beside[0] - 10) >= 9


def test_the_free_number_is_what_is_expected() -> None:
    assert likely_count(np.full(30, 0.1)) == 3
    assert likely_count(np.full(30, 0.1), closed=range(20)) == 1
    assert likely_count(np.zeros(5)) == 0


POST = blocks_of(
    [
        "The harbour is busy at noon, and ships unload timber.",
        "Inland, a mill grinds wheat beside the river.",
        "In the evening the market square fills with music.",
    ]
)


def test_captions_find_their_gaps() -> None:
    captions = ["A mill by the river", "Music on the market square", "Ships in the harbour"]
    pool = prepare(captions, None)
    tables = measures(POST, pool, None)
    given_ = weights()
    assert tables[1].shape == (3, len(MEASURES))
    places = place_pool(np.full(4, 0.1), tables, given_, 3)
    assert places == {1: 2, 2: 0, 3: 1}
    fits = np.stack([given_.fit(tables[g]) for g in (1, 2, 3)])
    assert assign_once(fits) == [2, 0, 1]


def test_a_heading_speaks_for_every_gap_under_it() -> None:
    blocks = blocks_of(["Before all.", "# Red things", "One.", "Two.", "# Blue things", "Three."])
    for title, first in (("Of blue", [0, 1]), ("", [0, 0])):
        tables = measures(blocks, prepare(["red", "blue"], ColourEncoder()), ColourEncoder(), title=title)
        seen = [tables[gap][:, MEASURES.index("section")].round().tolist() for gap in range(len(blocks) + 1)]
        assert seen == [first, first, [1, 0], [1, 0], [1, 0], [0, 1], [0, 1]]


def test_a_short_paragraph_is_told_from_headings_and_lists() -> None:
    long = "word " * 13
    assert column(["# A heading", "- an item", "It begins here", long, "一个短句子。"], "short") == [0, 0, 0, 1, 0, 1]


def test_fewer_pictures_than_the_pool_has_and_versions_once() -> None:
    pool = prepare(["A mill", "A mill", "Ships in the harbour"], None)
    tables = measures(POST, pool, None)
    assert len(place_pool(np.full(4, 0.1), tables, weights(), 1)) == 1
    assert sorted(place_pool(np.full(4, 0.1), tables, weights(), 3, groups=[0, 0, 2]).values()) == [0, 2]
    assert place_pool(np.full(4, 0.1), {}, weights(), 3) == {}


def test_reasons_are_told_from_the_form() -> None:
    blocks = blocks_of(["Start here.", "It looks like this:", "End.", "1. First do this.", "Then."])
    assert reason_of(blocks, 2) == "evidence"
    assert reason_of(blocks, 4) == "steps"
    assert purpose_of("steps", "zh-CN") != purpose_of("steps", "en") == purpose_of("steps", "de")


def test_the_judge_answers_with_a_number() -> None:
    blocks = [Block(f"Text {n}.", "text", f"Text {n}.") for n in range(12)]
    model = ScriptedTextModel(['{"place": 3}', '{"place": 0}'])
    opinion = judge(model, blocks, title="T", language="en")
    assert opinion.argmax() == 3
    assert opinion[10:].tolist() == [0.0, 0.0, 0.0]
    schema = model.schemas[0]
    assert schema is not None
    assert schema["properties"]["place"]["enum"] == list(range(10))


def test_the_judge_takes_probabilities_where_the_engine_gives_them() -> None:
    class Sure(ScriptedTextModel):
        def choose(self, prompt: object, options: list[str]) -> list[float]:
            return [0.8 if option == "2" else 0.2 / (len(options) - 1) for option in options]

    blocks = [Block(f"Text {n}.", "text", f"Text {n}.") for n in range(4)]
    assert judge(Sure([]), blocks, title="T", language="en").argmax() == 2


def test_pictures_nobody_described_are_looked_at() -> None:
    colours = ColourEncoder()
    blocks = blocks_of(["A red barn.", "Then a blue lake.", "And green hills."])
    pictures = [Image.new("RGB", (8, 8), colour) for colour in ("blue", "red")]
    vectors = colours.encode_images(pictures)
    fits = pixel_fits(blocks, vectors, colours)
    assert fits[1][1] > fits[3][1]
    assert fits[2][0] > fits[0][0]
    tables = measures(blocks, prepare(["", ""], None), None)
    seen = seen_fits(blocks, Seen(letters=("", ""), vectors=vectors, encoder=colours), weights())
    assert seen[1][1] == pytest.approx(weights().pixels * fits[1][1])
    places = place_pool(np.full(4, 0.1), tables, weights(), 2, seen=seen)
    assert {picture: gap for gap, picture in places.items()}[1] in (0, 1)


def test_words_that_stand_in_a_picture_place_it_and_the_encoder_is_not_asked_about_it() -> None:
    colours = ColourEncoder()
    vectors = colours.encode_images([Image.new("RGB", (8, 8), "red")] * 2)
    blocks = blocks_of(["A red barn.", "The webhook form.", "And the harbour map."])
    seen = seen_fits(blocks, Seen(letters=("Add webhook", ""), vectors=vectors, encoder=colours), weights())
    assert max(seen, key=lambda gap: seen[gap][0]) == 2
    assert seen[1][1] > seen[3][1]
    tables = measures(blocks, prepare(["", "The harbour map"], None), None)
    assert mute(tables).tolist() == [True, False]
    assert place_pool(np.full(4, 0.1), tables, weights(), 2, seen=seen) == {2: 0, 3: 1}
