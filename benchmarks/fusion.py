"""What each ranking is worth when they are fused, learned on some held-out labels and shown on others.

    python -m benchmarks.fusion FOLDER [--write]

FOLDER holds the drawings that `python -m retrieval train` leaves. A library holds pictures of labels that the image
encoder was not trained on, each with its label as caption. A query is a label's tags, which share few words with it: what
the three rankings know of the same picture is not the same. Weights are tried on the dev labels, shown on the test labels.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from retrieval.encoder import Encoder, SentenceEncoder
from retrieval.fuse import reciprocal_ranks
from retrieval.home import home
from retrieval.image_models import image_encoder
from retrieval.library import Library
from retrieval.picture import Picture
from retrieval.relevance import by_pixels
from retrieval.rows import Row
from retrieval.source import POOL, Channels
from retrieval.training import holdout
from retrieval.training.command import CORE
from retrieval.training.pixels import rows_of
from retrieval.training.sets import Drawing

WORDS, MEANING, PIXELS = (0.0, 0.25, 0.5, 1.0), (0.0, 0.5, 1.0), (0.0, 0.25, 0.5, 1.0, 2.0)  # weights that are tried
NAMES = ("words", "meaning", "pixels")


@dataclass(frozen=True, slots=True)
class Asked:
    """A query's three rankings of picture ids, and the right ids."""

    rankings: tuple[list[int], ...]
    right: frozenset[int]


def main() -> None:
    """Measure, print, and with --write keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/fusion.md")
    options = parser.parse_args()
    pixels, drawings = rows_of(options.folder)
    parts = holdout.split(drawings, CORE)
    sentence, images = SentenceEncoder(home() / "models" / "minilm"), image_encoder("starter-clip")
    assert images is not None
    dev = asked_of(pixels, drawings, parts.dev, sentence, images)
    test = asked_of(pixels, drawings, parts.test, sentence, images)
    grid = product(WORDS, MEANING, PIXELS)
    tried = {w: recalls(dev, w) for w in grid if any(w)}
    best = max(tried, key=lambda w: (sum(tried[w].values()), w))
    lines = [
        "# Fusing what words, meaning and pixels find",
        "",
        f"`python -m benchmarks.fusion FOLDER --write`, {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores; bm25,",
        f"all-MiniLM-L6-v2, starter-clip; {len(dev)} dev and {len(test)} test labels that nobody trained on, asked for by tags.",
        "",
        "| weights: words, meaning, pixels | dev R@1 / 5 / 10 | test R@1 / 5 / 10 |",
        "|---|---|---|",
    ]
    rows: dict[str, tuple[float, ...]] = {
        "words alone": (1, 0, 0),
        "meaning alone": (0, 1, 0),
        "pixels alone": (0, 0, 1),
        "all alike": (1, 1, 1),
    }
    ours = Channels()
    rows |= {"the best sum on dev": best, "as shipped": (ours.words, ours.meaning, ours.pixels)}
    for name, weights in rows.items():
        cells = [" / ".join(f"{100 * v:.1f}" for v in recalls(part, weights).values()) for part in (dev, test)]
        lines.append(f"| {name}: {', '.join(f'{w:g}' for w in weights)} | {' | '.join(cells)} |")
    shown = [image_rows(pixels, drawings, part, images) for part in (parts.dev, parts.test)]
    lines += ["", *uncaptioned(shown[0], shown[1], images)]
    print("\n".join(lines))
    if options.write:
        (Path(__file__).parent / "results" / "fusion.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def asked_of(
    pixels: np.ndarray, drawings: Sequence[Drawing], chosen: Sequence[int], sentence: Encoder, images: Encoder
) -> list[Asked]:
    """Each label's rankings among all pictures of these labels."""
    held = [i for i in chosen if drawings[i].tags]
    with TemporaryDirectory() as folder:
        library = Library(Path(folder) / "index.sqlite")
        labels = [drawings[i].label for i in held]
        shown = [_on_white(pixels[i]) for i in held]
        columns = {sentence.name: sentence.encode_texts(labels), images.name: images.encode_images(shown)}
        rows = [
            Row(
                picture=Picture(digest=f"{i:064x}", media_type="image/png", width=128, height=128, caption=label),
                path=f"/{i}",
                origin=drawings[i].source,
                vectors={name: vectors[n] for name, vectors in columns.items()},
            )
            for n, (i, label) in enumerate(zip(held, labels, strict=True))
        ]
        ids = library.add(rows)
        right: dict[str, set[int]] = {}
        for number, label in zip(ids, labels, strict=True):
            right.setdefault(label, set()).add(number)
        tags = {drawings[i].label: drawings[i].tags for i in held}
        found = [
            Asked(_rankings(library, ", ".join(tags[k]), sentence, images), frozenset(v)) for k, v in right.items()
        ]
        library.close()
    return found


def image_rows(
    pixels: np.ndarray, drawings: Sequence[Drawing], chosen: Sequence[int], images: Encoder
) -> tuple[list[str], np.ndarray]:
    """The labels of these pictures, and their vectors (n, dim)."""
    return [drawings[i].label for i in chosen], images.encode_images([_on_white(pixels[i]) for i in chosen])


def uncaptioned(dev: tuple[list[str], np.ndarray], test: tuple[list[str], np.ndarray], images: Encoder) -> list[str]:
    """How sure pixels alone are: fitted on dev pictures, shown on test pictures; half of the queries have no answer there."""
    asked = sorted({*dev[0]}), sorted({*test[0]})
    rows = deviations(dev, [*asked[0], *asked[1]], images)
    slope, bias = logistic(rows[:, 0], rows[:, 1])
    rows = deviations(test, [*asked[1], *asked[0]], images)
    filled = np.array([by_pixels(z) for z in rows[:, 0]]) >= 0.5
    right, there = rows[:, 1] > 0, np.arange(len(rows)) < len(asked[1])
    return [
        "**Pictures that nobody wrote about**",
        "",
        f"Fitted on dev: 1 / (1 + exp(-({slope:.2f} deviations {bias:+.2f}))). Shown on test with the shipped weights, the",
        "best of each query taken where it is at least 0.5 sure:",
        "",
        "| queries | filled rightly | filled wrongly | left open |",
        "|---|---|---|---|",
        *(
            f"| {name} ({part.sum()}) | {(filled & right)[part].mean():.0%} | {(filled & ~right)[part].mean():.0%} "
            f"| {(~filled)[part].mean():.0%} |"
            for name, part in (("with an answer", there), ("without", ~there))
        ),
    ]


def deviations(pool: tuple[list[str], np.ndarray], queries: Sequence[str], images: Encoder) -> np.ndarray:
    """(queries, 2): how many standard deviations the best picture lies above the mean, and whether it is right."""
    cosines = images.encode_texts(list(queries)) @ pool[1].T  # (queries, pictures)
    best = cosines.argmax(axis=1)
    high = (cosines.max(axis=1) - cosines.mean(axis=1)) / cosines.std(axis=1)
    right = [float(pool[0][int(b)] == q) for b, q in zip(best, queries, strict=True)]
    return np.column_stack([high, right])


def logistic(values: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Slope and bias by Newton's method, with next to no regularisation."""
    table, weights = np.column_stack([values, np.ones(len(values))]), np.zeros(2)
    for _ in range(40):
        sure = 1 / (1 + np.exp(-table @ weights))
        hessian = table.T @ (table * (sure * (1 - sure))[:, None]) + 1e-6 * np.eye(2)
        weights += np.linalg.solve(hessian, table.T @ (truth - sure))
    return float(weights[0]), float(weights[1])


def recalls(asked: Sequence[Asked], weights: Sequence[float]) -> Mapping[int, float]:
    """The share of queries with a right picture among the first 1, 5 and 10."""
    firsts = []
    for one in asked:
        used = [(r, w) for r, w in zip(one.rankings, weights, strict=True) if w]
        scores = reciprocal_ranks([[str(i) for i in r] for r, _ in used], [w for _, w in used])
        order = sorted(scores, key=lambda i: (-scores[i], int(i)))
        firsts.append(next((n for n, i in enumerate(order) if int(i) in one.right), len(order) + POOL))
    return {k: float(np.mean([f < k for f in firsts])) for k in (1, 5, 10)}


def _rankings(library: Library, query: str, sentence: Encoder, images: Encoder) -> tuple[list[int], ...]:
    near = [library.by_vector(e.name, e.encode_texts([query])[0], POOL) for e in (sentence, images)]
    return library.by_words(query, POOL), *([i for i, _ in found] for found in near)


def _on_white(drawn: np.ndarray) -> Image.Image:
    image = Image.fromarray(np.asarray(drawn), "RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


if __name__ == "__main__":
    main()
