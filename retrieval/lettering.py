"""The words that stand in a picture, read from its pixels: what a screenshot, a chart or a poster says of itself.

Two small networks of PP-OCR through onnxruntime: one finds lines, one reads them, in English and Chinese. Lines are taken
to be level, as they are on screens; slanted writing is not read. Knows pixels only.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.errors import SetupError

FINDS, READS = "ch_PP-OCRv4_det_infer.onnx", "ch_PP-OCRv4_rec_infer.onnx"
SHORT, LONG = 640, 1280  # px: the short side that lines are looked for at, and the most that the long one may have
STEP = 32  # px: sides that the finder takes are multiples of it
ON, SURE = 0.3, 0.5  # of the finder's map: what is ink, and the mean of what is a line
GROWN = 0.7  # a line is found shrunk: it grows by this part of its height on every side
LEAST = 4  # px of a line's height
HEIGHT, WIDEST = 48, 1280  # px that the reader reads at
BATCH = 8
READABLE = 0.6  # the mean certainty of a line that is kept
MOST = 60  # lines of a picture
Box = tuple[int, int, int, int]  # left, top, right, bottom


class LetterReader:
    """Reads pictures with the models of a folder; they are loaded when first used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: tuple[Any, Any, list[str]] | None = None
        self._lock = threading.Lock()

    @property
    def installed(self) -> bool:
        """Whether both models are in the folder."""
        return all((self._folder / name).is_file() for name in (FINDS, READS))

    def read(self, image: Image.Image) -> str:
        """The picture's lines from top to bottom, joined by line ends; "" for none. Raises SetupError."""
        with self._lock:
            finder, reader, letters = self._load()
            image = image.convert("RGB")
            boxes = _lines(_run(finder, _for_finder(image)[None])[0, 0], image.size)
            crops = [image.crop(box) for box in boxes[:MOST]]
            said: dict[int, str] = {}
            order = sorted(
                range(len(crops)), key=lambda i: crops[i].width / crops[i].height
            )  # alike widths: less padding
            for begin in range(0, len(order), BATCH):
                chosen = order[begin : begin + BATCH]
                shares = _run(reader, _for_reader([crops[i] for i in chosen]))  # (n, steps, letters)
                said |= {i: _spell(row, letters) for i, row in zip(chosen, shares, strict=True)}
        return "\n".join(filter(None, (said[i] for i in range(len(crops)))))

    def _load(self) -> tuple[Any, Any, list[str]]:
        if self._parts is None:
            if not self.installed:
                raise SetupError(f"No text reader at {self._folder}. Run: python -m composer models pull letters")
            try:
                import onnxruntime
            except ImportError as error:
                raise SetupError(
                    "Reading words in pictures needs onnxruntime. Run: pip install -r requirements.txt"
                ) from error
            options = onnxruntime.SessionOptions()
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leaves the cores to others
            finder, reader = (
                onnxruntime.InferenceSession(str(self._folder / name), options, providers=["CPUExecutionProvider"])
                for name in (FINDS, READS)
            )
            letters = reader.get_modelmeta().custom_metadata_map["character"].splitlines()
            self._parts = (
                finder,
                reader,
                ["", *letters, " "],
            )  # as the network numbers them: first nothing, last a space
        return self._parts


def _run(session: Any, pixels: NDArray[np.float32]) -> NDArray[np.float32]:  # noqa: ANN401
    return np.asarray(session.run(None, {session.get_inputs()[0].name: pixels})[0])


def _for_finder(image: Image.Image) -> NDArray[np.float32]:
    scale = max(1.0, SHORT / min(image.size))
    scale = min(scale, LONG / max(image.size))
    width, height = (max(STEP, round(side * scale / STEP) * STEP) for side in image.size)
    return _pixels(image.resize((width, height), Image.Resampling.BILINEAR))


def _for_reader(crops: Sequence[Image.Image]) -> NDArray[np.float32]:
    """(n, 3, HEIGHT, widest) float32, shorter lines padded with grey."""
    widths = [min(WIDEST, max(HEIGHT, round(c.width * HEIGHT / c.height))) for c in crops]
    rows = np.zeros((len(crops), 3, HEIGHT, max(widths)), np.float32)
    for row, crop, width in zip(rows, crops, widths, strict=True):
        row[:, :, :width] = _pixels(crop.resize((width, HEIGHT), Image.Resampling.BILINEAR))
    return rows


def _pixels(image: Image.Image) -> NDArray[np.float32]:
    """(3, height, width) from -1 to 1; blue first, as the networks learned it."""
    values = np.asarray(image, np.float32)[:, :, ::-1] / 127.5 - 1.0
    return np.ascontiguousarray(values.transpose(2, 0, 1), np.float32)


def _lines(ink: NDArray[np.float32], size: tuple[int, int]) -> list[Box]:
    """Boxes of the lines in a map of ink (height, width), in the picture's own pixels, from top to bottom."""
    from scipy.ndimage import find_objects, label, mean

    places, count = label(ink > ON)
    if not count:
        return []
    sure = mean(ink, places, range(1, count + 1))
    across, down = size[0] / ink.shape[1], size[1] / ink.shape[0]
    boxes = []
    for share, (rows, columns) in zip(np.atleast_1d(sure), find_objects(places), strict=True):
        tall = rows.stop - rows.start
        if share < SURE or tall < LEAST:
            continue
        grow = tall * GROWN
        box = (columns.start - grow) * across, (rows.start - grow) * down
        end = (columns.stop + grow) * across, (rows.stop + grow) * down
        left, top = (max(0, int(v)) for v in box)
        right, bottom = min(size[0], int(end[0]) + 1), min(size[1], int(end[1]) + 1)
        if right - left >= 2 and bottom - top >= 2:
            boxes.append((left, top, right, bottom))
    return sorted(boxes, key=lambda b: (b[1], b[0]))


def _spell(shares: NDArray[np.float32], letters: Sequence[str]) -> str:
    """A line from its (steps, letters): the likeliest of each step, repeats and nothings out; "" where it is unsure."""
    best = shares.argmax(1)
    kept = (best > 0) & np.append(True, best[1:] != best[:-1])
    if not kept.any() or shares.max(1)[kept].mean() < READABLE:
        return ""
    return "".join(letters[i] for i in best[kept] if i < len(letters)).strip()
