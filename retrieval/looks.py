"""What the pixels tell a filter: photograph or drawing, and which colours a picture has. Kept in the index.

A photograph has many colours and few flat areas. Both limits were set on the packs, see benchmarks/results/search.md.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from retrieval.errors import InterleaveError
from retrieval.images import decode_rgb
from retrieval.library import Library
from retrieval.query import Look
from retrieval.style import style_of

COLOURS = {  # name: hue in degrees from and to, of pixels that have a colour at all
    "red": (345, 15),
    "orange": (15, 40),
    "yellow": (40, 70),
    "green": (70, 165),
    "blue": (165, 260),
    "purple": (260, 300),
    "pink": (300, 345),
}
GREYS = ("white", "grey", "black")
SHARE = 0.2  # of a picture's pixels that are not its ground
LEVELS, FLAT = 1.75, 0.45  # log10 of colours, share of flat areas
PX = 160
STEP = 64  # pictures written at once


def look_of(image: Image.Image) -> Look:
    """Whether an RGB picture is a photograph or drawn."""
    features = style_of(image).features
    return "photo" if features[9] > LEVELS and features[7] < FLAT else "drawing"


def colours_of(image: Image.Image) -> tuple[str, ...]:
    """The colours that cover a fifth or more of what is not the white ground; all of it where all is white."""
    small = image.convert("RGB").resize((64, 64), Image.Resampling.BILINEAR)
    hue, full, light = (band.astype(np.float64) for band in np.moveaxis(np.asarray(small.convert("HSV")), -1, 0))
    ground = (light > 245) & (full < 12)
    inside = ~ground if not ground.all() else np.ones_like(ground)
    degrees, coloured = hue * 360 / 255, (full > 60) & (light > 50)
    masks = {
        name: coloured & ((degrees >= a) & (degrees < b) if a < b else (degrees >= a) | (degrees < b))
        for name, (a, b) in COLOURS.items()
    }
    masks |= {
        "white": ~coloured & (light > 200),
        "black": ~coloured & (light <= 70),
        "grey": ~coloured & (light > 70) & (light <= 200),
    }
    return tuple(name for name, mask in masks.items() if (mask & inside).sum() >= SHARE * inside.sum())


def fill_looks(library: Library, seen: Callable[[str, int, int], None] = lambda what, done, total: None) -> int:
    """Look at the pictures that nobody looked at yet; how many they were. Broken files are passed over."""
    ask = "SELECT id, path FROM picture WHERE id NOT IN (SELECT picture FROM look) ORDER BY id"
    waiting = library.ask(ask)
    for begin in range(0, len(waiting), STEP):
        seen("looking at pictures", begin, len(waiting))
        found = []
        for number, path in waiting[begin : begin + STEP]:
            try:
                image = decode_rgb(Path(path).read_bytes(), px=PX)
            except (InterleaveError, OSError):
                continue
            found.append((number, look_of(image), f" {' '.join(colours_of(image))} "))
        library.add_looks(found)
    seen("looking at pictures", len(waiting), len(waiting))
    return len(waiting)
