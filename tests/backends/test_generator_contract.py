"""What holds for every ImageGenerator."""

from typing import cast

import pytest
from PIL import Image

from composer.models import ImageGenerator

RED = Image.new("RGBA", (300, 200), "red")


@pytest.fixture(params=["flat_generator", "diffusers_generator"])
def generator(request: pytest.FixtureRequest) -> ImageGenerator:
    return cast(ImageGenerator, request.getfixturevalue(request.param))


def test_is_a_generator_that_says_what_the_author_must_know(generator: ImageGenerator) -> None:
    assert isinstance(generator, ImageGenerator)
    assert generator.name
    assert generator.licence
    assert generator.references_do.endswith(".")


def test_the_size_is_rounded_down(generator: ImageGenerator) -> None:
    drawn = generator.generate("a red bicycle", size=(100, 71), seed=1)
    assert drawn.mode == "RGB"
    assert (100 - drawn.width, 71 - drawn.height) < (64, 64)
    assert drawn.width <= 100
    assert drawn.height <= 71


def test_the_same_request_draws_the_same_picture_and_another_seed_another(generator: ImageGenerator) -> None:
    first, again, other = (generator.generate("a red bicycle", size=(64, 64), seed=s).tobytes() for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_references_change_the_picture_in_a_repeatable_way(generator: ImageGenerator) -> None:
    without = generator.generate("a red bicycle", size=(64, 64), seed=1).tobytes()
    first, again = (generator.generate("a red bicycle", size=(64, 64), seed=1, references=[RED]) for _ in range(2))
    assert first.tobytes() == again.tobytes()
    assert first.size == (64, 64)
    assert first.tobytes() != without
