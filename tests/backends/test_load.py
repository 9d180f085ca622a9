from pathlib import Path

import pytest

from composer.backends.load import Options, image_generator, text_model, vision_model
from composer.errors import SetupError, UsageError
from composer.models import ImageGenerator, TextModel, VisionModel
from composer.settings import load_settings, preset_names
from tests.backends.text_subjects import told


@pytest.mark.parametrize("preset", preset_names())
def test_the_engines_of_every_preset_can_be_named(preset: str) -> None:
    settings = load_settings(preset)
    assert isinstance(text_model(settings.text_model, Options(base_url=settings.base_url)), TextModel)
    vision = vision_model(settings.vision_model)
    assert isinstance(vision, VisionModel) or settings.vision_model == "none"
    generator = image_generator(settings.generator)
    assert isinstance(generator, ImageGenerator) or settings.generator == "none"


def test_none_is_no_engine() -> None:
    assert vision_model("none") is None
    assert image_generator("none") is None


@pytest.mark.parametrize("spec", ["", "none", "llamacpp", "llamacpp:", "gpt:4", "diffusers:x"])
def test_an_unknown_text_model_lists_what_there_is(spec: str) -> None:
    with pytest.raises(UsageError, match=r"llamacpp:NAME_OR_FILE\.gguf, transformers:.*openai:.*scripted:"):
        text_model(spec)


def test_an_unknown_vision_model_and_generator_list_what_there_is() -> None:
    with pytest.raises(UsageError, match=r"transformers:.*openai:.*none"):
        vision_model("llava")
    with pytest.raises(UsageError, match=r"diffusers:.*none"):
        image_generator("flux")


def test_a_writer_that_is_neither_file_nor_known_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match=r"neither a \.gguf file nor one of: qwen2\.5-coder-1\.5b, smollm2-135m"):
        text_model("llamacpp:gpt-4")


def test_a_writer_that_was_not_pulled_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLEAVE_HOME", str(tmp_path))
    model = text_model("llamacpp:smollm2-135m")
    with pytest.raises(SetupError, match="python -m composer models pull smollm2-135m"):
        list(model.stream(told("Hello."), max_tokens=2))


def test_a_file_may_be_named_from_the_home_folder() -> None:
    with pytest.raises(SetupError, match=r"no model file .*nowhere\.gguf"):
        list(text_model("llamacpp:~/nowhere.gguf").stream(told("Hello."), max_tokens=2))
