import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.encoder import OpenClipEncoder
from retrieval.errors import SetupError
from retrieval.image_models import ROOT, image_encoder, image_models, restriction
from retrieval.training import holdout, pixels, sets
from retrieval.training.command import alone
from retrieval.training.holdout import words_in
from retrieval.training.sets import Drawing, IconSet

SQUARE = '<path fill="#f00" d="M2 2h12v12H2z"/>'
MODEL = ROOT / "assets" / "models" / "starter-clip"


def test_an_emoji_set_gets_labels_and_tags_and_loses_skin_tones() -> None:
    one = IconSet(name="s", package="p", version="1", kind="emoji", licence="MIT", author="A", drop="-(light|dark)$")
    icons = {
        "width": 16,
        "height": 16,
        "icons": {n: {"body": SQUARE} for n in ("red-apple", "hand-light", "flag-peru")},
    }
    names = sets.emoji_names([{"label": "red apple", "tags": ["fruit"]}])
    (only,) = sets.drawings_of(one, icons, names)
    assert (only.label, only.tags, only.tinted) == ("red apple", ("fruit",), False)
    assert 'viewBox="0 0 16 16"' in only.svg


def test_icons_of_one_colour_may_be_tinted() -> None:
    one = IconSet(name="s", package="p", version="1", kind="icon", licence="MIT", author="A", strip="-fill$")
    icons = {"icons": {"bell-2-fill": {"body": '<path fill="currentColor" d="M0 0h9v9z"/>'}}}
    (only,) = sets.drawings_of(one, icons, {})
    assert (only.label, only.tinted) == ("bell", True)


def labelled(*labels: str, source: str = "core", role: str = "train") -> list[Drawing]:
    return [Drawing(source=source, label=label, role=role) for label in labels]  # type: ignore[arg-type]


def test_no_concept_of_the_test_is_trained_on() -> None:
    things = [f"{a}{b}" for a in "bcdfghkl" for b in ("at", "og", "ine", "orn", "ust")]
    drawings = labelled(*things, *(f"big {t}" for t in things)) + labelled(
        *(f"red {t}s" for t in things), source="icons"
    )
    split = holdout.split(drawings, ["core"])
    held = {words_in(drawings[i].label) for i in (*split.test, *split.dev)}
    assert len(split.test) > 2
    assert len(split.dev) > 1
    assert not any(h <= words_in(drawings[i].label) for i in split.train for h in held)
    assert not set(split.train) & {*split.test, *split.dev}
    assert holdout.split(drawings + labelled("more"), ["core"]).test == split.test


def test_a_style_set_is_never_trained_on() -> None:
    drawings = labelled("cat", "dog", "cow") + labelled("cat", "dog", "ufo", source="new", role="style")
    split = holdout.split(drawings, ["core"])
    assert not {3, 4, 5} & set(split.train)
    assert 5 not in split.style  # nobody knows its label


def test_pixels_come_back_as_they_were_drawn(tmp_path: Path) -> None:
    svg = sets.wrapped(SQUARE, {"left": 0, "top": 0, "width": 16, "height": 16})
    drawings = [Drawing(source="s", label="square", svg=svg), Drawing(source="s", label="nothing", svg="<svg/>")]
    pixels.draw_all(drawings, 32, tmp_path, lambda n, of: None)
    rows, kept = pixels.rows_of(tmp_path)
    assert [d.label for d in kept] == ["square"]
    assert rows.shape == (1, 32, 32, 4)
    assert rows[0, 16, 16].tolist() == [255, 0, 0, 255]


def test_scaling_does_not_darken_edges() -> None:
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 33, 64))
    small = np.asarray(pixels.fitted(image, 16))
    assert (small[..., 0][small[..., 3] > 0] > 240).all()


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    with alone(tmp_path / "lock"), pytest.raises(SetupError, match="Another training"), alone(tmp_path / "lock"):
        pass


def test_the_shipped_model_knows_things_by_sight_and_is_small() -> None:
    assert sum(f.stat().st_size for f in MODEL.iterdir() if f.suffix != ".md") < 42_000_000
    encoder = image_encoder("starter-clip")
    assert encoder is not None
    apple = Image.new("RGB", (120, 120), "white")
    from PIL import ImageDraw

    pen = ImageDraw.Draw(apple)
    pen.ellipse((20, 30, 100, 110), fill=(215, 30, 40))
    pen.line((60, 32, 66, 12), fill=(90, 60, 20), width=5)
    pen.ellipse((64, 10, 88, 24), fill=(60, 160, 60))
    names = ["a red apple", "a bicycle", "a computer keyboard", "a sailing boat"]
    scores = encoder.encode_texts(names) @ encoder.encode_images([apple])[0]
    assert names[int(scores.argmax())] == "a red apple"
    assert np.allclose(np.linalg.norm(encoder.encode_texts(names), axis=1), 1, atol=1e-3)


def test_the_shipped_model_loads_from_any_place(tmp_path: Path) -> None:
    shutil.copytree(MODEL, tmp_path / "elsewhere")
    here, there = OpenClipEncoder(str(MODEL)), OpenClipEncoder(str(tmp_path / "elsewhere"))
    assert np.allclose(here.encode_texts(["a fox"]), there.encode_texts(["a fox"]), atol=1e-5)


def test_no_default_has_weights_that_may_not_be_sold() -> None:
    for model in image_models().values():
        assert restriction(model.open_clip) == ""
        assert "NC" not in model.licence
    for preset in (ROOT / "templates" / "presets").glob("*.toml"):
        assert restriction(preset.read_text(encoding="utf-8")) == ""
    assert "research" in restriction("MobileCLIP2-S0/dfndr2b")
    assert image_encoder("none") is None


def test_the_report_beside_the_model_is_of_its_own_split() -> None:
    report = json.loads((MODEL / "report.json").read_text())
    assert report["test"]["labels"] > 200
    assert report["by tags"]["chance"]["R@10"] < report["by tags"]["pixels"]["R@10"]
