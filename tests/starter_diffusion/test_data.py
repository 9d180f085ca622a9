"""Which pairs are held out, what asks for a picture, and how one is brought onto white."""

import numpy as np
import pytest

from composer.starter_diffusion import data
from retrieval.training.holdout import words_in
from retrieval.training.sets import Drawing

TABLE = data.table()
STYLES = TABLE["styles"]
NAMES = (
    "apple",
    "bell",
    "cat",
    "dog",
    "egg",
    "fish",
    "goat",
    "hat",
    "igloo",
    "jar",
    "key",
    "lamp",
    "moon",
    "nest",
    "owl",
)


def many() -> list[Drawing]:
    labels = [name for name in NAMES] + [f"old {name}" for name in NAMES] + [f"{name} with frame" for name in NAMES]
    return [Drawing(source=style, label=label) for label in labels for style in STYLES]


def recipe(percent: int = 30) -> dict[str, object]:
    return {**TABLE["recipe"], "held_percent": percent}


def test_a_held_out_pair_is_not_trained_on_nor_anything_that_includes_it() -> None:
    drawings = many()
    parts = data.split(drawings, recipe(), STYLES)
    assert parts.held
    assert not set(parts.held) & set(parts.train)
    for row in parts.held:
        one = drawings[row]
        same = [drawings[i] for i in parts.train if drawings[i].source == one.source]
        assert not any(words_in(one.label) <= words_in(other.label) for other in same)


def test_the_concept_of_a_held_out_pair_is_known_in_other_styles() -> None:
    drawings = many()
    parts = data.split(drawings, recipe(10), STYLES)
    known = {words_in(drawings[i].label) for i in parts.train}
    assert all(words_in(drawings[i].label) in known for i in parts.held)


def test_the_choice_stays_when_labels_are_added() -> None:
    drawings = many()
    before = {(drawings[i].source, drawings[i].label) for i in data.split(drawings, recipe(), STYLES).held}
    more = [*drawings, *[Drawing(source=style, label="zebra") for style in STYLES]]
    after = {(more[i].source, more[i].label) for i in data.split(more, recipe(), STYLES).held}
    assert before <= after


def test_lonely_concepts_people_and_signs_are_left_out() -> None:
    drawings = [Drawing(source="noto", label="tardis")]
    drawings += [Drawing(source=style, label=label) for label in ("man juggling", "red circle") for style in STYLES]
    parts = data.split(drawings, recipe(0), STYLES)
    assert parts.train == parts.held == []


@pytest.mark.parametrize(
    ("label", "style", "prompt"),
    [("red apple", "flat emoji", "red apple, flat emoji"), ("owl", "", "owl"), ("", "", "")],
)
def test_a_prompt_is_the_concept_and_its_style(label: str, style: str, prompt: str) -> None:
    assert data.prompt_of(label, style) == prompt


def test_the_second_prompt_adds_tags_that_say_more() -> None:
    one = Drawing(source="noto", label="red apple", tags=("apple", "fruit", "food", "pie"))
    assert data.prompts_of(one, STYLES)[1] == f"red apple, fruit, food, {STYLES['noto']}"


def test_half_transparent_colour_is_weighed_once_and_nothing_leaves_the_range() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (3, 32, 32, 4)).astype(np.uint8)
    pixels[..., 3] = np.where(rng.random((3, 32, 32)) < 0.5, 0, 255)
    found = data.on_white(pixels, 16, 2)
    assert found.shape == (3, 3, 16, 16)
    assert -1 <= float(found.min()) <= float(found.max()) <= 1
    assert (found[:, :, :2] == 1).all()
    grey = np.zeros((1, 16, 16, 4), np.uint8)
    grey[..., 3] = 128
    assert data.on_white(grey, 16, 0).numpy() == pytest.approx(1 - 2 * 128 / 255, abs=1e-6)
