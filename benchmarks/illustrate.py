"""Where pictures go and which ones, measured on articles that people illustrated.

    python -m benchmarks.illustrate --data DIR --split NAME [--json] [--encoder FOLDER] [--fit] [--write] [--segn N]

DIR holds NAME.jsonl (`{id, title, blocks, figures: [{after, alt, image}]}`, a post a line) and images/. Posts that the
shipped weights were learned on are scored by cross-validation, one left out at a time, all others with the shipped weights.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):  # run as a file
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import illustrate_judge as judged
from benchmarks import illustrate_methods as ways
from benchmarks import illustrate_nested as nested
from benchmarks import illustrate_report as report
from benchmarks import illustrate_score as score
from benchmarks import illustrate_segn as segn
from benchmarks.illustrate_data import read_posts
from benchmarks.illustrate_fit import as_toml
from benchmarks.illustrate_methods import Bench
from benchmarks.illustrate_metrics import Tally
from benchmarks.illustrate_pixels import by_pixels
from composer.engines import Engines
from composer.placement.scorer import Weights
from composer.prompts import TEMPLATES
from composer.settings import load_settings
from retrieval.encoder import OpenClipEncoder, SentenceEncoder
from retrieval.home import home
from retrieval.lettering import LetterReader

ROOT = Path(__file__).resolve().parent.parent
SEEDS = 20  # of the random baseline


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the posts")
    parser.add_argument("--split", default="dev", metavar="NAME", help="which file of it (default dev)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON instead of tables")
    parser.add_argument(
        "--encoder",
        type=Path,
        metavar="FOLDER",
        help="an open_clip model for pictures without words (default none, as the starter preset)",
    )
    parser.add_argument("--fit", action="store_true", help="learn the weights from all posts and write them")
    parser.add_argument("--write", action="store_true", help="write the page of results and the plot")
    parser.add_argument(
        "--segn", type=int, default=0, metavar="N", help="XComposer's way on the N shortest posts (slow)"
    )
    parser.add_argument(
        "--judge", type=int, default=0, metavar="N", help="the model's opinion, N shortest posts (slow)"
    )
    parser.add_argument("--nested", action="store_true", help="numbers chosen by hand, chosen anew for each post")
    options = parser.parse_args(arguments)
    sentence = SentenceEncoder(home() / "models" / "minilm")
    posts = read_posts(options.data, options.split)
    sentence.encode_texts(["-"])  # loading the model is no article's time
    begin = time.monotonic()
    bench = ways.measure(posts, sentence)
    measured_in = time.monotonic() - begin
    if options.fit:
        path = TEMPLATES / "placement.toml"
        made = ways.learned(bench, range(len(posts)))
        path.write_text(as_toml(made, path.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"{path.name}: learned on {len(posts)} posts")
        return
    if options.nested:
        print(nested.compare(bench))
        return
    if options.segn or options.judge:
        text, given = Engines(load_settings()).text, ways.weights_for(bench)
        if options.segn:
            print(segn.compare(bench, given, text, options.segn))
        if options.judge:
            print(judged.compare(bench, given, text, options.judge))
        return
    encoder = OpenClipEncoder(str(options.encoder)) if options.encoder else None
    reader = LetterReader(home() / "models" / "letters")
    if not reader.installed:
        sys.stderr.write("warning: words in pictures are not read. Run: python -m composer models pull letters\n")
    given = ways.weights_for(bench)
    pixels = by_pixels(bench, options.data / "images", given, encoder, reader if reader.installed else None)
    results = evaluate(bench, given, pixels, measured_in)
    if options.json:
        print(json.dumps(summary(results)))
        return
    print(report.tables(results))
    if options.write:
        report.write(ROOT, bench, results)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Every tally of a run."""

    given: list[Weights]
    placed: dict[str, Tally]
    free: Tally
    with_pool: tuple[Tally, Tally]
    chosen: dict[str, Tally]
    articles: dict[str, Tally]
    pixels: tuple[Tally, Tally] | None  # one query at a time, and with one assignment over the post
    seconds: float  # an article: measuring it and the pool once, placing and choosing


def evaluate(bench: Bench, given: list[Weights], pixels: tuple[Tally, Tally] | None, measured_in: float) -> Results:
    """All methods on a measured split; `measured_in` is how many seconds that took."""
    begin = time.monotonic()
    ours = ways.chosen_by_us(bench, given)
    layouts = [score.our_layout(bench, n, given[n]) for n in range(len(bench.posts))]
    seconds = (measured_in + time.monotonic() - begin) / max(1, len(bench.posts))
    before = [ways.text_before(bench, e) for e in bench.pool]
    around = ways.by_cosine(bench, [ways.around(bench, e) for e in bench.pool])
    counts = [len(p.gaps) for p in bench.posts]
    return Results(
        given=given,
        placed={
            "ours": score.placed(bench, lambda n, count: ways.ours(bench, n, given[n], count)),
            "even spacing": score.placed(bench, lambda n, count: ways.even(bench, n, count)),
            "random": _random(bench),
            "after headings": score.placed(bench, lambda n, count: ways.after_headings(bench, n, count)),
        },
        free=score.placed_freely(bench, given),
        with_pool=score.placed_with_pool(bench, given),
        chosen={
            "ours": score.assigned(bench, ours),
            "ours, one query at a time": score.chosen(bench, ours),
            "first 53 characters before": score.chosen(bench, ways.by_cosine(bench, [q[: ways.CUT] for q in before])),
            "block before": score.chosen(bench, ways.by_cosine(bench, before)),
            "blocks before and after": score.chosen(bench, around),
        },
        articles={
            "ours": score.article_scores(bench, layouts),
            "even spacing, block before": score.article_scores(
                bench, [score.plain_layout(bench, n, ways.even(bench, n, c)) for n, c in enumerate(counts)]
            ),
            "even spacing, 53 characters": score.article_scores(
                bench,
                [score.plain_layout(bench, n, ways.even(bench, n, c), cut=ways.CUT) for n, c in enumerate(counts)],
            ),
        },
        pixels=pixels,
        seconds=seconds,
    )


def summary(results: Results) -> dict[str, object]:
    """What `--json` prints."""

    def f1(tally: Tally, which: str) -> float:
        return round(tally.ratio(which, "both"), 4)

    def choice(tally: Tally) -> dict[str, float]:
        names = {"r1": "r1", "r4": "r4", "mrr": "mrr", "within_post_r1": "within"}
        return {name: round(tally.ratio(count, "all"), 4) for name, count in names.items()}

    baselines = {
        name: {"placement_f1_0": f1(t, "exact"), "placement_f1_1": f1(t, "near")} for name, t in results.placed.items()
    }
    known, both = results.with_pool
    extra = {
        "ours, pictures known": {
            "placement_f1_0": f1(known, "exact"),
            "placement_f1_1": f1(known, "near"),
            "picture_in_place_1": round(both.ratio("right", "all"), 4),
        }
    }
    ours = baselines.pop("ours")
    choices = {name: choice(tally) for name, tally in results.chosen.items()}
    if results.pixels is not None:
        alone, together = results.pixels
        choices |= {"pixels only, one query at a time": choice(alone), "pixels only": choice(together)}
    return {
        **ours,
        "placement_free_f1_1": f1(results.free, "near"),
        "count_error": round(results.free.ratio("off", "one"), 4),
        **choices.pop("ours"),
        "pixels_r1": None if results.pixels is None else round(results.pixels[1].ratio("r1", "all"), 4),
        "duplicates": int(sum(p["doubles"] for p in results.articles["ours"].posts)),
        "seconds_per_article": round(results.seconds, 2),
        "baselines": {**baselines, **extra, **choices},
    }


def _random(bench: Bench) -> Tally:
    """The mean of many random placements."""
    tally = Tally()
    for seed in range(SEEDS):
        for counts in score.placed(bench, lambda n, c, s=seed: ways.at_random(bench, n, c, s)).posts:  # type: ignore[misc]
            tally.add(**counts)
    merged = Tally()
    for n in range(len(bench.posts)):
        some = tally.posts[n :: len(bench.posts)]
        merged.add(**{key: sum(c[key] for c in some) / SEEDS for key in some[0]})
    return merged


if __name__ == "__main__":
    main()
