"""What only the engine of diffusers does: batches, memory, unloading, previews, adapters. With tiny random weights."""

import json
import shutil
import threading
import time
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from composer.backends import diffusion_call, diffusion_models
from composer.backends.diffusion import DiffusersGenerator, batches
from composer.backends.diffusion_models import (
    FAMILIES,
    PROFILES,
    Loaded,
    Profile,
    abilities_of,
    able,
    placing,
    profile_of,
    profiles,
    put,
)
from composer.backends.hf_load import loaded
from composer.drawing.request import Abilities, Drawing, Drawn, Step
from composer.errors import ReplyError, SetupError
from composer.settings import load_settings, preset_names
from tests.backends.tiny_adapter import write_adapter

SD = "StableDiffusionPipeline"
FOX = Drawing(prompt="a fox", width=64, height=64, seed=1, steps=2, guidance=1.0)
RED, BLUE = Image.new("RGB", (64, 64), "red"), Image.new("RGB", (64, 64), "blue")
Folders = Callable[[str], Path]


def drawn(generator: DiffusersGenerator, *drawings: Drawing) -> list[Drawn]:
    return sorted((a for a in generator.draw_all(drawings) if isinstance(a, Drawn)), key=lambda a: a.number)


def short_of_memory(monkeypatch: pytest.MonkeyPatch, fits: Callable[[int, tuple[int, int]], bool]) -> list[str]:
    """Calls fail like torch's do, unless so many pictures of that size fit; what was tried, in order."""
    real, tried = diffusion_call.draw_batch, []

    def draw_batch(model: Any, drawings: Any, prompts: Any, size: tuple[int, int], watch: Any) -> Any:  # noqa: ANN401
        tried.append(f"{len(drawings)} at {size[0]}")
        if not fits(len(drawings), size):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes.")
        return real(model, drawings, prompts, size, watch)

    monkeypatch.setattr(diffusion_call, "draw_batch", draw_batch)
    return tried


def test_drawings_that_differ_in_words_and_seed_alone_are_one_batch() -> None:
    alike = [replace(FOX, prompt=str(n), seed=n) for n in range(5)]
    others = [
        replace(FOX, width=96),
        replace(FOX, steps=3),
        replace(FOX, references=(RED,)),
        replace(FOX, negative="text"),
    ]
    assert batches(alike, 3) == [[0, 1, 2], [3, 4]]
    assert batches([alike[0], *others, alike[1]], 4) == [[0, 5], [1], [2], [3], [4]]


def test_a_batch_that_does_not_fit_is_drawn_in_halves(tiny_pipelines: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = short_of_memory(monkeypatch, lambda count, size: count == 1)
    generator = DiffusersGenerator(str(tiny_pipelines(SD)), together=3)
    answers = drawn(generator, *(replace(FOX, seed=s) for s in range(3)))
    assert tried == ["3 at 64", "1 at 64", "2 at 64", "1 at 64", "1 at 64"]
    assert [a.number for a in answers] == [0, 1, 2]
    assert all(not a.warnings for a in answers)


def test_a_picture_that_does_not_fit_is_drawn_smaller_with_a_warning(
    tiny_pipelines: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = short_of_memory(monkeypatch, lambda count, size: size[0] <= 160)
    (answer,) = drawn(DiffusersGenerator(str(tiny_pipelines(SD))), replace(FOX, width=256, height=128))
    assert tried == ["1 at 256", "1 at 192", "1 at 128"]
    assert answer.image.size == (128, 64)
    assert "128 x 64" in answer.warnings[-1]


def test_memory_that_never_suffices_is_an_error(tiny_pipelines: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    short_of_memory(monkeypatch, lambda count, size: False)
    with pytest.raises(SetupError, match="more memory"):
        drawn(DiffusersGenerator(str(tiny_pipelines(SD))), replace(FOX, width=256, height=256))


def test_a_model_larger_than_the_memory_is_not_loaded(tiny_pipelines: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffusion_models, "free_gb", lambda device: 1e-6)
    with pytest.raises(SetupError, match=r"GB are free. Choose a smaller"):
        drawn(DiffusersGenerator(str(tiny_pipelines(SD))), FOX)


@pytest.mark.parametrize(
    ("needed", "largest", "free", "wanted"),
    [(8, 5, 16, "whole"), (13, 8, 16, "parts"), (13, 8, 16.25, "whole"), (24, 22, 16, "layers")],
)
def test_weights_go_where_there_is_room(needed: float, largest: float, free: float, wanted: str) -> None:
    assert placing(needed, largest, free) == wanted


class Pipeline:
    """Remembers how it was brought to a device."""

    def __init__(self) -> None:
        self.called = list[str]()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return lambda *args: self.called.append(" ".join([name, *map(str, args)]))


@pytest.mark.parametrize(
    ("where", "called"),
    [("whole", ["to cuda"]), ("parts", ["enable_model_cpu_offload"]), ("layers", ["enable_sequential_cpu_offload"])],
)
def test_a_model_is_brought_there_in_the_way_that_was_chosen(where: Any, called: list[str]) -> None:  # noqa: ANN401
    pipeline = Pipeline()
    put(Loaded(text=pipeline, placing=where), "cuda")
    assert [c for c in pipeline.called if c.startswith(("to", "enable_model", "enable_seq"))] == called


def test_an_idle_model_leaves_memory_and_comes_back(tiny_pipelines: Folders) -> None:
    generator = DiffusersGenerator(str(tiny_pipelines(SD)), idle=0.05)
    first = drawn(generator, FOX)[0]
    until = time.monotonic() + 10
    while generator.loaded and time.monotonic() < until:
        time.sleep(0.02)
    assert not generator.loaded
    assert drawn(generator, FOX)[0].image.tobytes() == first.image.tobytes()


def test_loading_is_told_before_drawing(tiny_pipelines: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    real = diffusion_models.load

    def slowly(*args: Any, **options: Any) -> Any:  # noqa: ANN401
        time.sleep(0.6)
        return real(*args, **options)

    monkeypatch.setattr(diffusion_models, "load", slowly)
    steps = [s for s in DiffusersGenerator(str(tiny_pipelines(SD))).draw_all([FOX]) if isinstance(s, Step)]
    assert steps[0].doing == "load"
    assert [s.doing for s in steps] == sorted((s.doing for s in steps), reverse=True)
    assert [(s.done, s.total) for s in steps if s.doing == "draw" and s.done][-1] == (2, 2)


def test_stopping_ends_the_work_at_the_next_step(tiny_pipelines: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    real, seen, over = diffusion_call.draw_batch, list[int](), threading.Event()

    def watched(model: Any, drawings: Any, prompts: Any, size: Any, watch: Any) -> Any:  # noqa: ANN401
        def slow(done: int, total: int, latents: Any) -> None:  # noqa: ANN401
            seen.append(done)
            time.sleep(0.05)
            watch(done, total, latents)

        try:
            return real(model, drawings, prompts, size, slow)
        finally:
            over.set()

    monkeypatch.setattr(diffusion_call, "draw_batch", watched)
    answers = DiffusersGenerator(str(tiny_pipelines(SD))).draw_all([replace(FOX, steps=500)])
    while True:
        said = next(answers)
        if isinstance(said, Step) and said.doing == "draw" and said.done:
            break
    began = time.monotonic()
    answers.close()  # type: ignore[attr-defined]
    reached = len(seen)
    assert time.monotonic() - began < 1
    assert over.wait(60)
    assert len(seen) <= reached + 2


def test_previews_show_the_colours_to_come(tiny_pipelines: Folders) -> None:
    generator = DiffusersGenerator(str(tiny_pipelines(SD)), together=2)
    said = list(generator.draw_all([replace(FOX, steps=4), replace(FOX, steps=4, seed=2)]))
    shown = [s for s in said if isinstance(s, Step) and s.previews]
    assert [s.done for s in shown] == [1, 2, 3]
    assert all(max(p.size) <= 128 and p.mode == "RGB" for s in shown for p in s.previews)


def test_a_reference_shows_through_the_less_the_greater_the_strength(tiny_pipelines: Folders) -> None:
    generator = DiffusersGenerator(str(tiny_pipelines(SD)))
    pictures = {}
    for strength in (0.1, 0.9):
        red, blue = (
            drawn(generator, replace(FOX, references=(p,), strength=strength, steps=4))[0] for p in (RED, BLUE)
        )
        assert red.began_from == "reference"
        pictures[strength] = sum(abs(a - b) for a, b in zip(red.image.tobytes(), blue.image.tobytes(), strict=True))
    assert pictures[0.1] > pictures[0.9]


def test_a_long_prompt_is_cut_at_the_models_tokens_and_said(tiny_pipelines: Folders) -> None:
    long = replace(FOX, context="which stands for a summer " * 4, style="ink and watercolour " * 9)
    (answer,) = drawn(DiffusersGenerator(str(tiny_pipelines(SD))), long)
    assert answer.prompt.startswith("a fox, ink")
    assert len(answer.prompt.encode()) <= 77  # a byte is a token here
    assert "tokens this model reads; left out: which stands" in answer.warnings[0]


def test_a_model_that_knows_named_looks_has_one_where_nobody_asked(tiny_pipelines: Folders) -> None:
    profile = Profile(steps=1, guidance=0.0, tags=True, style="flat emoji")
    generator = DiffusersGenerator(str(tiny_pipelines(SD)), profile=profile)
    prompts = [drawn(generator, replace(FOX, style=style))[0].prompt for style in ("", "ink")]
    assert prompts == ["fox, flat emoji", "fox, ink"]


def test_a_negative_prompt_reaches_models_with_guidance_alone(tiny_pipelines: Folders) -> None:
    folder = str(tiny_pipelines(SD))
    for guidance, reaches in ((3.0, True), (1.0, False)):
        generator = DiffusersGenerator(folder, profile=Profile(steps=2, guidance=guidance))
        assert generator.abilities.negative is reaches
        plain = replace(FOX, guidance=None, steps=None)
        with_it, without = drawn(generator, replace(plain, negative="text"))[0], drawn(generator, plain)[0]
        assert (with_it.negative == "text") is reaches
        assert (with_it.image.tobytes() != without.image.tobytes()) is reaches


@pytest.mark.parametrize("name", [SD, "StableDiffusionXLPipeline"])
def test_an_adapter_reads_the_look_of_references(tiny_pipelines: Folders, tmp_path: Path, name: str) -> None:
    adapter = loaded(lambda where: write_adapter(Path(where), tiny_pipelines(name)), str(tmp_path))
    generator = DiffusersGenerator(
        str(tiny_pipelines(name)), adapter=f"{adapter}:models/adapter.safetensors", together=2
    )
    assert generator.abilities.references == "adapter"
    red, blue, none = (drawn(generator, replace(FOX, references=r))[0] for r in ((RED,), (BLUE,), ()))
    assert red.shown
    assert not red.began_from
    assert len({p.image.tobytes() for p in (red, blue, none)}) == 3
    assert len(drawn(generator, *(replace(FOX, references=(RED, BLUE), seed=s) for s in range(2)))) == 2
    model = generator._model
    assert model is not None
    assert len(model.embedded) == 4  # red, blue, the grey of none, and the pair: each embedded once
    drawn(generator, replace(FOX, references=(RED,)))
    assert len(model.embedded) == 4


def test_a_distilled_denoiser_takes_the_place_of_the_models_own(tiny_pipelines: Folders, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tiny_pipelines("StableDiffusionXLPipeline")
    weights = load_file(next((folder / "unet").glob("*.safetensors")))
    save_file({name: tensor * 0.5 for name, tensor in weights.items()}, tmp_path / "fast.safetensors")
    profile = Profile(
        steps=2, guidance=0.0, denoiser=f"{tmp_path}:fast.safetensors", scheduler={"timestep_spacing": "trailing"}
    )
    plain, fast = (
        drawn(DiffusersGenerator(str(folder), profile=p), FOX)[0] for p in (replace(profile, denoiser=""), profile)
    )
    assert plain.image.tobytes() != fast.image.tobytes()


def test_a_picture_that_the_models_filter_held_back_is_said(
    tiny_pipelines: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    import diffusers

    class Answer:
        images = (RED,)
        nsfw_content_detected = (True,)

    monkeypatch.setattr(
        diffusers.StableDiffusionPipeline, "__call__", lambda self, prompt=None, generator=None: Answer()
    )
    with pytest.raises(ReplyError, match="held back"):
        drawn(DiffusersGenerator(str(tiny_pipelines(SD))), FOX)


def test_a_broken_folder_is_a_matter_of_settings(tiny_pipelines: Folders, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(tiny_pipelines(SD), folder)
    next((folder / "unet").glob("*.safetensors")).write_bytes(b"broken")
    with pytest.raises(SetupError, match="cannot be loaded"):
        drawn(DiffusersGenerator(str(folder)), FOX)


def test_abilities_are_known_from_a_folder_before_anything_is_loaded(tiny_pipelines: Folders) -> None:
    generator = DiffusersGenerator(str(tiny_pipelines("Flux2KleinPipeline")))
    assert generator.abilities.references == "shown"
    assert not generator.loaded
    assert DiffusersGenerator("nobody/nothing").abilities == Abilities(known=False)
    assert DiffusersGenerator(str(tiny_pipelines(SD))).abilities.side == 64


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("adapter", [False, True])
def test_what_is_said_of_a_class_is_what_it_can(name: str, adapter: bool) -> None:
    for profile in (Profile(guidance=0.0), Profile(guidance=3.0, pipeline=name)):
        said = abilities_of("nobody/nothing", replace(profile, pipeline=name), adapter=adapter)
        assert said == able(name, profile, adapter=adapter)


# ---- the table ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", profiles())
def test_every_entry_of_the_table_is_whole(name: str) -> None:
    import diffusers

    profile = profiles()[name]
    assert hasattr(diffusers, profile.pipeline)
    assert profile.licence not in ("", "unknown")
    assert profile.about
    assert profile.steps
    assert profile.side
    assert profile.memory_gb > 0
    assert profile.repo
    assert profile_of(name) == profile
    assert profile_of(profile.repo).licence == profile.licence


def test_what_stability_ai_licenses_is_not_called_free() -> None:
    for name, profile in profiles().items():
        if "turbo" in name and name.startswith("sd"):
            assert "Stability" in profile.licence
            assert not profile.commercial


def test_known_generators_are_known_by_part_of_their_name() -> None:
    assert profile_of("/models/FLUX.2-klein-4B").commercial
    assert not profile_of("black-forest-labs/FLUX.2-klein-9B").commercial
    assert profile_of("nobody/nothing") == Profile()
    assert "name" in json.dumps(tomllib.loads(PROFILES.read_text(encoding="utf-8")))


@pytest.mark.parametrize("preset", preset_names())
def test_generators_of_the_presets_are_in_the_table(preset: str) -> None:
    backend, _, what = load_settings(preset).generator.partition(":")
    assert backend != "diffusers" or profile_of(what).licence != "unknown"
