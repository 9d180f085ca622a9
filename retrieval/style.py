"""How a picture looks, from its pixels alone, and how much two pictures look alike.

Knows colour, contrast, edges and flatness; knows nothing of what is shown. A likeness orders candidates of one slot; it
is no absolute measure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.picture import Candidate

SIDE = 96  # px: style is coarse
# The standard deviation of each feature over 660 pictures of the three packs; a difference of this size counts as one.
SPREAD = np.array([17.6, 9.0, 22.6, 13.5, 8.2, 11.8, 0.08, 0.15, 0.12, 0.32, 0.22], np.float64)


@dataclass(frozen=True, slots=True)
class Style:
    """Features of a look, see `style_of`."""

    features: tuple[float, ...]  # 11 values


def style_of(image: Image.Image) -> Style:
    """Of an RGB picture: mean and spread of CIELAB lightness and chroma, hue, edges, flat areas, fineness, ground."""
    small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    rgb = np.asarray(small, np.float64) / 255  # (96, 96, 3)
    lab = _lab(rgb)  # (96, 96, 3)
    light = lab[..., 0]
    border = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])  # (384,)
    ink = light < np.median(border) - 4 if np.median(border) > 90 else np.ones_like(light, bool)
    ink = ink if ink.mean() > 0.02 else np.ones_like(light, bool)
    inside = lab[ink]  # (n, 3)
    chroma = np.hypot(inside[:, 1], inside[:, 2])
    across, down = np.diff(light, axis=1)[:-1], np.diff(light, axis=0)[:, :-1]
    slope = np.hypot(across, down)  # (95, 95)
    levels = np.unique((rgb * 7.99).astype(np.uint8).reshape(-1, 3), axis=0).shape[0]
    values = (
        inside[:, 0].mean(),
        inside[:, 0].std(),
        chroma.mean(),
        chroma.std(),
        inside[:, 1].mean() / 2,
        inside[:, 2].mean() / 2,
        float((slope > 12).mean()),  # edges
        float((slope < 0.8).mean()),  # flat areas
        float(((slope >= 0.8) & (slope < 6)).mean()),  # soft shading
        float(np.log10(levels)),  # how many colours
        float((border > 97).mean()),  # white ground
    )
    return Style(tuple(float(v) for v in values))


def likeness(a: Style, b: Style) -> float:
    """1 for the same look, 0 for two pictures drawn by chance, towards -1 for opposite ones."""
    difference = (np.array(a.features) - np.array(b.features)) / SPREAD
    return float(2 * np.exp(-np.mean(np.minimum(difference**2, 9.0)) / 2) - 1)


def rerank(candidates: Sequence[Candidate], strength: float) -> list[Candidate]:
    """The order of relevance bent towards likeness: at strength 0 unchanged, at 1 by likeness alone."""
    count = max(1, len(candidates))
    by_style = sorted(range(len(candidates)), key=lambda i: (-candidates[i].style, i))
    style_rank = {index: rank for rank, index in enumerate(by_style)}
    mixed = [(1 - strength) * i / count + strength * style_rank[i] / count for i in range(len(candidates))]
    return [candidates[i] for i in sorted(range(len(candidates)), key=lambda i: (mixed[i], i))]


def _lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB (D65) of sRGB values in 0 to 1, same shape."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ matrix.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)
