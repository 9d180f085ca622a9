"""XComposer's way with the language model at hand: `<SegN>` lines, a title a slot, 53 characters of it as the query.

Slow on a CPU (the whole article is read for every post), so it is run on the shortest posts; ours is scored on the same.
"""

import re
import tomllib
from collections.abc import Sequence

from benchmarks import illustrate_methods as ways
from benchmarks import illustrate_score as score
from benchmarks.illustrate_methods import Bench
from benchmarks.illustrate_metrics import Tally, placement_counts
from composer.models import TextModel
from composer.placement.scorer import Weights
from composer.prompts import TEMPLATES, user

SEGMENT = re.compile(r"<?\s*seg\s*(\d{1,4})\s*>?", re.IGNORECASE)
LONGEST = 1500  # characters of a line


def compare(bench: Bench, given: Sequence[Weights], model: TextModel, count: int) -> str:
    """A table over the `count` shortest posts."""
    order = bench.shortest(count)
    placed = {"XComposer's way": Tally(), "ours": Tally(), "even spacing": Tally()}
    layouts = []
    for n in order:
        wanted = bench.posts[n].gaps
        gaps = place(model, [b.raw for b in bench.posts[n].blocks], len(wanted))
        placed["XComposer's way"].add(**placement_counts(gaps, wanted))
        placed["ours"].add(**placement_counts(ways.ours(bench, n, given[n], len(wanted)), wanted))
        placed["even spacing"].add(**placement_counts(ways.even(bench, n, len(wanted)), wanted))
        layouts.append(_chosen(bench, model, n, gaps))
    few = Bench([bench.posts[n] for n in order], bench.pool, bench.captions, [], [], bench.encoder)
    theirs = score.article_scores(few, layouts)
    mine = score.article_scores(few, [score.our_layout(bench, n, given[n]) for n in order])
    lines = [
        f"### XComposer's protocol with {model.name}, the {count} shortest posts",
        "",
        "| method | F1 exact | F1 within 1 block | placed | wanted | edit score | Kendall |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    whole = {"XComposer's way": theirs, "ours": mine}
    for name, tally in placed.items():
        cells = [str(score.scored(tally, "exact", "both")), str(score.scored(tally, "near", "both"))]
        cells += [f"{sum(p[k] for p in tally.posts):.0f}" for k in ("placed", "wanted")]
        cells += [str(score.scored(whole[name], k, "one")) if name in whole else "" for k in ("edit", "kendall")]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def place(model: TextModel, lines: Sequence[str], count: int) -> list[int]:
    """The gaps behind the lines that the model names."""
    request = _prompts()["place"].format(article=_numbered(lines), count=count)
    reply = "".join(model.stream((user(request),), max_tokens=12 * count + 12))
    named = [int(digits) for digits in SEGMENT.findall(reply)]
    return sorted({n + 1 for n in list(dict.fromkeys(n for n in named if n < len(lines)))[:count]})


def _chosen(bench: Bench, model: TextModel, post: int, gaps: Sequence[int]) -> score.Layout:
    """A title for each slot, cut, searched for, the best that is left: what it comes to where nobody looks at the four."""
    lines = [b.raw for b in bench.posts[post].blocks]
    taken: list[int] = []
    for gap in gaps:
        request = _prompts()["caption"].format(article=_numbered(lines[: gap + 1]), past="", slot=gap - 1)
        reply = "".join(model.stream((user(request),), max_tokens=24)).strip(" \"'\n")
        for row in ways.by_cosine(bench, [reply[: ways.CUT] or "-"]):
            taken.append(next(int(i) for i in (-row).argsort(kind="stable") if int(i) not in taken))
    return score.Layout(tuple(gaps), tuple(taken))


def _numbered(lines: Sequence[str]) -> str:
    return "".join(f"<Seg{n}> {' '.join(line.split())[:LONGEST]}\n" for n, line in enumerate(lines))


def _prompts() -> dict[str, str]:
    table: dict[str, str] = tomllib.loads((TEMPLATES / "xcomposer2" / "en.toml").read_text(encoding="utf-8"))
    return table
