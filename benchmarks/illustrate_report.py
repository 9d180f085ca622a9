"""The benchmark's page: tables with intervals, the ablation, ten examples drawn by seed, and a plot.

Knows how results are written down; counts nothing itself but the ablation's own runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import illustrate_methods as ways
from benchmarks import illustrate_score as score
from benchmarks.illustrate_methods import Bench
from benchmarks.illustrate_metrics import Tally
from composer.placement.features import FEATURES
from composer.placement.match import MEASURES
from composer.placement.optimum import Spacing, best_gaps
from composer.placement.scorer import Weights

if TYPE_CHECKING:
    from benchmarks.illustrate import Results

EXAMPLES, EXAMPLE_SEED = 10, 7


def tables(results: Results) -> str:
    """All tables as Markdown."""
    parts = [
        _table(
            "Placement, number given",
            ["F1 exact", "F1 within 1 block"],
            {
                **{n: [_s(t, "exact", "both"), _s(t, "near", "both")] for n, t in results.placed.items()},
                "ours, the pictures known": [
                    _s(results.with_pool[0], "exact", "both"),
                    _s(results.with_pool[0], "near", "both"),
                ],
            },
        ),
        _table(
            "Placement, number free (within 1 block)",
            ["precision", "recall", "F1", "count error", "missed a post", "needless a post"],
            {
                "ours": [
                    _s(results.free, "met", "placed"),
                    _s(results.free, "met", "wanted"),
                    _s(results.free, "near", "both"),
                    _s(results.free, "off", "one"),
                    _s(results.free, "missed", "one"),
                    _s(results.free, "needless", "one"),
                ]
            },
        ),
        _table(
            "Choice at the true gaps, captions known", ["R@1", "R@4", "MRR", "R@1 within the post"], _choices(results)
        ),
        _table(
            "Whole articles, number given, pool of the whole split",
            ["edit score", "Kendall", "alignment", "doubles"],
            {
                n: [
                    *(_s(t, k, "one") for k in ("edit", "kendall", "alignment")),
                    f"{sum(p['doubles'] for p in t.posts):.0f}",
                ]
                for n, t in results.articles.items()
            },
        ),
    ]
    right = score.scored(results.with_pool[1], "right", "all")
    parts.append(
        f"With the article's own pictures known, the right picture stands within one block of where the person put it: {right}."
    )
    parts.append(f"Seconds an article on this machine: {results.seconds:.1f}.")
    return "\n\n".join(parts)


def write(root: Path, bench: Bench, results: Results) -> None:
    """`benchmarks/results/illustrate.md` and `docs/images/quality.svg` under a root."""
    page = [
        "# Placement and choice, measured on what people did",
        f"{len(bench.posts)} posts, {sum(len(p.figures) for p in bench.posts)} figures, a pool of {len(bench.pool)} with "
        "captions. In brackets the 95 % interval by bootstrap over posts. `python -m benchmarks.illustrate --data DIR` "
        "prints these tables; weights never saw the post they are scored on (one post left out at a time).",
        tables(results),
        ablation(bench),
        examples(bench, results.given),
    ]
    (root / "benchmarks" / "results" / "illustrate.md").write_text("\n\n".join(page) + "\n", encoding="utf-8")
    (root / "docs" / "images" / "quality.svg").write_text(plot(results), encoding="utf-8")


def ablation(bench: Bench) -> str:
    """What each part is worth: the same cross-validation without it."""
    names = list(FEATURES)
    placing: dict[str, Sequence[str]] = {"all": names}
    placing |= {f"without {n}": [x for x in names if x != n] for n in names}
    placing["the text's form only, no words"] = ["heading", "not_prose", "length", "links", "edge"]
    rows = {label: _placing(bench, used) for label, used in placing.items()}
    rows["all, no spacing cost"] = _placing(bench, names, Spacing(cost=0.0, ends=0.0))
    kinds = list(MEASURES)
    vectors = kinds[:3]
    choosing: dict[str, Sequence[str]] = {"all": kinds}
    choosing |= {f"without {n}": [x for x in kinds if x != n] for n in kinds}
    choosing |= {"sentence vectors only": vectors, "words only": [x for x in kinds if x not in vectors]}
    return "\n\n".join(
        [
            "## Ablation",
            "One post left out at a time, as above. The intervals above are wide: differences below 0.03 say little.",
            _table("Placement, number given", ["F1 exact", "F1 within 1 block"], rows),
            _table(
                "Choice, one query at a time",
                ["R@1", "R@4", "MRR", "R@1 within the post"],
                {label: _choosing(bench, used) for label, used in choosing.items()},
            ),
        ]
    )


def examples(bench: Bench, given: Sequence[Weights]) -> str:
    """Ten figures of people's, drawn by seed: where we put the nearest picture, and which we chose there."""
    picked = np.random.default_rng(EXAMPLE_SEED).choice(len(bench.pool), min(EXAMPLES, len(bench.pool)), replace=False)
    scores = ways.chosen_by_us(bench, given)
    lines = ["## Ten examples, drawn by seed", "Not picked: `numpy.random.default_rng(7)` drew them."]
    for number, i in enumerate(sorted(int(n) for n in picked), start=1):
        entry = bench.pool[i]
        post = bench.posts[entry.post]
        placed = ways.ours(bench, entry.post, given[entry.post], len(post.gaps))
        nearest = min(placed, key=lambda g: abs(g - entry.gap))
        choice = bench.pool[int(scores[i].argmax())]
        verdict = "right" if choice.image == entry.image else f"“{_cut(choice.caption, 90)}”"
        lines.append(
            f"{number}. **{post.title}.** The person's picture: “{_cut(entry.caption, 110)}”, behind “{_behind(bench, entry)}” "
            f"(gap {entry.gap} of {len(post.blocks)}). Our nearest place: gap {nearest} "
            f"({'the same' if nearest == entry.gap else f'{abs(nearest - entry.gap)} blocks away'}). "
            f"Our choice at the person's place: {verdict}."
        )
    return "\n".join([lines[0], "", lines[1], "", *lines[2:]])


def plot(results: Results) -> str:
    """Bars with intervals as a drawing: placement on the left, choice on the right."""
    left = {n: score.scored(t, "near", "both") for n, t in results.placed.items()}
    left["ours, pictures known"] = score.scored(results.with_pool[0], "near", "both")
    right = {n: score.scored(t, "r1", "all") for n, t in results.chosen.items()}
    body = _bars("Placement: F1 within one block", left, 20) + _bars("Choice: R@1 over the pool", right, 440)
    height = 70 + 34 * max(len(left), len(right))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 {height}" font-family="sans-serif" font-size="12">'
        f'<rect width="860" height="{height}" fill="#fff"/>{body}</svg>\n'
    )


def _bars(title: str, values: dict[str, score.Score], x: int) -> str:
    parts = [f'<text x="{x}" y="24" font-size="14" font-weight="bold">{escape(title)}</text>']
    for n, (name, value) in enumerate(sorted(values.items(), key=lambda item: -item[1].value)):
        y, zero, scale = 44 + 34 * n, x + 170, 200
        colour = "#2a6f97" if name.startswith("ours") else "#b8c4cc"
        parts.append(f'<text x="{x}" y="{y + 14}">{escape(name)}</text>')
        parts.append(f'<rect x="{zero}" y="{y}" width="{value.value * scale:.0f}" height="20" fill="{colour}"/>')
        low, high = zero + value.low * scale, zero + value.high * scale
        parts.append(f'<line x1="{low:.0f}" x2="{high:.0f}" y1="{y + 10}" y2="{y + 10}" stroke="#222"/>')
        parts.append(f'<text x="{high + 6:.0f}" y="{y + 14}">{value.value:.2f}</text>')
    return "".join(parts)


def _placing(bench: Bench, used: Sequence[str], spacing: Spacing | None = None) -> list[str]:
    tally = _placed(bench, ways.weights_for(bench, used, ["rare_near"], refit=True), spacing)
    return [f"{tally.ratio(count, 'both'):.3f}" for count in ("exact", "near")]


def _placed(bench: Bench, given: Sequence[Weights], spacing: Spacing | None) -> Tally:
    def place(post: int, count: int) -> list[int]:
        chance = given[post].chances(bench.features[post])
        return best_gaps(np.log(chance), count, spacing or given[post].spacing)

    return score.placed(bench, place)


def _choosing(bench: Bench, used: Sequence[str]) -> list[str]:
    tally = score.chosen(bench, ways.chosen_by_us(bench, ways.weights_for(bench, ["edge"], used, refit=True)))
    return [f"{tally.ratio(count, 'all'):.3f}" for count in ("r1", "r4", "mrr", "within")]


def _choices(results: Results) -> dict[str, list[str]]:
    rows = {n: [_s(t, k, "all") for k in ("r1", "r4", "mrr", "within")] for n, t in results.chosen.items()}
    if results.pixels is not None:
        for name, tally in zip(("pixels only, one query at a time", "pixels only"), results.pixels, strict=True):
            rows[name] = [_s(tally, k, "all") for k in ("r1", "r4", "mrr", "within")]
        rows["chance"] = _chance(results.pixels[0])
    return rows


def _chance(tally: Tally) -> list[str]:
    """What blind choice gives: of each post's pictures one is right on average, with its interval over posts."""
    return ["", "", "", str(score.scored(tally, "chance_within", "all"))]


def _s(tally: Tally, over: str, under: str) -> str:
    return str(score.scored(tally, over, under))


def _table(title: str, heads: Sequence[str], rows: dict[str, list[str]]) -> str:
    lines = [f"### {title}", "", f"| method | {' | '.join(heads)} |", "| --- " * (len(heads) + 1) + "|"]
    return "\n".join([*lines, *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items())])


def _behind(bench: Bench, entry: ways.Entry) -> str:
    text = bench.posts[entry.post].blocks[entry.gap - 1].plain if entry.gap else "(the beginning)"
    return ("… " if len(text) > 80 else "") + " ".join(text.split())[-80:]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length].rsplit(" ", 1)[0] + " …"
