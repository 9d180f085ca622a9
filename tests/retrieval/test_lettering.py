"""Words in pictures: lines out of a map of ink, letters out of shares, and the real networks where they are."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from retrieval.errors import SetupError
from retrieval.home import home
from retrieval.lettering import LetterReader, _lines, _spell


def test_lines_are_boxes_from_top_to_bottom_that_grow_and_stay_inside() -> None:
    ink = np.zeros((64, 64), np.float32)
    ink[40:48, 4:60] = 0.9
    ink[10:18, 8:30] = 0.9
    ink[30:32, 8:30] = 0.9  # too thin
    ink[52:60, 8:30] = 0.4  # too faint
    boxes = _lines(ink, (128, 64))
    assert [(top, bottom) for _, top, _, bottom in boxes] == [(4, 24), (34, 54)]
    assert boxes[0][0] == 4  # (8 - 0.7 * 8) * 2, rounded down
    assert boxes[1][2] == 128
    assert _lines(np.zeros((32, 32), np.float32), (32, 32)) == []


def test_letters_said_twice_in_a_row_are_one_and_a_pause_parts_them() -> None:
    letters = ["", "a", "b"]
    sure = np.eye(3, dtype=np.float32)
    assert _spell(sure[[1, 1, 0, 1, 2, 2]], letters) == "aab"
    assert _spell(sure[[0, 0]], letters) == ""
    assert _spell(np.full((4, 3), [0.3, 0.4, 0.3], np.float32), letters) == ""


def test_a_reader_that_is_not_here_says_how_to_bring_it(tmp_path: Path) -> None:
    reader = LetterReader(tmp_path)
    assert not reader.installed
    with pytest.raises(SetupError, match="models pull letters"):
        reader.read(Image.new("RGB", (64, 32)))


@pytest.mark.starter
def test_real_networks_read_a_screen() -> None:
    reader = LetterReader(home() / "models" / "letters")
    if not reader.installed:
        pytest.skip("The reader is not here: python -m composer models pull letters")
    image = Image.new("RGB", (420, 120), "white")
    draw = ImageDraw.Draw(image)
    draw.text((20, 20), "Harbour office", fill="black", font=ImageFont.load_default(28))
    draw.text((20, 70), "Opening hours", fill="black", font=ImageFont.load_default(28))
    assert [line.replace(" ", "").lower() for line in reader.read(image).splitlines()] == [
        "harbouroffice",
        "openinghours",
    ]
    assert reader.read(Image.new("RGB", (64, 64), "white")) == ""
