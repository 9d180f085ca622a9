from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from retrieval.style import SLACK, distance, rerank, style_of
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
        others = [(kind, distance(reference, style_of(kind(seed)))) for kind in kinds for seed in range(1, 7)]
        first = sorted(others, key=lambda pair: pair[1])[:6]
        assert sum(kind is own for kind, _ in first) >= 5


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_a_distance_is_symmetric_bounded_and_nothing_to_itself(a: int, b: int) -> None:
    x, y = style_of(drawing(a)), style_of(drawing(b))
    assert distance(x, x) == 0
    assert distance(x, y) == pytest.approx(distance(y, x))
    assert 0 <= distance(x, y) <= 9


def test_the_size_of_a_picture_is_no_style() -> None:
    image = flat(3)
    assert distance(style_of(image), style_of(image.resize((480, 480)))) < 0.4


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


def test_style_decides_only_among_what_fits_as_well() -> None:
    best, near, far = (
        replace(candidate(n, sure), style=s) for n, sure, s in ((1, 0.9, 0.0), (2, 0.8, 0.5), (3, 0.6, 1.0))
    )
    assert 0.9 - 0.8 < SLACK < 0.9 - 0.6
    assert rerank([best, near, far], 1) == [near, best, far]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(-1, 1)), max_size=8), st.floats(0, 1))
def test_no_candidate_is_lost_or_doubled(values: list[tuple[float, float]], strength: float) -> None:
    candidates = [replace(candidate(n, sure), style=style) for n, (sure, style) in enumerate(values)]
    bent = rerank(candidates, strength)
    assert sorted(c.picture.digest for c in bent) == sorted(c.picture.digest for c in candidates)
