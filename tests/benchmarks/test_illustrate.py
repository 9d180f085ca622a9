"""The benchmark's scores, by hand, and a whole run on posts of any kind."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import illustrate_methods as ways
from benchmarks import illustrate_nested as nested
from benchmarks import illustrate_score as score
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
from benchmarks.illustrate_pixels import by_pixels
from benchmarks.illustrate_report import tables
from benchmarks.illustrate_score import assigned
from composer.models import Prompt
from composer.placement.scorer import weights
from composer.prompts import TEMPLATES
from retrieval.lettering import LetterReader


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


def test_an_assignment_among_ties_is_chance(tmp_path: Path) -> None:
    figures = [{"after": n, "alt": f"Picture {n}", "image": f"{n}.png"} for n in range(4)]
    lines = [post(n, figures) for n in range(30)]
    (tmp_path / "held.jsonl").write_text("\n".join(lines), encoding="utf-8")
    bench = ways.measure(read_posts(tmp_path, "held"), None)
    blind = assigned(bench, [np.zeros(len(bench.pool))] * len(bench.pool))
    assert blind.ratio("within", "all") == pytest.approx(0.25, abs=0.05)
    assert blind.ratio("r1", "all") < 0.03
    knowing = assigned(bench, list(np.eye(len(bench.pool))))
    assert knowing.ratio("within", "all") == pytest.approx(1.0)
    assert knowing.ratio("r1", "all") == pytest.approx(1.0)


def test_a_tie_by_a_hair_is_a_tie(tmp_path: Path) -> None:
    figures = [{"after": n, "alt": f"Picture {n}", "image": f"{n}.png"} for n in range(4)]
    (tmp_path / "held.jsonl").write_text("\n".join(post(n, figures) for n in range(30)), encoding="utf-8")
    bench = ways.measure(read_posts(tmp_path, "held"), None)
    hair = assigned(bench, list(np.eye(len(bench.pool)) * 1e-7))  # an encoder's last digits
    assert hair.ratio("within", "all") == pytest.approx(0.25, abs=0.05)


def test_numbers_chosen_by_hand_are_chosen_anew_without_the_post_that_is_scored(tmp_path: Path) -> None:
    for train, held in (split := list(nested.folds(range(10)))):
        assert not set(train) & set(held)
    assert sorted(n for _, held in split for n in held) == list(range(10))
    figures: list[list[dict[str, object]]] = [
        [{"after": 2, "alt": "A mill grinds wheat", "image": f"{n}.png"}] if n % 3 else [] for n in range(9)
    ]
    lines = [post(n, some) for n, some in enumerate(figures)]
    (tmp_path / "held.jsonl").write_text("\n".join(lines), encoding="utf-8")
    bench = ways.measure(read_posts(tmp_path, "held"), None)
    by_hand, anew = nested.compare(bench).splitlines()[2:4]
    given = ways.weights_for(bench, refit=True)
    placed = score.placed(bench, lambda n, count: ways.ours(bench, n, given[n], count))
    chosen = score.assigned(bench, ways.chosen_by_us(bench, given))
    for told in (score.scored(placed, "near", "both"), score.scored(chosen, "within", "all")):
        assert str(told) in by_hand, "the same numbers give the same scores"
    assert anew.count("(") == 5


ODD = [
    {
        "id": "flat",
        "title": "Flat",
        "blocks": ["Ships.", "A mill.", "Music."],
        "figures": [{"after": 1, "image": "a.png"}],
    },
    {
        "id": "zh",
        "title": "西湖",
        "lang": "zh",
        "blocks": ["西湖很美，湖上有岛。", "岛的形状如下图：", "春天柳树发芽。"],
        "figures": [
            {"after": 1, "alt": "湖上的岛", "image": "b.png"},
            {"after": 99, "alt": "柳树", "image": "gone.png"},
        ],
    },
    {"id": "bare", "title": None, "blocks": ["One."], "figures": [{"after": -1, "alt": None, "image": "bad.png"}]},
    {"id": "empty", "title": "", "blocks": [], "figures": [{"after": -1, "alt": "Nothing", "image": "a.png"}]},
]


class Reading(LetterReader):
    """Reads one word in every picture it is shown."""

    def __init__(self, words: dict[tuple[int, int], str]) -> None:
        self.words, self.shown = words, 0

    def read(self, image: Image.Image) -> str:
        self.shown += 1
        return self.words.get(image.size, "")


def test_odd_posts_are_scored_with_what_they_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (20, 10)).save(tmp_path / "images" / "a.png")
    Image.new("RGB", (10, 20)).save(tmp_path / "images" / "b.png")
    (tmp_path / "images" / "bad.png").write_bytes(b"no picture")
    (tmp_path / "odd.jsonl").write_text("\n".join(map(json.dumps, ODD)), encoding="utf-8")
    bench = ways.measure(read_posts(tmp_path, "odd"), None)
    given = ways.weights_for(bench)
    reader = Reading({(20, 10): "mill", (10, 20): "湖上有岛"})
    pixels = by_pixels(bench, tmp_path / "images", given, None, reader)
    results = evaluate(bench, given, pixels, 0.0)
    assert [e.gap for e in bench.pool] == [2, 3, 0]
    assert reader.shown == 2
    said = capsys.readouterr().err
    assert "gone.png cannot be looked at" in said
    assert "bad.png cannot be looked at" in said
    line = summary(results)
    numbers = [v for v in line.values() if isinstance(v, float)]
    assert len(numbers) == 10
    assert all(0 <= n <= 3 for n in numbers)
    assert results.pixels is not None
    assert results.pixels[0].posts[1]["r1"] == 1  # the lake, over the pool of all five
    assert "| chance |" in tables(results)


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
