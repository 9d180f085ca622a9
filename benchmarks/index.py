"""How fast a folder is indexed, end to end, against the bare forward rate of its image encoder, in one run.

    python -m benchmarks.index FOLDER [FOLDER ...] [--random NAME] [--pictures N] [--write]

FOLDER is an open_clip model; `--random ViT-B-32` takes that architecture with random weights, which are as fast as
trained ones. The pictures are JPEGs of 1024 x 768 made here. The bare rate is that of ready tensors in the same batches,
measured before and after the indexing; its mean counts.
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from retrieval.encoder import OpenClipEncoder, _looked_at
from retrieval.indexing import Encoders, index_folder
from retrieval.library import Library
from retrieval.updating import BATCH

RESULTS = Path(__file__).parent / "results" / "index.md"
SIZE = (1024, 768)
BARE_BATCHES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Pictures a second, and what the index takes."""

    model: str
    bare: float
    whole: float
    again: float  # files a second when nothing changed
    bytes_each: float  # of the index file
    vector: int  # numbers


def main() -> None:
    """Measure, print, and with --write keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", help="open_clip folders")
    parser.add_argument("--random", action="append", default=[], help="an open_clip architecture with random weights")
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--note", default="", help="what else the machine was doing")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/index.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "pictures"
        make_pictures(folder, options.pictures)
        encoders = [(m, OpenClipEncoder(m)) for m in options.models]
        encoders += [(f"{m}, random weights", OpenClipEncoder(f"{m}/")) for m in options.random]
        found = [
            measure(Path(name).name, e, folder, Path(place) / f"{i}.sqlite") for i, (name, e) in enumerate(encoders)
        ]
    text = report(found, options.pictures, options.note)
    print(text)
    if options.write:
        RESULTS.write_text(text, "utf-8")


def make_pictures(folder: Path, count: int) -> None:
    """Photograph-like noise: coarse colours with fine grain, about 150 KB each."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    grain = rng.normal(0, 6, (SIZE[1], SIZE[0], 3))
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
        shifted = np.roll(grain, number * 7, axis=1)
        Image.fromarray(np.clip(np.asarray(coarse) + shifted, 0, 255).astype(np.uint8)).save(
            folder / f"thing {number}.jpg", quality=88
        )


def bare_rate(encoder: OpenClipEncoder) -> float:
    """Pictures a second of the forward pass alone."""
    import torch

    model, preprocess, _ = encoder._load()
    batch = torch.stack([preprocess(Image.new("RGB", SIZE))] * BATCH)
    with torch.inference_mode():
        _looked_at(model, batch)
        begin = time.perf_counter()
        for _ in range(BARE_BATCHES):
            _looked_at(model, batch)
    return BARE_BATCHES * BATCH / (time.perf_counter() - begin)


def measure(name: str, encoder: OpenClipEncoder, folder: Path, path: Path) -> Measured:
    """The bare rate, the indexing, the bare rate again, and an indexing that finds nothing new."""
    before = bare_rate(encoder)
    library = Library(path)
    begin = time.perf_counter()
    count = index_folder(library, folder, Encoders(image=encoder)).added
    whole = count / (time.perf_counter() - begin)
    bare = 2 / (1 / before + 1 / bare_rate(encoder))
    begin = time.perf_counter()
    again = index_folder(library, folder, Encoders(image=encoder)).unchanged / (time.perf_counter() - begin)
    (one,) = library.stored(0, 1)
    library.close()
    size = path.stat().st_size / count
    dim = len(one.vectors[encoder.name])
    return Measured(model=name, bare=bare, whole=whole, again=again, bytes_each=size, vector=dim)


def report(found: Sequence[Measured], pictures: int, note: str) -> str:
    """The table in Markdown."""
    lines = [
        "# Indexing",
        "",
        f"{pictures} JPEGs of {SIZE[0]} x {SIZE[1]}, batches of {BATCH}, {os.cpu_count()} cores ({platform.machine()}), "
        f"{datetime.now(UTC):%Y-%m-%d}. {note}",
        "",
        "| image encoder | bare forward, pictures/s | end to end, pictures/s | ratio | nothing new, files/s |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {m.model} | {m.bare:.1f} | {m.whole:.1f} | {m.whole / m.bare:.2f} | {m.again:.0f} |" for m in found]
    lines += ["", "Of a million pictures, extrapolated from these (captions from file names, one image encoder):", ""]
    lines += ["| image encoder | numbers a vector | index file | vectors in memory, fp32 |", "|---|---|---|---|"]
    lines += [f"| {m.model} | {m.vector} | {m.bytes_each / 1e3:.2f} GB | {m.vector * 4 / 1e3:.2f} GB |" for m in found]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
