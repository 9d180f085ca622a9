"""An arrangement: everything that is named can be seen, in every scene, the same for the same seed."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageColor

from composer.arranging.cutouts import Cast, Cutouts, scene_words
from composer.arranging.paint import cut, painted
from tests.arranging.kit import DRAWINGS, cutouts_in, pack_in

SIZE = (256, 192)
THINGS = ["red apple", "bicycle", "deciduous tree", "house", "sun", "ship"]


@pytest.fixture(scope="module")
def cutouts(tmp_path_factory: pytest.TempPathFactory) -> Cutouts:
    return cutouts_in(pack_in(tmp_path_factory.mktemp("packs")))


def visible(image: Image.Image, caption: str) -> int:
    """How many px have a drawing's colour."""
    pixels: NDArray[np.int64] = np.asarray(image, np.int64)
    return int((np.abs(pixels - np.array(ImageColor.getrgb(DRAWINGS[caption][2]))).max(2) <= 2).sum())


def cast_of(cutouts: Cutouts, things: list[str], *scene: str) -> Cast:
    return cutouts.cast(" ".join([*things, *(f"in {word}" for word in scene)]))


@given(st.lists(st.sampled_from(THINGS), min_size=1, max_size=4, unique=True), st.sampled_from(sorted(scene_words())))
def test_all_that_is_named_can_be_seen(cutouts: Cutouts, things: list[str], scene: str) -> None:
    cast = cast_of(cutouts, things, *([scene] if scene.isascii() else []))
    image = painted(cast, SIZE, seed=len(scene))
    assert (image.mode, image.size) == ("RGB", SIZE)
    for thing in things:
        assert visible(image, thing) > 0.004 * SIZE[0] * SIZE[1]


@pytest.mark.parametrize("size", [(96, 96), (768, 432), (192, 640)])
def test_any_form_holds_four_things_and_three_of_each(cutouts: Cutouts, size: tuple[int, int]) -> None:
    image = painted(cutouts.cast("apples and houses, ships beside bicycles, a sun"), size, seed=3)
    assert image.size == size
    assert visible(image, "red apple") > 0


def test_the_seed_decides_all_and_another_one_is_another_picture(cutouts: Cutouts) -> None:
    cast = cutouts.cast("a house and a tree on a hill at night")
    pictures = [painted(cast, SIZE, seed).tobytes() for seed in (1, 1, 2, 3)]
    assert pictures[0] == pictures[1]
    assert len(set(pictures)) == 3


def test_more_copies_cover_more(cutouts: Cutouts) -> None:
    one, three = (
        visible(painted(cutouts.cast(q), SIZE, 1), "red apple") for q in ("a house, an apple", "a house, apples")
    )
    assert three > 1.2 * one


def test_night_is_darker_than_day_and_snow_lighter_than_soil(cutouts: Cutouts) -> None:
    def light(query: str, rows: slice) -> float:
        return float(np.asarray(painted(cutouts.cast(query), SIZE, 1).convert("L"))[rows, :20].mean())

    above, below = slice(0, 20), slice(170, 192)
    assert light("an apple at night", above) < 100 < light("an apple on a sunny day", above)
    assert light("an apple in the soil", below) < 150 < light("an apple in the snow", below)


def test_the_colours_of_a_reference_come_into_ground_and_sky(cutouts: Cutouts) -> None:
    cast = cutouts.cast("an apple")
    red, blue = (
        np.asarray(painted(cast, SIZE, 1, [Image.new("RGB", (64, 64), c)]), float)[-6:].mean((0, 1))
        for c in ("#d03020", "#2030d0")
    )
    assert red[0] > red[2] + 60
    assert blue[2] > blue[0] + 60
    assert visible(painted(cast, SIZE, 1, [Image.new("RGB", (64, 64), "#2030d0")]), "red apple") > 1000


def test_a_ships_own_water_is_taken_out(tmp_path: Path) -> None:
    drawing = Image.new("RGBA", (40, 40), "#804010")
    drawing.paste("#92d3f5", (0, 20, 40, 40))
    drawing.save(tmp_path / "ship.png")
    assert cut(tmp_path / "ship.png").size == (40, 40)
    assert cut(tmp_path / "ship.png", water="#92d3f5").size == (40, 20)
