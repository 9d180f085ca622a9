from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from retrieval.style import likeness, rerank, style_of
from tests.retrieval.fakes import drawing
from tests.retrieval.test_fuse import candidate


def flat(seed: int) -> Image.Image:
    """Flat colours with black outlines on white."""
    image = Image.new("RGB", (120, 120), "white")
    pen = ImageDraw.Draw(image)
    rng = np.random.default_rng(seed)
    for _ in range(4):
        x, y, r = (int(v) for v in rng.integers(20, 60, 3))
        fill = tuple(int(v) for v in rng.integers(120, 255, 3))
        pen.ellipse((x, y, x + r, y + r), fill=fill, outline="black", width=3)
    return image


def photo(seed: int) -> Image.Image:
    """Soft shades in many colours without white."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(20, 200, (6, 6, 3), dtype=np.uint8))
    return coarse.resize((120, 120), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(2))


def pencil(seed: int) -> Image.Image:
    """Thin dark lines on white."""
    image = Image.new("RGB", (120, 120), "white")
    pen = ImageDraw.Draw(image)
    rng = np.random.default_rng(seed)
    for _ in range(12):
        pen.line([int(v) for v in rng.integers(10, 110, 4)], fill=(40, 40, 40))
    return image


def test_a_reference_brings_its_own_kind_up() -> None:
    kinds = (flat, photo, pencil)
    for own in kinds:
        reference = style_of(own(0))
        others = [(kind, likeness(reference, style_of(kind(seed)))) for kind in kinds for seed in range(1, 7)]
        first = sorted(others, key=lambda pair: -pair[1])[:6]
        assert sum(kind is own for kind, _ in first) >= 5


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_likeness_is_between_minus_one_and_one_and_symmetric(a: int, b: int) -> None:
    x, y = style_of(drawing(a)), style_of(drawing(b))
    assert likeness(x, x) == pytest.approx(1)
    assert likeness(x, y) == pytest.approx(likeness(y, x))
    assert -1 <= likeness(x, y) <= 1


def test_the_size_of_a_picture_is_no_style() -> None:
    image = flat(3)
    assert likeness(style_of(image), style_of(image.resize((480, 480)))) > 0.8


@pytest.mark.parametrize("image", [Image.new("RGB", (1, 1)), Image.new("L", (5, 900), 255), Image.new("RGBA", (9, 9))])
def test_any_picture_has_a_style(image: Image.Image) -> None:
    assert np.isfinite(style_of(image).features).all()


def test_strength_bends_the_order_from_relevance_to_style() -> None:
    candidates = [replace(candidate(n), style=style) for n, style in enumerate((-0.5, 0.1, 0.9, 0.8))]
    assert rerank(candidates, 0) == candidates
    assert [c.style for c in rerank(candidates, 1)] == [0.9, 0.8, 0.1, -0.5]
    half = rerank(candidates, 0.5)
    assert sorted(half, key=id) == sorted(candidates, key=id)
    assert half[0].style == 0.9
    assert rerank([], 0.5) == []
