"""What the language model's opinion on places is worth (`illustrate --judge`): pairs ranked rightly, and placement with it.

Slow on a CPU, so it is asked about the shortest posts; placement without it is scored on the same ones.
"""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks import illustrate_score as score
from benchmarks.illustrate_methods import Bench
from benchmarks.illustrate_metrics import Tally, placement_counts
from composer.models import TextModel
from composer.placement.judge import ChoosingModel, judge
from composer.placement.optimum import best_gaps
from composer.placement.scorer import Weights

SHARES = (0.0, 0.15, 0.3, 0.6, 1.0)  # of the judge beside the features; 0.3 is the program's


def compare(bench: Bench, given: Sequence[Weights], model: TextModel, count: int) -> str:
    """A table over the `count` shortest posts."""
    order = bench.shortest(count)
    began = time.monotonic()
    opinions = {n: judge(model, bench.posts[n].blocks, title=bench.posts[n].title, language="en") for n in order}
    seconds = (time.monotonic() - began) / max(1, len(order))
    odds = {n: _odds(given[n].chances(bench.features[n])) for n in order}
    truth = {n: bench.labels[n] for n in order}
    asked = "log-probabilities" if isinstance(model, ChoosingModel) else "one number under a schema"
    lines = [
        f"### The judgement of {model.name} ({asked}), the {len(order)} shortest posts, {seconds:.0f} s a post",
        "",
        "| share of the judge | F1 exact | F1 within 1 block | true gaps ranked above others |",
        "| --- | --- | --- | --- |",
    ]
    for share in SHARES:
        worth = {n: odds[n] + share * opinions[n] for n in order}
        lines.append(f"| {share:g} | {_f1(bench, given, worth)} | {_pairs(worth, truth)} |")
    return "\n".join([*lines, f"| the judge alone | {_f1(bench, given, opinions)} | {_pairs(opinions, truth)} |"])


def _f1(bench: Bench, given: Sequence[Weights], worth: dict[int, NDArray[np.float64]]) -> str:
    tally = Tally()
    for n, gain in worth.items():
        wanted = bench.posts[n].gaps
        chance = 1 / (1 + np.exp(-gain))
        tally.add(**placement_counts(best_gaps(np.log(chance), len(wanted), given[n].spacing), wanted))
    return f"{score.scored(tally, 'exact', 'both')} | {score.scored(tally, 'near', 'both')}"


def _pairs(worth: dict[int, NDArray[np.float64]], truth: dict[int, NDArray[np.float64]]) -> str:
    """The share of pairs of a true gap and another of the same post in which the true one is worth more; ties count half."""
    won = total = 0.0
    for n, values in worth.items():
        true, other = values[truth[n] > 0], values[truth[n] == 0]
        won += float((true[:, None] > other).sum() + 0.5 * (true[:, None] == other).sum())
        total += true.size * other.size
    return f"{won / total:.3f}" if total else ""


def _odds(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.log(chance / (1 - chance)))
