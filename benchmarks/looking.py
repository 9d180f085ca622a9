"""Whether looking at candidates helps the search: the small model that ships chooses among the first four in the packs.

    python -m benchmarks.looking [--model xcomposer2:starter] [--write]

The queries are those of `benchmarks.retrieval`: the odd ones are for choosing how much surer than the search's first the
model must be, the even ones for the numbers. The packs' pictures were trained on: this says what the model does in the
program, not what it knows of new concepts.
"""

import argparse
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.retrieval import fits
from composer.backends.load import Options, vision_model
from retrieval.encoder import SentenceEncoder
from retrieval.fuse import distinct
from retrieval.home import home
from retrieval.images import decode_rgb
from retrieval.library import Library
from retrieval.source import LibrarySource

HERE = Path(__file__).parent
MARGINS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0)


@dataclass(frozen=True, slots=True)
class Tried:
    """One query: which of the four are right, how likely the model finds each, and how long it looked."""

    right: tuple[bool, ...]
    chances: tuple[float, ...]
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", default="xcomposer2:starter", metavar="ENGINE", help="a model of the small kind")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/looking.md")
    options = parser.parse_args()
    table = tomllib.loads((HERE / "retrieval_queries.toml").read_text(encoding="utf-8"))
    library = Library(home() / "library.sqlite")
    source = LibrarySource(library, sentence=SentenceEncoder(home() / "models" / "minilm"), warn=print)
    model: Any = vision_model(options.model, Options())
    tried = [one for text, answer in table["answered"] if (one := look(model, source, library, text, answer))]
    lines = report(tried, options.model)
    print("\n".join(lines))
    if options.write:
        (HERE / "results" / "looking.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def look(model: Any, source: LibrarySource, library: Library, text: str, answer: str) -> Tried | None:  # noqa: ANN401
    """The first four of a query, looked at; None where fewer are found."""
    four = distinct(source.find(text, 12))[:4]
    if len(four) < 4:
        return None
    shown = [decode_rgb(source.read(c.picture.digest)) for c in four]
    begin = time.perf_counter()
    chances = model.chances(text, shown)
    return Tried(tuple(fits(c.picture, answer) for c in four), tuple(chances), time.perf_counter() - begin)


def share(tried: Sequence[Tried], margin: float) -> float:
    """How often the picture taken is right, where the first is left only for one so many times as likely."""
    return float(np.mean([one.right[taken(one, margin)] for one in tried]))


def taken(one: Tried, margin: float) -> int:
    best = int(np.argmax(one.chances))
    return best if one.chances[best] > margin * one.chances[0] else 0


def report(tried: Sequence[Tried], name: str) -> list[str]:
    """The table, and how it was made."""
    fitting, test = tried[::2], tried[1::2]
    mixed = [one for one in test if 0 < sum(one.right) < 4]
    rows: Mapping[str, Sequence[Tried]] = {
        f"fitting ({len(fitting)})": fitting,
        f"test ({len(test)})": test,
        f"test, right and wrong among the four ({len(mixed)})": mixed,
    }
    lines = [
        "# What looking adds to searching",
        "",
        f"`python -m benchmarks.looking --write`, {datetime.now(UTC):%Y-%m-%d}, {name}. The first four that the search finds",
        "in the packs for a query; how often the picture taken is right. Chance: any of the four. Margin: how many times as",
        "likely as the search's first a picture must be to be taken instead; 0 is the model's word alone.",
        "",
        "| queries | chance | the search's first | " + " | ".join(f"margin {m:g}" for m in MARGINS) + " |",
        "|---|" + "---:|" * (len(MARGINS) + 2),
    ]
    for row, some in rows.items():
        chance = float(np.mean([np.mean(one.right) for one in some]))
        first = float(np.mean([one.right[0] for one in some]))
        cells = [f"{v:.0%}" for v in (chance, first, *(share(some, m) for m in MARGINS))]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    spent = [one.seconds for one in tried[1:]]
    return [
        *lines,
        "",
        f"One look at four pictures: median {np.median(spent):.2f} s, p95 {np.percentile(spent, 95):.2f} s.",
    ]


if __name__ == "__main__":
    main()
