"""Whether a few references of one emoji style bring pictures of that style up in a real search, the concept kept.

    python -m benchmarks.style FOLDER [--write]

FOLDER holds the drawings that `python -m retrieval train` leaves (pixels.u8, drawings.jsonl). All labels that the four
styles share stand in a library with their labels and tags; each query is a label, its candidates are what the library's
search by words finds, and the card is made of pictures of other labels. Right concept: a picture of that very label.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from retrieval.library import Library
from retrieval.picture import Candidate, Picture
from retrieval.rows import Row
from retrieval.source import LibrarySource
from retrieval.style import rerank
from retrieval.style_card import Seen, StyleCard, card_of, closeness, see
from retrieval.training.pixels import rows_of

SOURCES = ("openmoji", "noto", "twemoji", "fluent")
QUERIES, CANDIDATES, CARDS = 200, 16, 4  # cards: sets of references that are tried for each style
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
Drawn = tuple[str, str]  # source and label


@dataclass(frozen=True, slots=True)
class Shown:
    """The four styles' pictures, and the search over them."""

    images: dict[Drawn, Image.Image]
    seen: dict[Drawn, Seen]
    labels: list[str]  # in random order; the last ones are the queries
    offers: dict[str, list[Candidate]]  # by query


def main() -> None:
    """Measure, print, and with --write keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/style.md")
    options = parser.parse_args()
    shown = shown_of(options.folder)
    lines = [
        "# Style cards: emoji in four styles",
        "",
        f"`python -m benchmarks.style FOLDER --write`, {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores;",
        f"{len(shown.labels)} labels in four styles, {QUERIES} queries, {CARDS} cards a style, no image encoder. The features'",
        "spread was taken from 12 other sources; no weight was fitted on these four, but that house colours help was seen on",
        "them. Share of the first 4 in the right style / of the right concept / the one picture that is both stands first.",
    ]
    for count in (1, 3, 5):
        lines += table(shown, count)
    print("\n".join(lines))
    if options.write:
        (Path(__file__).parent / "results" / "style.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def table(shown: Shown, count: int) -> list[str]:
    """For cards of so many references."""
    head = "| references from | " + " | ".join(f"strength {s}" for s in STRENGTHS) + " |"
    rows = []
    for source in SOURCES:
        cells = [measured(shown, source, count, strength) for strength in STRENGTHS]
        rows.append([source, *(f"{s:.0%} / {c:.0%} / {b:.0%}" for s, c, b in cells)])
    plural = "s" if count > 1 else ""
    title = ["", f"**{count} reference{plural}**", "", head, "|---" * (1 + len(STRENGTHS)) + "|"]
    return [*title, *(f"| {' | '.join(row)} |" for row in rows)]


def shown_of(folder: Path) -> Shown:
    """Pictures of the labels that all styles have, on white, and what the search offers for the queries."""
    pixels, drawings = rows_of(folder)
    row = {(d.source, d.label): n for n, d in enumerate(drawings) if d.source in SOURCES and not d.tinted}
    common = sorted(set.intersection(*({label for s, label in row if s == source} for source in SOURCES)))
    labels = [common[int(i)] for i in np.random.default_rng(0).permutation(len(common))]
    images, rows = {}, []
    for source in SOURCES:
        for label in labels:
            image = Image.fromarray(np.asarray(pixels[row[source, label]]), "RGBA")
            images[source, label] = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
            picture = Picture(
                digest=f"{source}|{label}",
                media_type="image/png",
                width=128,
                height=128,
                caption=label,
                keywords=drawings[row[source, label]].tags,
            )
            rows.append(Row(picture=picture, path=f"/{source}/{label}", origin=source))
    with TemporaryDirectory() as place:
        library = Library(Path(place) / "index.sqlite")
        library.add([rows[int(i)] for i in np.random.default_rng(1).permutation(len(rows))])
        source_ = LibrarySource(library)
        offers = {label: source_.find(label, CANDIDATES) for label in labels[-QUERIES:]}
        library.close()
    wanted = {tuple(c.picture.digest.split("|", 1)) for offer in offers.values() for c in offer}
    seen = {drawn: see(images[drawn]) for drawn in images if drawn in wanted}
    return Shown(images, seen, labels, offers)


def measured(shown: Shown, source: str, count: int, strength: float) -> tuple[float, float, float]:
    """Right style and right concept among the first 4, and how often the one picture that is both is the first."""
    sums = np.zeros(3)
    for number in range(CARDS):
        card = card_for(shown, source, shown.labels[number * count : (number + 1) * count])
        for label, offer in shown.offers.items():
            styled = [replace(c, style=2 * closeness(card, shown.seen[_drawn(c)]) - 1) for c in offer]
            first = [_drawn(c) for c in rerank(styled, strength)[:4]]
            right = np.mean([[name == label, kind == source] for kind, name in first], axis=0)
            sums += [right[1], right[0], float(first[0] == (source, label))]
    style, concept, both = sums / (CARDS * len(shown.offers))
    return float(style), float(concept), float(both)


def card_for(shown: Shown, source: str, labels: Sequence[str]) -> StyleCard:
    """The card of a style's pictures of these labels."""
    return card_of([see(shown.images[source, label]) for label in labels])


def _drawn(candidate: Candidate) -> Drawn:
    source, label = candidate.picture.digest.split("|", 1)
    return source, label


if __name__ == "__main__":
    main()
