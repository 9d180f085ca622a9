"""A sheet of samples: each drawn picture with its prompt, the nearest training picture beside it. Nothing is picked."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

CELL, GAP, TEXT, COLUMNS = 128, 4, 16, 6


def write(path: Path, samples: Sequence[tuple[str, Image.Image, Image.Image]]) -> None:
    """Six pairs a row: the drawn picture, then the nearest training picture, half as large."""
    width, height = CELL + CELL // 2 + 2 * GAP, CELL + TEXT + GAP
    lines = -(-len(samples) // COLUMNS)
    whole = Image.new("RGB", (COLUMNS * width, lines * height), "white")
    pen = ImageDraw.Draw(whole)
    for number, (prompt, drawn, near) in enumerate(samples):
        x, y = number % COLUMNS * width, number // COLUMNS * height
        whole.paste(drawn.resize((CELL, CELL), Image.Resampling.LANCZOS), (x, y))
        whole.paste(near.resize((CELL // 2, CELL // 2), Image.Resampling.LANCZOS), (x + CELL + GAP, y + CELL // 4))
        pen.text((x + 2, y + CELL + 1), prompt[:34], fill="black")
    whole.save(path, quality=80, method=6)
