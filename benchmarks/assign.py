"""Pictures for a whole article at once, against taking the first of each slot and against XComposer's rule.

    python -m benchmarks.assign [--write]

Articles are put together from the queries of retrieval_queries.toml: three of near meaning, each asked for three times in
other words, since sections of an article ask for the same thing again. The candidates are what the library's search finds.
XComposer's rule (arXiv 2401.16420, its released code): the caption cut to 53 characters, the first four found, and slot by
slot the best of them that is not used yet; which one is best a vision model says there, here their order.
"""

import argparse
import os
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.retrieval import Query, fits
from composer.styling import look_vectors, seen_at
from retrieval.assign import Wishes, Worth, alike, assign
from retrieval.encoder import SentenceEncoder
from retrieval.fuse import distinct, same_picture
from retrieval.home import home
from retrieval.library import Library
from retrieval.picture import Candidate, Digest
from retrieval.source import LibrarySource

HERE = Path(__file__).parent
SUBJECTS, CANDIDATES, SHORT, FIRST = 3, 8, 53, 4
WORDINGS = ("{}", "close view of {}", "{}, seen from the side")
THRESHOLD = 0.5
SIZES = ((8, 8), (20, 50))  # slots and candidates that are timed


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot of a made-up article: what answers it, and what is found for the query and for the query cut short."""

    answer: str
    found: list[Candidate]
    cut: list[Candidate]


Way = Callable[[Sequence[Slot], Wishes], list[Candidate | None]]


def main() -> None:
    """Measure, print, and with --write keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/assign.md")
    options = parser.parse_args()
    library = Library(home() / "library.sqlite")
    sentence = SentenceEncoder(home() / "models" / "minilm")
    queries: list[Query] = [(t, a) for t, a in tomllib.loads((HERE / "retrieval_queries.toml").read_text())["answered"]]
    articles = articles_of(LibrarySource(library, sentence=sentence), sentence, queries)
    looks = looks_of(library, articles)
    lines = [
        "# Pictures for a whole article at once",
        "",
        f"`python -m benchmarks.assign --write`, {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores; {len(articles)} articles",
        f"of {SUBJECTS * len(WORDINGS)} slots, {CANDIDATES} candidates a slot. Right: of the filled slots. Twice: slots whose",
        "picture, or a version of it, stands in an earlier slot. Alike: mean likeness of an article's pictures, 0 to 1.",
        "",
        "| | right | filled | twice | alike |",
        "|---|---|---|---|---|",
    ]
    for name, way in (
        ("first of each slot", top_one),
        ("XComposer's rule", xcomposer),
        ("assignment without likeness", assigned(Worth(coherence=0))),
        ("assignment", assigned(Worth())),
        ("assignment, likeness counts four times", assigned(Worth(coherence=2))),
    ):
        wishes = Wishes(min_relevance=THRESHOLD, looks=looks)
        lines.append(f"| {name} | {' | '.join(row(articles, way, wishes))} |")
    lines += ["", *timing(articles, looks)]
    print("\n".join(lines))
    if options.write:
        (HERE / "results" / "assign.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def articles_of(source: LibrarySource, sentence: SentenceEncoder, queries: Sequence[Query]) -> list[list[Slot]]:
    """An article for every other query: itself and those nearest in meaning, in three wordings."""
    vectors = sentence.encode_texts([text for text, _ in queries])
    slots = [[slot_of(source, wording.format(text), answer) for wording in WORDINGS] for text, answer in queries]
    near = np.argsort(-(vectors @ vectors.T), axis=1, kind="stable")[:, :SUBJECTS]
    return [[slots[int(i)][w] for w in range(len(WORDINGS)) for i in near[n]] for n in range(0, len(queries), 2)]


def slot_of(source: LibrarySource, text: str, answer: str) -> Slot:
    """What is found for a query, whole and cut short."""
    return Slot(answer, distinct(source.find(text, 2 * CANDIDATES))[:CANDIDATES], source.find(text[:SHORT], FIRST))


def looks_of(library: Library, articles: Sequence[Sequence[Slot]]) -> dict[Digest, tuple[float, ...]]:
    """The look of every candidate in units of the features' spread."""
    digests = {c.picture.digest for slots in articles for s in slots for c in (*s.found, *s.cut)}
    return look_vectors({d: seen_at(path) for d in digests if (path := library.path_of(d))})


def top_one(slots: Sequence[Slot], wishes: Wishes) -> list[Candidate | None]:
    """The first of each slot, whatever stands elsewhere."""
    firsts = [s.found[0] if s.found else None for s in slots]
    return [c if c and c.relevance >= wishes.min_relevance else None for c in firsts]


def xcomposer(slots: Sequence[Slot], wishes: Wishes) -> list[Candidate | None]:
    """Slot by slot the first of four that is not used yet; every slot is filled."""
    used: set[Digest] = set()
    chosen = []
    for slot in slots:
        free = [c for c in slot.cut if c.picture.digest not in used]
        best = free[0] if free else None
        used |= {best.picture.digest} if best else set()
        chosen.append(best)
    return chosen


def assigned(worth: Worth) -> Way:
    """The program's way, with these weights."""

    def way(slots: Sequence[Slot], wishes: Wishes) -> list[Candidate | None]:
        choice = assign([s.found for s in slots], replace(wishes, worth=worth))
        return [None if i is None else s.found[i] for s, i in zip(slots, choice, strict=True)]

    return way


def row(articles: Sequence[Sequence[Slot]], way: Way, wishes: Wishes) -> list[str]:
    """What comes of a way over all articles."""
    right, filled, twice, likeness = [], 0, 0, []
    for slots in articles:
        chosen = way(slots, wishes)
        pairs = [(slot, c) for slot, c in zip(slots, chosen, strict=True) if c]
        right += [fits(c.picture, slot.answer) for slot, c in pairs]
        filled += len(pairs)
        shown = [c.picture for _, c in pairs]
        twice += sum(any(same_picture(p, q) for q in shown[:n]) for n, p in enumerate(shown))
        if len(shown) > 1:
            table = alike(shown, wishes)
            likeness.append((table.sum() - table.trace()) / (len(shown) * (len(shown) - 1)))
    count = sum(map(len, articles))
    shares = (np.mean(right), filled / count, twice / max(1, filled))
    return [*(f"{s:.1%}" for s in shares), f"{np.mean(likeness):.3f}"]


def timing(articles: Sequence[Sequence[Slot]], looks: dict[Digest, tuple[float, ...]]) -> list[str]:
    """How long one assignment takes."""
    lines = ["| slots x candidates | median | p95 |", "|---|---|---|"]
    every = [c for slots in articles for s in slots for c in s.found]
    for slots, candidates in SIZES:
        took = []
        for n in range(40):
            rng = np.random.default_rng(n)
            trays = [[every[int(i)] for i in rng.permutation(len(every))[:candidates]] for _ in range(slots)]
            trays = [list({c.picture.digest: c for c in tray}.values()) for tray in trays]
            begin = time.perf_counter()
            assign(trays, Wishes(min_relevance=THRESHOLD, looks=looks))
            took.append(1000 * (time.perf_counter() - begin))
        lines.append(f"| {slots} x {candidates} | {np.median(took):.1f} ms | {np.percentile(took, 95):.1f} ms |")
    return lines


if __name__ == "__main__":
    main()
