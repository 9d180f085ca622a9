"""What the gate of recognisable pictures lets through: captioned pictures of the packs with their own captions, against
other pictures, blurred ones, noise and even colours.

    INTERLEAVE_HOME=... python -m benchmarks.gate [--each 150] [--write]
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from composer.drawing.gate import BUILT_IN, judge_of, things
from retrieval.home import home
from retrieval.images import decode_rgb
from retrieval.library import Library

RESULTS = Path(__file__).parent / "results" / "gate.md"
PX = 256
LIMITS = (0.5, 0.8, 0.9, 0.95)
Row = NDArray[np.float64]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and with --write put the table into the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--each", type=int, default=150, help="pictures of each pack")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args(arguments)
    lines = [
        "# The gate of recognisable pictures, measured",
        "",
        f"`python -m benchmarks.gate`, {time.strftime('%Y-%m-%d')}, {BUILT_IN}. Share of pictures whose query they resemble "
        "more than that share of a hundred plain names. The encoder was trained on pictures of these packs, so that the "
        "row of right captions is better than a stranger's pictures would be.",
        "",
        "| pack | pictures | " + " | ".join(f"at {limit:g}" for limit in LIMITS) + " |",
        "| --- | --- |" + " --- |" * len(LIMITS),
    ]
    for pack in ("openclipart", "tuxpaint", "openmoji"):
        lines += [f"| {pack} | {kind} | {shares(row)} |" for kind, row in measured(pack, given.each).items()]
    text = "\n".join([*lines, ""])
    print(text)
    if given.write:
        RESULTS.write_text(text, encoding="utf-8")


def shares(row: Row) -> str:
    """The share at or above each limit, as cells."""
    return " | ".join(f"{float((row >= limit).mean()):.2f}" for limit in LIMITS)


def measured(pack: str, each: int) -> dict[str, Row]:
    """How recognisable each kind of picture is, (pictures,) from 0 to 1."""
    judge = judge_of(BUILT_IN)
    assert judge is not None
    images, captions = _pictures(pack, each)
    names, own = judge.encode_texts(things()), judge.encode_texts(captions)  # (names, dim), (n, dim)
    random = np.random.default_rng(0)
    noise = [Image.fromarray(random.integers(0, 255, (64, 64, 3), np.uint8)).resize((PX, PX)) for _ in images]
    even = [
        Image.new("RGB", (PX, PX), (int(r), int(g), int(b))) for r, g, b in random.integers(0, 255, (len(images), 3))
    ]
    kinds = {
        "with their captions": images,
        "with another's caption": images[7:] + images[:7],
        "blurred until nothing is left": [i.filter(ImageFilter.GaussianBlur(20)) for i in images],
        "noise": noise,
        "one colour": even,
    }
    found = {}
    for kind, row in kinds.items():
        seen = judge.encode_images(row)  # (n, dim)
        found[kind] = np.array([(names @ v < t @ v).mean() for v, t in zip(seen, own, strict=True)])
    return found


def _pictures(pack: str, each: int) -> tuple[list[Image.Image], list[str]]:
    asked = "SELECT path, caption FROM picture WHERE origin = ? AND length(caption) BETWEEN 3 AND 30 ORDER BY digest LIMIT ?"
    images, captions = list[Image.Image](), list[str]()
    for path, caption in Library(home() / "library.sqlite").ask(asked, (pack, each)):
        image = decode_rgb(Path(path).read_bytes())
        image.thumbnail((PX, PX))
        images.append(image)
        captions.append(caption)
    return images, captions


if __name__ == "__main__":
    main()
