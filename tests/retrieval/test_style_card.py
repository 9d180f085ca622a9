import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from retrieval.colours import hex_of, lab_of_hex, named
from retrieval.errors import UsageError
from retrieval.style_card import card_of, closeness, hexes, palette_of, see, with_palette, wording
from tests.retrieval.fakes import drawing
from tests.retrieval.test_style import flat, pencil, photo


@given(st.lists(st.integers(0, 99), min_size=1, max_size=3))
def test_a_card_says_what_its_references_share(seeds: list[int]) -> None:
    card = card_of([see(drawing(seed)) for seed in seeds], ["a"] * len(seeds))
    assert 0 <= closeness(card, see(drawing(100))) <= 1
    assert sum(c.share for c in card.palette) == pytest.approx(1)
    assert card.words in wording(card)


def test_its_only_reference_is_nearest() -> None:
    seen = see(flat(1))
    card = card_of([seen])
    assert closeness(card, seen) == pytest.approx(1)
    assert closeness(card, see(flat(2))) < 1


def test_a_house_colour_brings_a_picture_nearer() -> None:
    def disc(colour: str) -> Image.Image:
        image = Image.new("RGB", (96, 96), "white")
        ImageDraw.Draw(image).ellipse((20, 20, 70, 70), fill=colour)
        return image

    card = card_of([see(disc("#3b88c3"))])
    square = Image.new("RGB", (96, 96), "white")
    square.paste("#3b88c3", (30, 30, 60, 70))
    other = Image.new("RGB", (96, 96), "white")
    other.paste("#2f7db8", (30, 30, 60, 70))
    assert closeness(card, see(square)) > closeness(card, see(other))


def test_an_authors_palette_counts_instead_of_the_references() -> None:
    card = card_of([see(flat(1))])
    red = with_palette(card, ["#cc0000", "#ffffff"])
    assert hexes(red) == ["#cc0000", "#ffffff"]
    assert hexes(with_palette(card, [])) == hexes(card)
    image = Image.new("RGB", (96, 96), "#cc0000")
    assert closeness(red, see(image)) > closeness(card, see(image))
    with pytest.raises(UsageError, match="#rrggbb"):
        with_palette(card, ["red"])


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_a_colour_comes_back_as_it_was_written(rgb: tuple[int, ...]) -> None:
    written = "#" + "".join(f"{v:02x}" for v in rgb)
    back = hex_of(lab_of_hex(written))
    assert all(abs(int(back[i : i + 2], 16) - int(written[i : i + 2], 16)) <= 1 for i in (1, 3, 5))
    assert named(lab_of_hex("#ff0000")) == "red"


def test_a_palette_holds_the_colours_there_are() -> None:
    image = Image.new("RGB", (48, 48), "white")
    image.paste("black", (0, 0, 48, 12))
    light, dark = palette_of(image)[:2]
    assert light.lab[0] > 95
    assert dark.lab[0] < 5
    assert dark.share == pytest.approx(0.25, abs=0.03)


def test_own_references_are_nearest() -> None:
    for own in (flat, photo, pencil):
        card = card_of([see(own(seed)) for seed in range(3)])
        near = min(closeness(card, see(own(seed))) for seed in range(3, 6))
        far = max(closeness(card, see(other(seed))) for other in {flat, photo, pencil} - {own} for seed in range(3, 6))
        assert near > far


def test_a_card_needs_a_reference() -> None:
    with pytest.raises(UsageError, match="at least one"):
        card_of([])
