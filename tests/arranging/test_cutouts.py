"""Which drawings show what a query names: by name, by meaning, and what is missed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.arranging.cutouts import MOST_THINGS, Cast, Cutouts, scene_words, table
from tests.arranging.kit import DRAWINGS, cutouts_in, pack_in


@pytest.fixture(scope="module")
def cutouts(tmp_path_factory: pytest.TempPathFactory) -> Cutouts:
    return cutouts_in(pack_in(tmp_path_factory.mktemp("packs")))


def shown(cast: Cast) -> dict[str, int]:
    return {thing.cutout.caption: thing.copies for thing in cast.things}


@pytest.mark.parametrize(
    ("query", "things", "scene", "missing"),
    [
        ("a red apple on a wooden table", {"red apple": 1}, ("table",), ()),
        ("three green apples", {"green apple": 3}, (), ()),
        ("an apple", {"red apple": 1}, (), ()),  # nearest in meaning among those named so
        ("books", {"books": 1}, (), ()),  # a drawing of several
        ("a book", {"open book": 1}, (), ()),  # the usual drawing of a plain word
        ("an old oak tree in a garden", {"deciduous tree": 1}, ("garden",), ("oak",)),
        ("a cup of coffee at night", {"hot beverage": 1}, ("night",), ()),  # the plunger, a "cup", is not meant
        ("a glass of water", {}, (), ("water",)),  # which is no lake
        ("a bike beside a lighthouse", {"bicycle": 1}, (), ("lighthouse",)),
        ("a happy person", {}, (), ("happy", "person")),  # faces are never put into a picture
        ("the keeper's house by the sea", {"house": 1}, ("sea",), ("keeper",)),
    ],
)
def test_what_a_query_names_is_found(
    cutouts: Cutouts, query: str, things: dict[str, int], scene: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    cast = cutouts.cast(query)
    assert (shown(cast), cast.scene, cast.missing) == (things, scene, missing)


@pytest.mark.parametrize(
    ("query", "things", "scene", "missing"),
    [
        ("桌上的红苹果", {"red apple": 1}, ("桌上",), ()),
        ("夜晚的房子和树", {"house": 1, "deciduous tree": 1}, ("夜晚",), ()),
        ("海边的灯塔", {}, ("海边",), ("灯塔",)),
    ],
)
def test_chinese_names_are_found(
    cutouts: Cutouts, query: str, things: dict[str, int], scene: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    cast = cutouts.cast(query)
    assert (shown(cast), cast.scene, cast.missing) == (things, scene, missing)


def test_what_the_query_is_about_comes_first_and_is_known_to_be_there_or_not(cutouts: Cutouts) -> None:
    assert next(iter(shown(cutouts.cast("an apple beside a house")))) == "red apple"
    assert cutouts.cast("a house").has_head
    assert not cutouts.cast("a lighthouse beside a house").has_head
    assert not cutouts.cast("a lighthouse").has_head


def test_without_an_encoder_only_names_are_found(tmp_path: Path) -> None:
    plain = cutouts_in(pack_in(tmp_path), meaning=False)
    assert shown(plain.cast("a bike and an apple")) == {"red apple": 1}


WORDS = [
    "a",
    "red",
    "of",
    "apple",
    "apples",
    "tree",
    "house",
    "sun",
    "night",
    "lighthouse",
    "sea",
    "bicycle",
    "ship",
    "books",
]


@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_every_word_is_shown_missed_or_of_no_weight(cutouts: Cutouts, words: list[str]) -> None:
    cast = cutouts.cast(" ".join(words))
    assert 0 <= cast.share <= 1
    assert len(cast.things) <= MOST_THINGS
    assert len(shown(cast)) == len(cast.things)
    assert set(cast.missing) <= {"lighthouse", "sea", "night"}
    assert (cast.share == 1) == (not cast.missing and any(w not in ("a", "red", "of") for w in words))
    assert set(cast.scene) <= set(words) & set(scene_words())


def test_the_table_names_each_thing_once_and_gives_every_scene_colours() -> None:
    kinds = [name for kind in ("air", "large", "small") for name in table()[kind]]
    assert len(kinds) == len(set(kinds))
    words = [w for where in ("sky", "ground") for kind in table()[where].values() for w in kind["words"]]
    assert len(words) == len(set(words))
    colours = [
        c for where in ("sky", "ground") for kind in table()[where].values() for pair in kind["colours"] for c in pair
    ]
    assert all(len(c) == 7 and int(c[1:], 16) >= 0 for c in colours)
    assert {kind["form"] for kind in table()["ground"].values()} == {"flat", "hills", "waves"}
    assert len(DRAWINGS) > MOST_THINGS
