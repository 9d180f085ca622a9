"""How a picture looks, from its pixels alone, and how much two pictures look alike.

Knows colour, contrast, edges, outlines and flatness; knows nothing of what is shown. A likeness orders candidates of one
slot; it is no absolute measure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.picture import Candidate

Floats = NDArray[np.float64]
SIDE, FINE = 96, 128  # px: most of a style is coarse; outlines are not
# The standard deviation of each feature over 1,800 pictures of 12 sources; a difference of this size counts as one.
SPREAD = np.array(
    [18.0, 8.9, 18.0, 10.6, 6.1, 13.8, 0.078, 0.12, 0.06, 0.283, 0.156, 0.416, 0.333, 0.232, 0.221, 0.25, 0.336],
    np.float64,
)
XYZ_OF_RGB = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)  # linear sRGB, D65
SLACK = (
    0.2  # at full strength, a candidate this much less relevant than the best fits as well, so that style may decide
)


@dataclass(frozen=True, slots=True)
class Style:
    """Features of a look, see `style_of`."""

    features: tuple[float, ...]  # 17 values


def style_of(image: Image.Image) -> Style:
    """Of an RGB picture: lightness, chroma, hue, edges, flat areas, fineness, ground; its outlines."""
    return Style((*_coarse(image), *_outlines(image)))


def _coarse(image: Image.Image) -> tuple[float, ...]:
    """Mean and spread of CIELAB lightness and chroma, hue, edges, flat areas, fineness, ground."""
    small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    rgb = np.asarray(small, np.float64) / 255  # (96, 96, 3)
    lab = lab_of(rgb)  # (96, 96, 3)
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
    return tuple(float(v) for v in values)


def _outlines(image: Image.Image) -> tuple[float, ...]:
    """How dark the lines beside edges are, and how dark and colourful the rim of what stands before a light ground."""
    fine = image.convert("RGB").resize((FINE, FINE), Image.Resampling.BILINEAR)
    lab = lab_of(np.asarray(fine, np.float64) / 255)
    light, chroma = lab[..., 0], np.hypot(lab[..., 1], lab[..., 2])
    slope = np.hypot(np.diff(light, axis=1, append=light[:, -1:]), np.diff(light, axis=0, append=light[-1:]))
    border = np.median(np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]]))
    ink = (light < border - 3) | (chroma > 6) if border > 90 else np.ones_like(light, bool)
    ink = ink if ink.mean() > 0.02 else np.ones_like(light, bool)
    beside = around(around(light, np.minimum), np.minimum)[slope > 10]  # the darkest within two pixels of an edge
    rim = ink & (around(around(1.0 - ink, np.maximum), np.maximum) > 0)
    lines = (np.mean(beside < 25), np.mean(beside < 45), beside.mean() / 100) if beside.size else (0.0, 0.0, 1.0)
    rims = (
        (light[rim].mean() / 100, np.mean(light[rim] < 25), chroma[rim].mean() / 50) if rim.any() else (1.0, 0.0, 0.0)
    )
    return tuple(float(v) for v in (*lines, *rims))


def around(values: Floats, better: np.ufunc) -> Floats:
    """(h, w): the minimum or maximum of each pixel and its eight neighbours."""
    padded = np.pad(values, 1, mode="edge")
    high, wide = values.shape
    found = values
    for down in range(3):
        for right in range(3):
            found = better(found, padded[down : down + high, right : right + wide])
    return found


def distance(a: Style, b: Style) -> float:
    """0 for the same look; 2 for two pictures drawn by chance; at most 9. The mean square in units of the spread."""
    difference = (np.array(a.features) - np.array(b.features)) / SPREAD
    return float(np.mean(np.minimum(difference**2, 9.0)))


def rerank(candidates: Sequence[Candidate], strength: float) -> list[Candidate]:
    """The order of relevance bent towards likeness, among what fits: candidates near the best relevance.

    At strength 0 unchanged; at 1 those within `SLACK` of the best are ordered by likeness alone. The others keep
    their order behind them.
    """
    if strength <= 0 or not candidates:
        return list(candidates)
    least = max(c.relevance for c in candidates) - strength * SLACK
    fitting = [c for c in candidates if c.relevance >= least]
    by_style = {id(c): rank for rank, c in enumerate(sorted(fitting, key=lambda c: -c.style))}
    mixed = [(1 - strength) * rank + strength * by_style[id(c)] for rank, c in enumerate(fitting)]
    best = [fitting[i] for i in sorted(range(len(fitting)), key=lambda i: (mixed[i], i))]
    return [*best, *(c for c in candidates if c.relevance < least)]


def lab_of(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB (D65) of sRGB values in 0 to 1, same shape."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ XYZ_OF_RGB.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)
