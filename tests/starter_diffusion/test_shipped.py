"""The folder that ships: small enough, standard classes alone, the numbers of its card those of its report."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "assets" / "models" / "starter-diffusion"


def test_it_is_small_enough_to_ship() -> None:
    assert sum(f.stat().st_size for f in FOLDER.rglob("*") if f.is_file()) <= 60_000_000


def test_it_names_standard_classes_alone() -> None:
    named = json.loads((FOLDER / "model_index.json").read_text(encoding="utf-8"))
    parts = {name: tuple(value) for name, value in named.items() if isinstance(value, list)}
    assert named["_class_name"] == "StableDiffusionPipeline"
    assert {value[0] for value in parts.values()} <= {"diffusers", "transformers", None}
    assert parts["safety_checker"] == (None, None)


def test_its_card_says_where_it_comes_from_and_what_it_may_be_used_for() -> None:
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(
        word in card for word in ("OpenMoji", "Noto", "Twemoji", "Fluent", "Emoji One", "MiniLM", "CC BY-SA 4.0")
    )


def test_its_card_has_the_numbers_of_its_report() -> None:
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    report = json.loads((FOLDER / "report.json").read_text(encoding="utf-8"))
    for name in ("held-out pairs, drawn", "known pairs, drawn", "held-out pairs, nearest neighbour"):
        row = report[name]
        line = next(line for line in card.splitlines() if line.startswith(f"| {name}"))
        cells = [cell.strip() for cell in line.split("|")[2:-1]]
        assert cells == [str(row[k]) for k in ("pictures", "score", "R@1", "R@10", "style", "distance", "passes 0.95")]


@pytest.mark.starter
def test_it_loads_through_diffusers_own_door_and_draws_512_px() -> None:
    import torch

    from retrieval.torchvision_fix import allow_cpu_torchvision

    allow_cpu_torchvision()
    import diffusers

    pipe = diffusers.DiffusionPipeline.from_pretrained(FOLDER, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    image = pipe("strawberry, flat emoji", num_inference_steps=2, generator=torch.Generator().manual_seed(0)).images[0]
    assert image.size == (512, 512)
