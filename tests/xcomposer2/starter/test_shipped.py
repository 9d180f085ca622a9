"""The small XComposer2 that ships: small enough, its card's numbers those of its report, and at work on real pictures."""

import json

import pytest
from PIL import Image

from composer.backends.load import vision_model
from composer.xcomposer2.starter.engine import StarterEngine
from composer.xcomposer2.starter.recipe import ASSETS, SHIPPED

EXAMPLES = ASSETS.parent / "docs" / "examples"
PICTURES = {
    "a tomato": "spring-garden/images/tomato-3e8b2f6d.png",
    "a bicycle": "bicycle/images/bicycle-19780b14.png",
    "a water tower": "west-lake/images/water-tower-9ef47643.png",
    "a pot with a flower": "kitchen-garden/images/flower-and-pot-5fdbd3d7.png",
}


def test_it_is_small_enough_to_ship_and_leaves_the_language_model_out() -> None:
    assert sum(f.stat().st_size for f in SHIPPED.iterdir()) <= 60_000_000
    config = json.loads((SHIPPED / "config.json").read_text(encoding="utf-8"))
    assert config["base"] == "smollm2-135m"
    assert '"/' not in (SHIPPED / "config.json").read_text(encoding="utf-8")  # no folder of the machine that made it


def test_its_card_has_the_numbers_of_its_report() -> None:
    report = json.loads((SHIPPED / "report.json").read_text(encoding="utf-8"))
    card = (SHIPPED / "README.md").read_text(encoding="utf-8")
    for name, row in (("choice among unlike", "unlike pictures"), ("choice among near", "near ones")):
        own = report[name]
        shares = " | ".join(f"{100 * own[column]:.0f} %" for column in ("model", "blind", "clip, line"))
        assert f"{row} ({own['questions']}) | {shares} |" in card
    assert report["language"]["the same"] == report["language"]["continuations"] == 20
    assert report["slot"]["s"] <= 3


@pytest.mark.starter
def test_it_chooses_among_the_pictures_of_the_examples() -> None:
    made = vision_model("xcomposer2:starter")
    assert isinstance(made, StarterEngine)
    shown = [Image.open(EXAMPLES / path).convert("RGB") for path in PICTURES.values()]
    taken = [made.choose_picture([line], 0, shown, {}, wanted=line) for line in PICTURES]
    assert sum(a == b for a, b in enumerate(taken)) >= 3
    said = made.word_picture(shown[0])
    assert bool(said.caption) == bool(said.alt)
