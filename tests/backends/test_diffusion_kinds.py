"""Kinds of models beside the plain ones: tiny decoders, half precision, classes no table names, models of named looks."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from composer.backends import diffusion_models
from composer.backends.diffusion import DiffusersGenerator
from composer.backends.diffusion_models import DO, Profile, profiles
from composer.backends.hf_load import loaded
from composer.drawing.request import Drawing, Drawn
from tests.backends.tiny_adapter import write_adapter

SD = "StableDiffusionPipeline"
FOX = Drawing(prompt="a fox", width=64, height=64, seed=1, steps=2, guidance=1.0)
RED, BLUE = Image.new("RGB", (64, 64), "red"), Image.new("RGB", (64, 64), "blue")
STARTER = profiles()["starter-diffusion"]
Folders = Callable[[str], Path]


def drawn(generator: DiffusersGenerator, *drawings: Drawing) -> list[Drawn]:
    return sorted((a for a in generator.draw_all(drawings) if isinstance(a, Drawn)), key=lambda a: a.number)


def test_an_adapters_embeddings_are_kept_apart_with_and_without_guidance(
    tiny_pipelines: Folders, tmp_path: Path
) -> None:
    adapter = loaded(lambda where: write_adapter(Path(where), tiny_pipelines(SD)), str(tmp_path))
    generator = DiffusersGenerator(str(tiny_pipelines(SD)), adapter=f"{adapter}:models/adapter.safetensors")
    asked = replace(FOX, references=(RED,))
    first = [drawn(generator, replace(asked, guidance=g))[0].image.tobytes() for g in (1.0, 3.0)]
    again = [drawn(generator, replace(asked, guidance=g))[0].image.tobytes() for g in (3.0, 1.0)]
    assert first == again[::-1]
    assert first[0] != first[1]


def test_a_tiny_autoencoder_stands_in_for_the_models_own(tiny_pipelines: Folders, tmp_path: Path) -> None:
    def write(where: str) -> str:
        import torch
        from diffusers import AutoencoderTiny

        torch.manual_seed(3)
        widths, one = (8, 8, 8, 8), (1, 1, 1, 1)
        AutoencoderTiny(
            encoder_block_out_channels=widths,
            decoder_block_out_channels=widths,
            num_encoder_blocks=one,
            num_decoder_blocks=one,
        ).save_pretrained(where)
        return where

    small = loaded(write, str(tmp_path / "taesd"))
    profile = Profile(steps=2, guidance=1.0, decoder=small)
    folder = str(tiny_pipelines(SD))
    tiny, own = (DiffusersGenerator(folder, profile=p) for p in (profile, replace(profile, decoder="")))
    assert drawn(tiny, FOX)[0].image.tobytes() != drawn(own, FOX)[0].image.tobytes()
    assert tiny._model is not None
    assert type(tiny._model.text.vae).__name__ == "AutoencoderTiny"
    (changed,) = drawn(tiny, replace(FOX, start=RED, strength=0.5))
    assert changed.began_from == "start"


def test_weights_are_as_precise_as_the_machine_is_quick_with(
    tiny_pipelines: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    for dtype in (torch.bfloat16, torch.float32):
        place: Any = lambda dtype=dtype: ("cpu", dtype)  # noqa: E731
        monkeypatch.setattr(diffusion_models, "place", place)
        model = diffusion_models.load(str(tiny_pipelines(SD)), Profile())
        assert {model.text.unet.dtype, model.text.vae.dtype, model.text.text_encoder.dtype} == {dtype}


def test_a_class_that_no_table_names_draws_and_is_known_once_it_is_loaded(
    tiny_pipelines: Folders, tmp_path: Path
) -> None:
    def write(where: str) -> None:
        from diffusers import UNet2DConditionModel

        shutil.copytree(tiny_pipelines(SD), where)
        config = dict(UNet2DConditionModel.load_config(Path(where) / "unet"))
        unet = UNet2DConditionModel.from_config({**config, "time_cond_proj_dim": 8})
        unet.save_pretrained(Path(where) / "unet")

    folder = tmp_path / "other"
    loaded(write, str(folder))
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    index |= {"_class_name": "LatentConsistencyModelPipeline", "scheduler": ["diffusers", "LCMScheduler"]}
    (folder / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    generator = DiffusersGenerator(str(folder))
    before = generator.abilities
    assert not before.known
    assert generator.licence == "unknown"
    (answer,) = drawn(generator, replace(FOX, steps=2, guidance=None))
    assert answer.image.size == (64, 64)
    assert generator.abilities.known
    assert generator.abilities.start
    (begun,) = drawn(generator, replace(FOX, start=RED, guidance=None, strength=0.5, steps=2))
    assert begun.began_from == "start"


# ---- models that know a few looks, as the starter does -------------------------------------------------------------


@pytest.fixture(scope="module")
def starter(tiny_pipelines: Folders) -> DiffusersGenerator:
    profile = replace(STARTER, steps=2, guidance=1.0)
    return DiffusersGenerator(str(tiny_pipelines(SD)), profile=profile, together=2)


@pytest.mark.parametrize(
    ("style", "look"),
    [
        ("", "flat emoji"),
        ("drawing, bright, soft contrast, vivid colours, white ground, colours: red, blue", "flat emoji"),
        ("Outline emoji", "outline emoji"),
        ("black ink on paper", "outline emoji"),
        ("glossy and modern", "smooth emoji"),
        ("a flat and rounded emoji look", "rounded emoji"),
    ],
)
def test_a_model_of_named_looks_is_told_one_thing_in_one_of_them(
    starter: DiffusersGenerator, style: str, look: str
) -> None:
    asked = replace(FOX, prompt="a birthday cake, with three candles; cake: white", context="For a text", style=style)
    (answer,) = drawn(starter, replace(asked, guidance=None, steps=None))
    assert answer.prompt == f"birthday cake, {look}"
    again = replace(asked, prompt=answer.prompt, context="", style="", guidance=None, steps=None)
    assert drawn(starter, again)[0].prompt == answer.prompt, "and is drawn again with the same words"


def test_references_go_in_words_where_a_model_should_not_begin_from_them(starter: DiffusersGenerator) -> None:
    plain, red, blue = (drawn(starter, replace(FOX, references=r))[0] for r in ((), (RED,), (BLUE,)))
    assert plain.image.tobytes() == red.image.tobytes() == blue.image.tobytes()
    assert not red.began_from
    assert not red.shown
    assert starter.abilities.references == "none"
    assert "five looks" in starter.references_do
    assert starter.references_do not in DO.values()
    assert drawn(starter, replace(FOX, start=RED, strength=0.3))[0].began_from == "start", "a person's start still is"


def test_looks_are_named_by_words_of_their_own() -> None:
    words = [word for look in STARTER.looks.values() for word in look]
    assert len(words) == len(set(words))
    assert STARTER.style in STARTER.looks
    toml = Path(diffusion_models.PROFILES).with_name("starter_diffusion.toml").read_text(encoding="utf-8")
    assert all(f'"{look}"' in toml for look in STARTER.looks), "they are those that it is trained in"
