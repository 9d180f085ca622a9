"""What the judge's numbers mean: right pictures score well, wrong ones badly, the same cloud is no distance away."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from composer.drawing import gate
from composer.starter_diffusion import judge, looks, offer, sheet, tries
from retrieval.encoder import Vectors, unit_rows
from retrieval.training.sets import Drawing

COLOURS = {"ruby": "red", "grass": "lime", "sea": "blue", "milk": "white"}


class Colours:
    """An encoder to which words and pictures are their colours."""

    name, dim = "colours", 3

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return self.encode_images([plain(COLOURS[t]) for t in texts])

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        return unit_rows(np.stack([np.asarray(i.convert("RGB"), np.float32).mean((0, 1)) for i in images]) + 1)


def plain(colour: str) -> Image.Image:
    return Image.new("RGB", (8, 8), colour)


@pytest.fixture
def judges() -> judge.Judges:
    encoder, rng = Colours(), np.random.default_rng(0)
    return judge.Judges(
        encoder=encoder,
        labels=sorted(COLOURS),
        texts=encoder.encode_texts(sorted(COLOURS)),
        things=["milk", "sea", "grass"],
        thing_texts=encoder.encode_texts(["milk", "sea", "grass"]),
        styles=["dark", "light"],
        weights=looks.fitted([plain(c) for c in ("red", "blue", "lime", "white")], np.array([0, 0, 1, 1]), 2),
        real=rng.normal(size=(20, 3)).astype(np.float32),
        axes=np.eye(3, dtype=np.float32),
    )


def shown(judges: judge.Judges, labels: Sequence[str], colours: Sequence[str]) -> dict[str, float]:
    drawings = [Drawing(source="light" if label == "grass" else "dark", label=label) for label in labels]
    return judge.measured(judges, drawings, [plain(c) for c in colours])


def test_right_pictures_are_found_pass_and_have_their_style(judges: judge.Judges) -> None:
    found = shown(judges, ["ruby", "grass"], ["red", "lime"])
    assert (found["R@1"], found["style"], found["passes 0.99"]) == (1, 1, 1)
    assert found["score"] == pytest.approx(1, abs=0.01)


def test_wrong_pictures_are_not(judges: judge.Judges) -> None:
    found = shown(judges, ["ruby", "grass"], ["lime", "red"])
    assert (found["R@1"], found["style"], found["passes 0.9"]) == (0, 0, 0)
    assert found["score"] < 0.1


def test_the_gate_is_the_one_that_pictures_meet(judges: judge.Judges, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "things", lambda: tuple(judges.things))
    for colour in ("red", "orange", "blue", "gray"):
        sure = gate.recognisable("ruby", plain(colour), judges.encoder)
        found = shown(judges, ["ruby", "ruby"], [colour, colour])
        assert [found[f"passes {mark}"] == 1 for mark in judge.MARKS] == [sure >= mark for mark in judge.MARKS]


def test_what_is_offered_is_recognised_and_near(judges: judge.Judges, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "things", lambda: tuple(judges.things))
    assert offer.may_be_offered("ruby", plain("red"), judges.encoder)
    assert not offer.may_be_offered("ruby", plain("blue"), judges.encoder)
    assert not offer.may_be_offered("ruby", plain("#ff9090"), judges.encoder, floor=0.9, share=0)
    assert not offer.may_be_offered("ruby", plain("#90ff90"), judges.encoder, floor=0, share=0.95)


def test_styles_are_told_by_colours_and_edges() -> None:
    rng = np.random.default_rng(0)
    noisy = [Image.fromarray(rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)) for _ in range(4)]
    even = [plain(c) for c in ("red", "blue", "lime", "white")]
    weights = looks.fitted([*noisy[:3], *even[:3]], np.array([0, 0, 0, 1, 1, 1]), 2)
    assert looks.style_of([noisy[3], even[3]], weights).tolist() == [0, 1]


def test_no_picture_is_no_number(judges: judge.Judges) -> None:
    assert judge.measured(judges, [], []) == {"pictures": 0}


def test_the_same_cloud_is_no_distance_away_and_a_shift_counts_squared() -> None:
    cloud = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32)
    assert judge.frechet(cloud, cloud) == pytest.approx(0, abs=1e-4)
    assert judge.frechet(cloud, cloud + 2) == pytest.approx(16, abs=1e-3)
    assert judge.frechet(cloud, cloud * 3) == pytest.approx(4 * 4, rel=0.2)  # of each axis (3 - 1)²


def test_a_sheet_shows_every_sample(tmp_path: Path) -> None:
    sheet.write(tmp_path / "s.webp", [("red cat, flat emoji", plain("red"), plain("blue"))] * 7)
    with Image.open(tmp_path / "s.webp") as image:
        assert image.height == 2 * (sheet.CELL + sheet.TEXT + sheet.GAP)
        red, blue = image.convert("RGB").getpixel((64, 64)), image.convert("RGB").getpixel((160, 64))
    assert red[0] > 200 > 60 > red[2]  # type: ignore[index]
    assert blue[2] > 200 > 60 > blue[0]  # type: ignore[index]


def test_more_tries_give_right_pictures_and_luck_more_chances() -> None:
    found = np.full((4, 2, 2), -1.0)
    found[0, 0, 0] = 0.22  # the first pair's own label
    found[1, 0, 0] = 0.31
    found[3, 1, 0] = 0.26  # a wrong one, at the fourth try
    table = tries.shares(found, np.eye(2, dtype=bool))
    assert list(table) == ["1 tries", "2 tries", "4 tries"]
    assert [table[t]["right 0.2"] for t in table] == [0.5, 0.5, 0.5]
    assert [table[t]["right 0.3"] for t in table] == [0.0, 0.5, 0.5]
    assert [table[t]["wrong 0.25"] for t in table] == [0.0, 0.0, 0.5]
