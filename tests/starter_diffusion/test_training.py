"""A tiny model of the real classes: it learns, goes on after a kill, is saved, loaded and drawn with."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from composer.errors import SetupError
from composer.starter_diffusion import autoencoder, command, data, loop, model, sample, tail
from retrieval.training.keeping import rate

SMALL = {"width": 8, "latents": 4, "encoder": [0, 1, 1], "decoder": [1, 1, 1], "crop": 16, "batch": 4, "lr": 3e-3}
SETTINGS = {**SMALL, "steps": 4, "noise": 0.1}
UNET = {"widths": [16, 32], "layers": 1, "heads": 2}
RECIPE = {"px": 32, "tokens": 8}
TRAINING: dict[str, Any] = {
    "batch": 4, "lr": 1e-3, "warm": 2, "cool": 0.2, "steps": 6, "mean_of": 3, "unconditional": 0.2, "tagged": 0.2,
    "gamma": 5.0, "seed": 1, "compile": False,
}  # fmt: skip


def quiet(line: str) -> None:
    json.loads(line)


def some() -> loop.Latents:
    rng = np.random.default_rng(0)
    prompts = rng.normal(size=(2, 12, 8, 384)).astype(np.float16)
    latents = rng.normal(size=(12, 4, 8, 8)).astype(np.float16)
    return loop.Latents(latents=latents, plain=prompts[0], tagged=prompts[1], nothing=prompts[0, 0] * 0)


def fresh() -> Any:  # noqa: ANN401
    return model.unet(UNET, RECIPE, 4, 0)


def test_training_moves_the_weights_and_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    before = fresh().state_dict()
    made = loop.train(fresh(), some(), {**TRAINING, "steps": 3}, tmp_path, quiet)
    assert any(not np.array_equal(before[k], v) for k, v in made.state_dict().items())
    seen: list[str] = []
    again = loop.train(fresh(), some(), {**TRAINING, "steps": 3}, tmp_path, seen.append)
    assert all(np.array_equal(made.state_dict()[k], v) for k, v in again.state_dict().items())  # nothing left to do
    assert not seen
    loop.train(fresh(), some(), {**TRAINING, "steps": 5}, tmp_path, quiet)
    assert loop.mean_of(tmp_path, fresh()) == (5, 20)  # steps, pictures


def test_a_run_that_was_killed_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    whole = loop.train(fresh(), some(), {**TRAINING, "steps": 4, "cool": 1e-9}, tmp_path / "a", quiet)
    loop.train(fresh(), some(), {**TRAINING, "steps": 2, "cool": 1e-9}, tmp_path / "b", quiet)
    parts = loop.train(fresh(), some(), {**TRAINING, "steps": 4, "cool": 1e-9}, tmp_path / "b", quiet)
    for key, value in whole.state_dict().items():
        assert value.numpy() == pytest.approx(parts.state_dict()[key].numpy(), abs=1e-5), key


def test_a_step_sees_the_same_batch_whenever_it_is_made() -> None:
    first, second = loop.batch(some(), TRAINING, 7), loop.batch(some(), TRAINING, 7)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], loop.batch(some(), TRAINING, 8)[0])


def test_every_drawing_is_seen_once_an_epoch_and_times_are_spread() -> None:
    made = [loop.batch(some(), TRAINING, step) for step in range(3)]
    assert len({row.tobytes() for latents, _, _ in made for row in latents.numpy()}) == 12
    for _, _, times in made:
        assert sorted(int(t) // 250 for t in times) == [0, 1, 2, 3]


def test_the_rate_rises_stays_and_falls() -> None:
    rates = [rate(step, {"steps": 100, "cool": 0.2, "warm": 10}) for step in (0, 9, 50, 79, 90, 99)]
    assert rates == pytest.approx([0.1, 1, 1, 1, 0.5, 0.05])


def test_noise_is_complete_at_the_end() -> None:
    import torch

    assert float(loop.signal(torch.tensor([999]))) < 1e-6 < 0.9 < float(loop.signal(torch.tensor([0])))


def test_the_autoencoder_learns_and_goes_on(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).uniform(-1, 1, (6, 3, 32, 32)).astype(np.float32)
    made = autoencoder.train(pictures, SETTINGS, tmp_path, quiet)
    assert autoencoder.latents_of(made, pictures).shape == (6, 4, 8, 8)
    seen: list[str] = []
    autoencoder.train(pictures, SETTINGS, tmp_path, seen.append)
    assert not seen


def test_latents_of_a_large_picture_are_those_of_the_picture_made_small() -> None:
    import torch

    small = autoencoder.build(SMALL).eval()
    small.encoder.layers[0].bias.data.uniform_(-1, 1)
    large = tail.taller(small, SMALL, 2, 1.5)
    pictures = torch.rand(2, 3, 128, 128) * 2 - 1
    with torch.inference_mode():
        wanted = small.encoder(torch.nn.functional.avg_pool2d(pictures, 4))
        assert torch.allclose(large.encoder(pictures), wanted, atol=1e-5)
        assert large.decoder(wanted).shape == pictures.shape


def test_a_training_can_go_on_from_a_models_own_latents(tmp_path: Path) -> None:
    import torch

    small = autoencoder.build(SMALL).eval()
    px = command.SIDE // 8
    pixels = np.random.default_rng(0).integers(0, 255, (3, px, px, 4), np.uint8)
    recipe = {"recipe": {**RECIPE, "px": px, "margin": 0}}
    work = command.Prepared(recipe=recipe, drawings=(), pixels=pixels, parts=data.Split(train=[2, 0, 1], held=[]))
    found = command._latents_by(tail.taller(small, SMALL, 3, 1.0), work, tmp_path, lambda line: None)
    wanted = small.encoder(torch.from_numpy(data.pictures(pixels, [2, 0, 1], recipe["recipe"])))
    assert np.allclose(found, wanted.detach().numpy(), atol=1e-4)
    with pytest.raises(SetupError, match="unet/"):
        command.run(tmp_path / "a", tmp_path, lambda line: None, start=tmp_path)


def test_the_tail_learns_in_its_new_layers_alone() -> None:
    large = tail.taller(autoencoder.build(SMALL), SMALL, 2, 1.0)
    before = {k: v.clone() for k, v in large.state_dict().items()}
    pictures = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3)).astype(np.uint8)
    tail.train(large, pictures, {"crop": 2, "batch": 2, "lr": 1e-3, "steps": 3, "noise": 0.1}, 2, quiet)
    moved = {k for k, v in large.state_dict().items() if not np.array_equal(before[k], v)}
    layers = {int(k.split(".")[2]) for k in moved}
    assert {k.split(".")[0] for k in moved} == {"decoder"}
    assert min(layers) == len(large.decoder.layers) - 5  # after the first new upsampling


def parts(tmp_path: Path) -> dict[str, Any]:
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cat", "owl", "flat", "emoji", ","]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    config = BertConfig(
        vocab_size=len(words), hidden_size=384, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        use_attention_mask=True,
    )  # fmt: skip
    return {
        "tokenizer": BertTokenizerFast(str(tmp_path / "vocab.txt"), model_max_length=8),
        "text_encoder": BertModel(config).eval(),
        "unet": fresh(),
        "vae": tail.taller(autoencoder.build(SMALL), SMALL, 1, 1.0),
    }


def test_a_saved_model_is_diffusers_own_and_draws_the_same_for_a_seed(tmp_path: Path) -> None:
    model.save(parts(tmp_path), tmp_path / "model")
    named = json.loads((tmp_path / "model" / "model_index.json").read_text())
    assert named["_class_name"] == "StableDiffusionPipeline"
    assert {named[k][0] for k in ("unet", "vae", "scheduler", "text_encoder")} == {"diffusers", "transformers"}
    pipe = model.load(tmp_path / "model")
    first, second, other = (sample.pictures(pipe, ["cat, flat emoji"], seed, (2, 3.0))[0] for seed in (4, 4, 5))
    assert first.size == (64, 64)
    assert first.tobytes() == second.tobytes() != other.tobytes()


def test_the_prompt_reaches_the_unet_as_the_pipeline_reads_it(tmp_path: Path) -> None:
    import torch

    made = parts(tmp_path)
    mine = model.embedded(made["tokenizer"], made["text_encoder"], ["cat, flat emoji"])
    with torch.inference_mode():
        theirs, nothing = model.pipeline(made).encode_prompt("cat, flat emoji", "cpu", 1, True)
    assert mine == pytest.approx(theirs.numpy(), abs=2e-3)
    assert model.embedded(made["tokenizer"], made["text_encoder"], [""]) == pytest.approx(nothing.numpy(), abs=2e-3)


def test_a_second_training_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    from retrieval.training.command import alone

    with alone(tmp_path / ".training"), pytest.raises(SetupError, match="Another training"):
        command.run(tmp_path, tmp_path, quiet)


def test_a_snapshot_needs_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no checkpoint"):
        command.run(tmp_path, tmp_path, quiet, what="save")
