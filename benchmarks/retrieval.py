"""How well pictures are found in the packs by their captions, how sure the threshold is, how fast, how well style works.

    python -m benchmarks.retrieval [--fit] [--write]

Queries with and without an answer are in retrieval_queries.toml; the odd ones are for fitting (`--fit` prints weights
for retrieval/relevance.py), the even ones for the numbers. Needs the packs and MiniLM: python -m retrieval packs install
"""

import argparse
import os
import platform
import re
import time
import tomllib
from collections.abc import Sequence
from dataclasses import astuple, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.encoder import SentenceEncoder
from retrieval.fuse import distinct
from retrieval.home import home
from retrieval.images import decode_rgb
from retrieval.library import Library
from retrieval.picture import Picture
from retrieval.source import LibrarySource
from retrieval.style import distance, rerank, style_of
from retrieval.style_card import card_of, closeness, see

HERE = Path(__file__).parent
Query = tuple[str, str]  # text, regular expression of an answer
THRESHOLD = 0.5
NOTES = (
    "## Read with care",
    "",
    "The queries were written by the author of the program before the packs were searched for them, and a picture counts as",
    "right when a regular expression fits its caption or keywords, not when a person looked at it. The weights of the",
    "evidence and the threshold come from the odd queries; that a sentence encoder reads captions without keywords was",
    "chosen on all of them. 35 and 18 queries make a step of 3 and 6 percent: differences below 10 percent mean little.",
    "Some that have no answer in the packs are filled with something near (a bar chart for a chart of unemployment).",
)


def main() -> None:
    """Measure, print, and with --write keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--fit", action="store_true", help="fit the weights of retrieval/relevance.py on the odd queries"
    )
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/retrieval.md")
    options = parser.parse_args()
    table = tomllib.loads((HERE / "retrieval_queries.toml").read_text(encoding="utf-8"))
    answered = [(text, answer) for text, answer in table["answered"]]
    library = Library(home() / "library.sqlite")
    sentence = SentenceEncoder(home() / "models" / "minilm")
    source = LibrarySource(library, sentence=sentence, warn=print)
    source.find("warm up", 4)
    if options.fit:
        fit(source, answered[::2], table["none"][::2])
        return
    lines = [*head(library), "", *quality(library, sentence, answered[1::2], table["other_languages"])]
    lines += [
        "",
        *decisions(source, answered, table["none"], table["other_languages"]),
        "",
        *speed(source, [q for q, _ in answered]),
    ]
    lines += ["", *style(source, library, answered), *look_alikes(library), "", *NOTES]
    print("\n".join(lines))
    if options.write:
        (HERE / "results" / "retrieval.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def head(library: Library) -> list[str]:
    """What was measured where and when."""
    origins = ", ".join(f"{name} {count}" for name, count in library.origins().items())
    return [
        "# Finding pictures in the packs",
        "",
        f"`python -m benchmarks.retrieval --write`, {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores "
        f"{platform.machine()}, Python {platform.python_version()}; library: {origins}; all-MiniLM-L6-v2.",
    ]


def fits(picture: Picture, answer: str) -> bool:
    """Whether a picture's caption or keywords are an answer."""
    return re.search(answer, " ; ".join((picture.caption, *picture.keywords)), re.IGNORECASE) is not None


def quality(
    library: Library, sentence: SentenceEncoder, queries: Sequence[Query], others: dict[str, list[Query]]
) -> list[str]:
    """Right pictures among the first, by channel."""
    lines = [f"## Right picture first, among the first 4 ({len(queries)} test queries)", ""]
    lines += ["| found by | right first | right in 4 | share right of 4 |", "|---|---|---|---|"]
    by_words = [library.by_words(text, 4) for text, _ in queries]
    by_meaning = [_nearest(library, sentence, text) for text, _ in queries]
    for name, found in (("bm25 alone, in its own order", by_words), ("sentence vectors alone", by_meaning)):
        right = [
            [fits(library.pictures([i])[i][0], a) for i in ids] for ids, (_, a) in zip(found, queries, strict=True)
        ]
        lines.append(f"| {name} | {_shares(right)} |")
    for name, encoder in (("words and evidence, no MiniLM", None), ("words, meaning and evidence", sentence)):
        lines.append(f"| {name} | {_hits(LibrarySource(library, sentence=encoder), queries)} |")
    source = LibrarySource(library, sentence=sentence)
    for language, own in others.items():
        lines.append(f"| the same, {len(own)} queries in {language} | {_hits(source, own)} |")
    return lines


def _nearest(library: Library, sentence: SentenceEncoder, query: str) -> list[int]:
    return [i for i, _ in library.by_vector(sentence.name, sentence.encode_texts([query])[0], 4)]


def _hits(source: LibrarySource, queries: Sequence[Query]) -> str:
    return _shares([[fits(c.picture, answer) for c in distinct(source.find(text, 12))[:4]] for text, answer in queries])


def _shares(right: Sequence[Sequence[bool]]) -> str:
    first = sum(bool(r and r[0]) for r in right) / len(right)
    within = sum(any(r) for r in right) / len(right)
    share = sum(sum(r) for r in right) / max(1, sum(len(r) for r in right))
    return f"{first:.0%} | {within:.0%} | {share:.0%}"


def decisions(
    source: LibrarySource, answered: Sequence[Query], none: Sequence[str], others: dict[str, list[Query]]
) -> list[str]:
    """What happens to a slot when the best of the candidates at or above the threshold is taken."""
    lines = [f"## Slots at the threshold {THRESHOLD}", ""]
    lines += ["| queries | filled rightly | filled wrongly | left open |", "|---|---|---|---|"]
    for name, part in (("fitting", slice(0, None, 2)), ("test", slice(1, None, 2))):
        outcomes = [_outcome(source, text, answer) for text, answer in answered[part]]
        lines.append(_outcome_row(f"{name}, with an answer ({len(outcomes)})", outcomes))
        outcomes = [_outcome(source, text, "(?!)") for text in none[part]]
        lines.append(_outcome_row(f"{name}, without ({len(outcomes)})", outcomes))
    for language, own in others.items():
        outcomes = [_outcome(source, text, answer) for text, answer in own]
        lines.append(_outcome_row(f"in {language}, with an answer ({len(own)})", outcomes))
    return lines


def _outcome(source: LibrarySource, text: str, answer: str) -> str:
    sure = [c for c in distinct(source.find(text, 12)) if c.relevance >= THRESHOLD]
    if not sure:
        return "open"
    return "right" if fits(max(sure, key=lambda c: c.relevance).picture, answer) else "wrong"


def _outcome_row(name: str, outcomes: Sequence[str]) -> str:
    shares = [outcomes.count(kind) / len(outcomes) for kind in ("right", "wrong", "open")]
    return f"| {name} | " + " | ".join(f"{share:.0%}" for share in shares) + " |"


def speed(source: LibrarySource, queries: Sequence[str]) -> list[str]:
    """Of a search in a warm process."""
    times = []
    for query in queries:
        begin = time.perf_counter()
        source.find(query, 12)
        times.append(1000 * (time.perf_counter() - begin))
    return [
        "## Speed",
        "",
        f"One search in a warm process: median {np.median(times):.1f} ms, p95 {np.percentile(times, 95):.1f} ms.",
    ]


def style(source: LibrarySource, library: Library, queries: Sequence[Query]) -> list[str]:
    """Whether a reference picture of one pack brings that pack's pictures up, and what it costs in relevance."""
    lines = ["## Style: share of the first 4 from the reference's pack, and share right of 4", ""]
    lines += ["| reference from | without | strength 0.5 | strength 1 |", "|---|---|---|---|"]
    pools = [(answer, [c for c in distinct(source.find(text, 24)) if c.relevance > 0.2]) for text, answer in queries]
    seen = {c.picture.digest: see(_pixels(library, c.picture)) for _, pool in pools for c in pool}
    names = {"OpenMoji": "openmoji", "Openclipart": "openclipart", "Tux Paint stamps": "tuxpaint"}
    for title, origin in names.items():
        card = card_of([see(_pixels(library, p)) for p in _some(library, origin, 5)])
        cells = []
        for strength in (0.0, 0.5, 1.0):
            chosen = []
            for answer, pool in pools:
                weighed = [replace(c, style=2 * closeness(card, seen[c.picture.digest]) - 1) for c in pool]
                chosen.append((answer, rerank(weighed, strength)[:4]))
            own = [c.picture.attribution.source == title for _, four in chosen for c in four]
            right = [fits(c.picture, answer) for answer, four in chosen for c in four]
            cells.append(f"{np.mean(own):.0%}, {np.mean(right):.0%} right")
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines


def look_alikes(library: Library, count: int = 150) -> list[str]:
    """Of the pictures that look most like one, how many are of its pack, in a sample with as many of each pack."""
    origins = ("openmoji", "openclipart", "tuxpaint")
    sample = [(origin, style_of(_pixels(library, p))) for origin in origins for p in _some(library, origin, count)]
    shares: dict[str, list[float]] = {origin: [] for origin in origins}
    for number, (origin, look) in enumerate(sample):
        others = [(distance(look, other), name) for n, (name, other) in enumerate(sample) if n != number]
        nearest = sorted(others)[:10]
        shares[origin].append(sum(name == origin for _, name in nearest) / 10)
    found = ", ".join(f"{origin} {np.mean(values):.0%}" for origin, values in shares.items())
    return ["", f"Of the 10 pictures that look most like a reference, of its own pack: {found} (by chance 33%)."]


def _pixels(library: Library, picture: Picture) -> Image.Image:
    path = library.path_of(picture.digest)
    assert path is not None
    return decode_rgb(path.read_bytes(), px=256)


def _some(library: Library, origin: str, count: int) -> list[Picture]:
    """Pictures spread evenly over a pack."""
    paths = sorted(library.stamps(origin))
    ids = library.ids_at(paths[:: max(1, len(paths) // count)][:count])
    return [picture for picture, _ in library.pictures(ids).values()]


def fit(source: LibrarySource, answered: Sequence[Query], none: Sequence[str]) -> None:
    """Logistic regression of "is an answer" on the evidence; every query counts the same, right and wrong balanced."""
    queries = [*answered, *((q, "(?!)") for q in none)]
    groups = [[(*astuple(e), 1.0, fits(p, answer)) for p, e in source.evidence(text, 12)] for text, answer in queries]
    rows = np.array([row for group in groups for row in group], np.float64)  # (n, 6)
    for name, columns in (("BOTH", [0, 1, 2, 3, 4]), ("WORDS_ONLY", [1, 2, 3, 4])):
        weights = _logistic(rows[:, columns], rows[:, -1])
        shifts = np.arange(0, 4, 0.5)
        costs = [
            _cost(groups, columns, weights - shift * (np.arange(len(weights)) == len(weights) - 1)) for shift in shifts
        ]
        weights[-1] -= shifts[int(np.argmin(costs))]
        print(
            name,
            np.round(weights, 1).tolist(),
            f"from {len(rows)} pictures; costs by shift {np.round(costs, 2).tolist()}",
        )


def _cost(groups: Sequence[Sequence[tuple[float, ...]]], columns: Sequence[int], weights: NDArray[np.float64]) -> float:
    """Of filling every slot with its surest picture: 2 when it is wrong, 1 when a slot with an answer stays open."""
    total = 0.0
    for group in groups:
        rows = np.array(group, np.float64)
        sure = rows[:, columns] @ weights
        best = int(np.argmax(sure))
        total += (0 if rows[best, -1] else 2) if sure[best] >= 0 else float(rows[:, -1].any())
    return total / len(groups)


def _logistic(data: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Newton's method with a little ridge; both classes weigh the same."""
    balance = np.where(truth > 0, 0.5 / truth.mean(), 0.5 / (1 - truth.mean()))
    weights = np.zeros(data.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-data @ weights))
        gradient = data.T @ (balance * (truth - p)) - 0.1 * weights
        hessian = (data * (balance * p * (1 - p))[:, None]).T @ data + 0.1 * np.eye(len(weights))
        weights = weights + np.linalg.solve(hessian, gradient)
        weights[:-1] = np.maximum(weights[:-1], 0)  # no evidence speaks against a picture
    return weights


if __name__ == "__main__":
    main()
