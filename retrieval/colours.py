"""Colours as people write and name them, and as CIELAB (D65) measures them."""

import re

import numpy as np
from PIL import ImageColor

from retrieval.errors import UsageError
from retrieval.style import XYZ_OF_RGB, lab_of

Lab = tuple[float, float, float]
NAMES = (  # CSS names that a diffusion model's captions hold too
    "black", "white", "grey", "silver", "red", "maroon", "crimson", "coral", "salmon", "orange", "gold", "yellow", "beige",
    "brown", "tan", "chocolate", "olive", "green", "lime", "teal", "turquoise", "cyan", "skyblue", "blue", "navy", "indigo",
    "purple", "violet", "lavender", "magenta", "pink",
)  # fmt: skip


def lab_of_hex(colour: str) -> Lab:
    """CIELAB of "#rrggbb". Raises UsageError for anything else."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise UsageError(f"{colour!r} is no colour; write it as #rrggbb, such as #3366cc.")
    return _lab(ImageColor.getrgb(colour))


def hex_of(lab: Lab) -> str:
    """The nearest colour that a screen can show, as "#rrggbb"."""
    lightness, a, b = lab
    f = np.array([(lightness + 16) / 116 + a / 500, (lightness + 16) / 116, (lightness + 16) / 116 - b / 200])
    xyz = np.where(f > 6 / 29, f**3, (f - 16 / 116) * 108 / 841) * np.array([0.9505, 1.0, 1.089])
    linear = np.clip(np.linalg.solve(XYZ_OF_RGB, xyz), 0, 1)
    rgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(float(v) * 255):02x}" for v in rgb)


def named(lab: Lab) -> str:
    """The plain name that is nearest."""
    return min(NAMES, key=lambda name: float(np.linalg.norm(np.subtract(_lab(ImageColor.getrgb(name)), lab))))


def _lab(rgb: tuple[int, ...]) -> Lab:
    found = lab_of(np.array([[rgb[:3]]], np.float64) / 255)[0, 0]
    return float(found[0]), float(found[1]), float(found[2])
