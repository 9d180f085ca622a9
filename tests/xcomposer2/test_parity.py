"""The comparison with recorded outputs: it finds agreement, it finds differences, and it bears what is absent."""

import json
import os
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from benchmarks.xcomposer2_baseline import Baseline
from composer.xcomposer2.__main__ import main
from composer.xcomposer2.parity import Report
from composer.xcomposer2.pixels import squashed
from tests.xcomposer2 import tiny

RECORDED = Path(os.environ.get("INTERLEAVE_PARITY") or Path(__file__).parents[3] / "shared" / "parity") / "xcomposer2"


@torch.inference_mode()
def record(path: Path, **shape: int) -> Path:
    """A folder like those of the official code, its numbers computed by the baseline."""
    model = tiny.model(tiny.config(**shape))
    tiny.official_folder(path, model, vocab_size=120)
    images = [Image.effect_mandelbrot((50 + 30 * n, 40), (-2, -1, 1, 1), 9 + n).convert("RGB") for n in range(11)]
    for number, image in enumerate(images):
        image.save(path / f"image_{number}.png")
    pixels = squashed(images, model.config.vision_config.image_size)
    parts: list[int | str] = ["image", 3, "image", "image", 5, *("image", 1) * 8, 2]
    ids, text = tiny.prompt(model, *parts), tiny.prompt(model, 9)
    ids[0, -1] = text[0, 3] = 2  # the token for padding and for the end may stand anywhere
    features = model.model.tower_features(pixels)
    baseline = Baseline(tiny.official_tensors(model), model.config)
    embeds, shown = baseline.embeds(ids, model.get_image_features(pixels))
    logits = baseline.logits(embeds, shown)[0]
    save_file({
        "input_ids": ids[0], "pixel_values": pixels, "image_features": features[:, ::7].contiguous(),
        "image_embeds": model.get_image_features(pixels).reshape(11, -1, logits.shape[-1] and 32)[:, ::7].contiguous(),
        "logits_tail": logits[-64:].contiguous(), "logits_argmax": logits.argmax(-1), "logits_norm": logits.norm(dim=-1),
        "text_ids": text[0], "text_logits": baseline.logits(*baseline.embeds(text, None))[0],
        "greedy": torch.cat([torch.zeros(1, dtype=torch.long), baseline.greedy(embeds, shown, 6)[0]]),
    }, path / "expected.safetensors")  # fmt: skip
    return path


def run(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, float | bool | None]]:
    status = main(["parity", str(path)])
    return status, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("case", ["composition_224", "vl_490"])
def test_the_official_code_s_outputs_are_matched(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    if not (RECORDED / case).is_dir():
        pytest.skip(f"{RECORDED / case} is not there; INTERLEAVE_PARITY names the folder of recorded outputs")
    status, report = run(RECORDED / case, capsys)
    assert status == 0
    assert report["ok"] is True
    assert report["argmax_equal"] is report["greedy_equal"] is True
    assert report["logits"] is not None


def test_agreement_of_every_part_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, report = run(record(tmp_path, side=42, layers=3, rank=5), capsys)
    assert (status, report["ok"]) == (0, True)
    assert None not in report.values()


@pytest.mark.parametrize("name", ["pixel_values", "image_embeds", "logits_tail", "text_logits", "logits_norm"])
def test_a_difference_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    path = record(tmp_path)
    expected = load_file(path / "expected.safetensors")
    expected[name].reshape(-1)[-1] += 0.01
    save_file(expected, path / "expected.safetensors")
    status, report = run(path, capsys)
    assert (status, report["ok"]) == (1, False)
    shown = {"logits_tail": "logits", "logits_norm": "norm"}.get(name, name)
    assert report[shown] == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize(
    "absent",
    [
        ("greedy", "text_ids"),
        ("pixel_values", "image_features"),
        ("input_ids",),
        ("logits_tail", "logits_argmax"),
        ("images",),
    ],
)
def test_what_was_not_recorded_is_null(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], absent: tuple[str, ...]
) -> None:
    path = record(tmp_path)
    expected = load_file(path / "expected.safetensors")
    for name in absent:
        expected.pop(name, None)
    if "images" in absent:
        for file in path.glob("image_*"):
            file.unlink()
    save_file(expected, path / "expected.safetensors")
    status, report = run(path, capsys)
    assert (status, report["ok"]) == (0, True)
    assert report["greedy_equal"] is (None if {"greedy", "input_ids"} & set(absent) else True)
    assert (report["pixel_values"] is None) == ("pixel_values" in absent)


def test_a_folder_without_recordings_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parity", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert "expected.safetensors" in err
    assert json.loads(out)["ok"] is False


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "expected.safetensors", "image_0.png"])
def test_a_broken_file_still_gives_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    path = record(tmp_path)
    (path / name).write_text("broken")
    assert run(path, capsys)[0] == 1


def test_a_picture_that_is_not_there_still_gives_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = record(tmp_path)
    (path / "image_3.png").unlink()
    assert run(path, capsys)[0] == 1


def test_nothing_compared_is_no_success_and_no_number_no_agreement() -> None:
    assert not Report().ok
    report = Report(logits=float("nan"), argmax_equal=True)
    assert not report.ok
    assert json.loads(report.line())["logits"] == 1e308
