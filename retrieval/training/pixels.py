"""Drawings as one file of pixels, drawn once on all cores; with a list of what each row shows.

`pixels.u8` is (n, px, px, 4) uint8 with straight alpha, `drawings.jsonl` has a line a row.
"""

import json
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.errors import InterleaveError
from retrieval.images import decode
from retrieval.training.sets import Drawing

Seen = Callable[[int, int], None]


def rows_of(folder: Path) -> tuple[NDArray[np.uint8], list[Drawing]]:
    """The pixels (n, px, px, 4), read as needed from the disk, and what they show."""
    lines = (folder / "drawings.jsonl").read_text(encoding="utf-8").splitlines()
    drawings = [Drawing(**{**one, "tags": tuple(one["tags"])}) for one in map(json.loads, lines)]
    px = int((folder / "px").read_text())
    return np.memmap(folder / "pixels.u8", np.uint8, "r", shape=(len(drawings), px, px, 4)), drawings


def draw_all(drawings: Sequence[Drawing], px: int, folder: Path, seen: Seen) -> None:
    """Draw every picture into `folder`; those that show nothing are left out. Whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    kept: list[Drawing] = []
    with (
        (folder / "pixels.part").open("wb") as file,
        ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        for number, drawing in enumerate(drawings):
            if number % 1024 == 0:
                chunk = drawings[number : number + 1024]
                results = iter(list(pool.map(draw, chunk, [px] * len(chunk), chunksize=32)))
                seen(number, len(drawings))
            pixels = next(results)
            if pixels is not None:
                file.write(pixels)
                kept.append(drawing)
    lines = (json.dumps({**asdict(d), "svg": ""}, ensure_ascii=False) for d in kept)
    (folder / "drawings.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "px").write_text(str(px))
    (folder / "pixels.part").replace(folder / "pixels.u8")


def draw(drawing: Drawing, px: int) -> bytes | None:
    """A picture's pixels, its longer side filling the square; None for what cannot be drawn or is nearly empty."""
    try:
        data = drawing.svg.encode() if drawing.svg else Path(drawing.path).read_bytes()
        image: Any = decode(data, px=px * 2).convert("RGBA")
    except (InterleaveError, OSError):
        return None
    box = image.getchannel("A").getbbox()
    if box is None or min(box[2] - box[0], box[3] - box[1]) < 4:
        return None
    return fitted(image.crop(box), px).tobytes()


def fitted(image: Image.Image, px: int) -> Image.Image:
    """RGBA scaled to fit a transparent square; colours are weighted by alpha so that edges do not darken."""
    scale = px / max(image.size)
    size = tuple(max(1, round(side * scale)) for side in image.size)
    small = image.convert("RGBa").resize((size[0], size[1]), Image.Resampling.LANCZOS).convert("RGBA")
    square = Image.new("RGBA", (px, px), (0, 0, 0, 0))
    square.paste(small, ((px - size[0]) // 2, (px - size[1]) // 2))
    return square
