"""What holds for every ImageGenerator: a fake, every pipeline class that the presets name, and a server's client."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

import pytest
from PIL import Image

from composer.backends.diffusion_models import profiles
from composer.drawing.request import Drawing, Drawn, Step
from composer.models import ImageGenerator
from tests.backends.tiny_pipelines import WRITERS

RED, BLUE = Image.new("RGB", (96, 64), "red"), Image.new("RGB", (64, 96), "blue")
BICYCLE = Drawing(prompt="a red bicycle", width=64, height=64, seed=1)
GENERATORS = ["flat_generator", "server_generator", "arranged_generator", *WRITERS]


@pytest.fixture(params=GENERATORS)
def generator(request: pytest.FixtureRequest) -> ImageGenerator:
    if request.param in WRITERS:
        return cast(ImageGenerator, request.getfixturevalue("tiny_generators")(request.param))
    return cast(ImageGenerator, request.getfixturevalue(request.param))


def drawn(generator: ImageGenerator, *drawings: Drawing) -> list[Drawn]:
    """The answers in the order of the request."""
    answers = [a for a in generator.draw_all(drawings) if isinstance(a, Drawn)]
    return sorted(answers, key=lambda a: a.number)


def pixels(generator: ImageGenerator, *drawings: Drawing) -> list[bytes]:
    return [a.image.tobytes() for a in drawn(generator, *drawings)]


def test_it_says_what_the_author_must_know(generator: ImageGenerator) -> None:
    assert isinstance(generator, ImageGenerator)
    assert generator.name
    assert generator.licence
    assert generator.references_do.endswith(".")
    assert generator.abilities.known


def test_nothing_asked_is_nothing_drawn(generator: ImageGenerator) -> None:
    assert list(generator.draw_all([])) == []


def test_the_size_is_rounded_down(generator: ImageGenerator) -> None:
    (answer,) = drawn(generator, replace(BICYCLE, width=100, height=71))
    assert answer.image.mode == "RGB"
    assert 36 < answer.image.width <= 100
    assert 7 < answer.image.height <= 71


def test_the_same_drawing_gives_the_same_picture_and_another_seed_another(generator: ImageGenerator) -> None:
    first, again = (pixels(generator, BICYCLE) for _ in range(2))
    assert first == again
    assert first != pixels(generator, replace(BICYCLE, seed=2))


def test_every_picture_of_a_request_comes_once_and_says_how_it_was_made(generator: ImageGenerator) -> None:
    answers = drawn(generator, *(replace(BICYCLE, seed=s) for s in range(3)), replace(BICYCLE, width=96))
    assert [a.number for a in answers] == [0, 1, 2, 3]
    assert len({a.image.tobytes() for a in answers}) == 4
    assert answers[3].image.width == 96
    assert all("a red bicycle" in a.prompt.lower() for a in answers)


def test_a_picture_of_a_batch_can_be_drawn_again_in_a_batch_of_that_size(generator: ImageGenerator) -> None:
    answers = drawn(generator, *(replace(BICYCLE, prompt=f"a bicycle, number {s}", seed=s) for s in range(3)))
    wanted = replace(BICYCLE, prompt="a bicycle, number 1", seed=1)
    again = drawn(generator, *[wanted] * answers[1].together)
    assert again[0].image.tobytes() == answers[1].image.tobytes()


def test_references_change_the_picture_in_a_repeatable_way_or_are_said_to_do_nothing(generator: ImageGenerator) -> None:
    with_red = replace(BICYCLE, references=(RED,))
    first, again = (drawn(generator, with_red)[0] for _ in range(2))
    assert first.image.tobytes() == again.image.tobytes()
    reached = first.shown or first.began_from == "reference"
    assert reached == (generator.abilities.references != "none")
    assert (first.image.tobytes() != pixels(generator, BICYCLE)[0]) == reached


def test_a_start_is_where_the_picture_begins(generator: ImageGenerator) -> None:
    red, blue = (drawn(generator, replace(BICYCLE, start=p))[0] for p in (RED, BLUE))
    assert (red.began_from == "start") == generator.abilities.start
    if generator.abilities.start:
        assert red.image.tobytes() != blue.image.tobytes()
    else:
        assert red.warnings


def test_a_mask_changes_what_is_inside_it_alone(generator: ImageGenerator) -> None:
    if not generator.abilities.mask:
        pytest.skip("This generator has no mask.")
    mask = Image.new("L", RED.size, 0)
    mask.paste(255, (0, 0, 48, 64))
    (answer,) = drawn(generator, replace(BICYCLE, start=RED, mask=mask, strength=1.0))
    assert answer.image.size == RED.size
    assert answer.image.crop((48, 0, 96, 64)).tobytes() == RED.crop((48, 0, 96, 64)).tobytes()
    assert answer.image.crop((0, 0, 40, 64)).tobytes() != RED.crop((0, 0, 40, 64)).tobytes()


def test_going_away_stops_it_at_once_and_it_draws_again(generator: ImageGenerator) -> None:
    answers = generator.draw_all([replace(BICYCLE, steps=50 if generator.name.startswith("diffusers") else None)] * 4)
    next(answers)
    began = time.monotonic()
    cast("Iterator[object]", answers).close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 1
    assert len(drawn(generator, BICYCLE)) == 1


def test_steps_come_with_previews_unless_none_are_wanted(generator: ImageGenerator) -> None:
    said: Sequence[object] = list(generator.draw_all([replace(BICYCLE, seed=5)], step=0))
    steps = [s for s in said if isinstance(s, Step)]
    assert all(not s.previews for s in steps)
    assert all(0 <= s.done <= s.total or not s.total for s in steps if s.doing == "draw")


def test_every_class_that_the_presets_name_is_tested() -> None:
    assert {p.pipeline for p in profiles().values() if p.pipeline} == set(WRITERS)
