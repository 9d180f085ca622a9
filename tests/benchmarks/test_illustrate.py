"""The benchmark's scores, by hand, and a whole run on posts of any kind."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks import illustrate_methods as ways
from benchmarks.illustrate import evaluate, summary
from benchmarks.illustrate_data import read_posts
from benchmarks.illustrate_fit import as_toml, fit_gaps
from benchmarks.illustrate_judge import compare
from benchmarks.illustrate_metrics import (
    Tally,
    alignment_score,
    edit_score,
    hits,
    kendall_score,
    placement_counts,
    rank_of,
)
from benchmarks.illustrate_report import tables
from composer.models import Prompt
from composer.placement.scorer import weights
from composer.prompts import TEMPLATES


def test_hits_are_one_to_one() -> None:
    assert hits([3], [2, 4], 1) == 1
    assert hits([2, 3], [3], 1) == 1
    assert hits([1, 5, 9], [2, 5, 20], 1) == 2
    assert hits([1, 5, 9], [2, 5, 20], 0) == 1
    assert hits([], [1], 1) == 0


def test_f1_is_over_all_posts() -> None:
    tally = Tally()
    tally.add(**placement_counts([1, 5], [1]))
    tally.add(**placement_counts([], [7]))
    assert tally.ratio("exact", "both") == pytest.approx(2 * 1 / (2 + 1 + 0 + 1))
    assert tally.ratio("off", "one") == 1.0
    low, high = tally.interval(lambda t, chosen: t.ratio("near", "both", chosen))
    assert low == 0.0
    assert high == pytest.approx(2 / 3)


def test_ties_are_no_hits() -> None:
    assert rank_of(np.array([1.0, 2.0, 3.0]), 2) == 0
    assert rank_of(np.zeros(5), 0) == 2


def test_scores_of_whole_articles() -> None:
    assert edit_score(["a", "b"], ["a", "c", "b"]) == pytest.approx(2 / 3)
    assert edit_score([], []) == 1.0
    assert kendall_score(["a", "b", "c"], ["a", "b", "c"]) == 1.0
    assert kendall_score(["b", "a", "c"], ["a", "b", "c"]) == pytest.approx(2 / 3)
    assert kendall_score(["a", "x", "y"], ["a", "b"]) == 0.0
    assert kendall_score(["a"], ["b", "a"]) == 0.5
    assert alignment_score([1.0, 0.85, 0.1]) == pytest.approx(0.5)
    assert alignment_score([]) == 0.0


def test_a_regression_finds_the_feature_that_tells() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    found, _ = fit_gaps([x], [(x[:, 1] > 0.5).astype(float)])
    assert found[1] > 1 > abs(found[0])


def test_the_data_file_is_written_as_it_is_read() -> None:
    old = (TEMPLATES / "placement.toml").read_text(encoding="utf-8")
    assert as_toml(weights(), old) == old


def post(number: int, figures: list[dict[str, object]]) -> str:
    blocks = [f"The harbour of town {number} has ships.", "A mill grinds wheat.", "It looks like this:", "Music plays."]
    return json.dumps({"id": f"p{number}", "title": "T", "lang": "en", "blocks": blocks, "figures": figures})


def test_posts_of_any_kind_are_scored(tmp_path: Path) -> None:
    lines = [
        post(1, [{"after": 0, "alt": "Ships", "image": "a.png"}, {"after": 1, "alt": "A mill", "image": "b.png"}]),
        post(2, []),
        post(3, [{"after": -1, "alt": "", "image": "c.png"}, {"after": 3, "alt": None, "image": "d.png"}]),
    ]
    (tmp_path / "held.jsonl").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    bench = ways.measure(read_posts(tmp_path, "held"), None)
    results = evaluate(bench, ways.weights_for(bench), None, 0.0)
    line = summary(results)
    assert list(line) == [
        *(
            "placement_f1_0",
            "placement_f1_1",
            "placement_free_f1_1",
            "count_error",
            "r1",
            "r4",
            "mrr",
            "within_post_r1",
        ),
        *("pixels_r1", "duplicates", "seconds_per_article", "baselines"),
    ]
    assert line["r1"] == 1.0
    assert "| ours |" in tables(results)


class Knowing:
    """A model that knows the person's place, or one that never does."""

    name = "knowing"

    def __init__(self, *, right: bool) -> None:
        self.right = right

    def choose(self, prompt: Prompt, options: Sequence[str]) -> Sequence[float]:
        at = 3 if self.right else 1  # behind "It looks like this:", the third block
        return [0.9 if int(o) == at else 0.1 / (len(options) - 1) for o in options]

    def stream(self, *_: object, **__: object) -> Iterator[str]:
        raise AssertionError("asked for shares alone")


def test_a_judge_that_knows_ranks_every_true_gap_first(tmp_path: Path) -> None:
    line = post(1, [{"after": 2, "alt": "A mill", "image": "a.png"}])
    (tmp_path / "held.jsonl").write_text(line + "\n", encoding="utf-8")
    bench = ways.measure(read_posts(tmp_path, "held"), None)
    given = ways.weights_for(bench)
    for right, pairs in ((True, "1.000"), (False, "0.250")):
        table = compare(bench, given, Knowing(right=right), 5)  # type: ignore[arg-type]
        assert table.splitlines()[-1].endswith(f"| {pairs} |")
        assert "log-probabilities" in table
