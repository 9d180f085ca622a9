"""What holds for every VisionModel."""

import json
from typing import cast

import pytest
from PIL import Image

from composer.errors import UsageError
from composer.models import VisionModel
from tests.backends.text_subjects import SCHEMA

PICTURES = [Image.new("RGB", (1600, 40), "red"), Image.new("RGBA", (30, 60), "blue"), Image.new("L", (9, 9))]


@pytest.fixture(params=["scripted_vision", "openai_vision", "transformers_vision"])
def model(request: pytest.FixtureRequest) -> VisionModel:
    return cast(VisionModel, request.getfixturevalue(request.param))


def test_is_a_vision_model(model: VisionModel) -> None:
    assert isinstance(model, VisionModel)
    assert model.name
    assert model.max_images >= 1


@pytest.mark.parametrize("count", [0, 1, 3])
def test_it_answers_about_any_number_of_pictures_of_any_form(model: VisionModel, count: int) -> None:
    before = [picture.size for picture in PICTURES]
    assert isinstance(model.ask(PICTURES[:count], "What is to be seen?", max_tokens=8), str)
    assert [picture.size for picture in PICTURES] == before, "the caller's pictures were changed"


def test_the_answer_can_be_held_to_a_schema(model: VisionModel) -> None:
    reply = model.ask(PICTURES[:1], "Answer in JSON: which animal?", schema=SCHEMA, max_tokens=160)
    assert set(json.loads(reply)) == {"animal", "legs"}


def test_more_pictures_than_it_can_look_at_are_refused(model: VisionModel) -> None:
    with pytest.raises(UsageError, match=str(model.max_images)):
        model.ask([PICTURES[0]] * (model.max_images + 1), "Which?")
