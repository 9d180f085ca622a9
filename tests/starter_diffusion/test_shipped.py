"""The folder that ships: small enough, standard classes alone, the numbers of its card those of its report."""

import json
from pathlib import Path

import pytest

from composer.errors import SetupError
from composer.starter_diffusion.card import TRAINING, card, write

FOLDER = Path(__file__).parents[2] / "assets" / "models" / "starter-diffusion"


def test_it_is_small_enough_to_ship() -> None:
    assert sum(f.stat().st_size for f in FOLDER.rglob("*") if f.is_file()) <= 60_000_000


def test_it_names_standard_classes_alone() -> None:
    named = json.loads((FOLDER / "model_index.json").read_text(encoding="utf-8"))
    parts = {name: tuple(value) for name, value in named.items() if isinstance(value, list)}
    assert named["_class_name"] == "StableDiffusionPipeline"
    assert {value[0] for value in parts.values()} <= {"diffusers", "transformers", None}
    assert parts["safety_checker"] == (None, None)


def test_it_does_not_tell_of_the_machine_that_made_it() -> None:
    for path in FOLDER.rglob("*.json"):
        assert "_name_or_path" not in path.read_text(encoding="utf-8"), path


def test_its_card_says_where_it_comes_from_and_what_it_may_be_used_for() -> None:
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(
        word in card for word in ("OpenMoji", "Noto", "Twemoji", "Fluent", "Emoji One", "MiniLM", "CC BY-SA 4.0")
    )


def test_its_card_is_that_of_its_report() -> None:
    report, training = (json.loads((FOLDER / name).read_text(encoding="utf-8")) for name in ("report.json", TRAINING))
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == card(report, training)
    row = report["held-out pairs, drawn"]
    assert f"| held-out pairs, drawn | {row['pictures']} | {row['score']} | {row['R@1']} |" in card(report, training)


def test_a_model_without_its_trainings_facts_gets_no_card(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="Save it anew"):
        write(tmp_path, {})


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
