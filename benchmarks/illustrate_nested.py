"""What the numbers chosen by hand are worth (`illustrate --nested`): chosen anew for each post, on the other posts alone.

The benchmark's weights never saw the post they are scored on; the penalties of learning and the cost of crowding were
chosen by hand with all posts in view. Here they are chosen by cross-validation inside the posts that remain when one is
left out, so that no number saw it. The features and measures themselves stay as they are.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from benchmarks import illustrate_score as score
from benchmarks.illustrate_fit import GAP_PENALTY, MATCH_PENALTY, SPACING, fit_gaps, fit_matches
from benchmarks.illustrate_methods import Bench
from benchmarks.illustrate_metrics import Tally, placement_counts, rank_of
from composer.placement.optimum import Spacing, best_gaps

FOLDS = 6  # inside the posts that remain
GAP_PENALTIES = (5.0, GAP_PENALTY, 80.0)
COSTS = (0.0, 1.0, SPACING.cost, 4.0, 8.0)
ENDS = (0.0, SPACING.ends, 0.6, 1.0)
MATCH_PENALTIES = (1.0, MATCH_PENALTY, 10.0, 30.0)
Floats = NDArray[np.float64]
Layout = tuple[float, Spacing]  # penalty of learning; cost of crowding


def compare(bench: Bench) -> str:
    """A table: as chosen by hand, and as chosen without the post that is scored."""
    everyone = range(len(bench.posts))
    by_hand: Layout = (GAP_PENALTY, SPACING)
    layouts = [by_hand, *(x for x in _layouts() if x != by_hand)]  # the first of equals is taken
    chosen = [_best_layout(bench, [i for i in everyone if i != out], layouts) for out in everyone]
    penalties = [_best_penalty(bench, [i for i in everyone if i != out]) for out in everyone]
    hand = [by_hand] * len(chosen)
    pool_by_hand = [MATCH_PENALTY] * len(chosen)
    return "\n".join(
        [
            "| numbers chosen | F1 exact | F1 within 1 block | R@1 | R@4 | R@1 within the post |",
            "| --- | --- | --- | --- | --- | --- |",
            f"| by hand, with all posts in view | {_placed(bench, hand)} | {_chosen(bench, pool_by_hand)} |",
            f"| without the post that is scored | {_placed(bench, chosen)} | {_chosen(bench, penalties)} |",
            "",
            f"Chosen without the post: {_told(chosen)}; for choices {_told(penalties)}.",
        ]
    )


def _layouts() -> Iterator[Layout]:
    for penalty, cost, ends in product(GAP_PENALTIES, COSTS, ENDS):
        if cost or ends == ENDS[0]:  # nothing costs nothing at the ends, too
            yield penalty, Spacing(cost=cost, ends=ends)


def folds(posts: Sequence[int]) -> Iterator[tuple[list[int], list[int]]]:
    """(posts to learn from, posts to score), each post scored once."""
    for fold in range(FOLDS):
        scored = list(posts[fold::FOLDS])
        yield [i for i in posts if i not in scored], scored


def _best_layout(bench: Bench, posts: Sequence[int], layouts: Sequence[Layout]) -> Layout:
    hits = dict.fromkeys(layouts, 0.0)
    for train, held in folds(posts):
        for penalty in GAP_PENALTIES:
            gains = _gains(bench, train, penalty)
            some = [layout for layout in layouts if layout[0] == penalty]
            for post in held:
                gain, wanted = gains(post), bench.posts[post].gaps
                for layout in some:
                    hits[layout] += placement_counts(best_gaps(gain, len(wanted), layout[1]), wanted)["near"]
    return max(layouts, key=lambda layout: hits[layout])


def _best_penalty(bench: Bench, posts: Sequence[int]) -> float:
    found = dict.fromkeys(sorted(MATCH_PENALTIES, key=lambda p: p != MATCH_PENALTY), 0)
    for train, held in folds(posts):
        for penalty in found:
            scores = _matches(bench, train, held, penalty)
            found[penalty] += sum(rank_of(row, entry) < 1 for entry, row in scores.items())
    return max(found, key=lambda penalty: found[penalty])


def _gains(bench: Bench, train: Sequence[int], penalty: float) -> Callable[[int], Floats]:
    """The log chance of every gap of a post, by weights learned on these posts."""
    own, bias = fit_gaps([bench.features[i] for i in train], [bench.labels[i] for i in train], penalty=penalty)
    return lambda post: -np.logaddexp(0, -(bench.features[post] @ own + bias))


def _matches(bench: Bench, train: Sequence[int], held: Sequence[int], penalty: float) -> dict[int, Floats]:
    """Scores of the whole pool for every entry of the `held` posts, by weights learned on the others."""
    learnt = [n for n, entry in enumerate(bench.pool) if entry.post in set(train)]
    weights = fit_matches([bench.table(n) for n in learnt], learnt, penalty=penalty)
    return {n: bench.table(n) @ weights for n, entry in enumerate(bench.pool) if entry.post in set(held)}


def _placed(bench: Bench, chosen: Sequence[Layout]) -> str:
    tally = Tally()
    for post, (penalty, spacing) in enumerate(chosen):
        gains = _gains(bench, [i for i in range(len(chosen)) if i != post], penalty)
        wanted = bench.posts[post].gaps
        tally.add(**placement_counts(best_gaps(gains(post), len(wanted), spacing), wanted))
    return f"{score.scored(tally, 'exact', 'both')} | {score.scored(tally, 'near', 'both')}"


def _chosen(bench: Bench, penalties: Sequence[float]) -> str:
    scores: dict[int, Floats] = {}
    for post, penalty in enumerate(penalties):
        scores |= _matches(bench, [i for i in range(len(penalties)) if i != post], [post], penalty)
    tally = score.assigned(bench, [scores[n] for n in range(len(bench.pool))])
    return " | ".join(str(score.scored(tally, name, "all")) for name in ("r1", "r4", "within"))


def _told(chosen: Sequence[Layout | float]) -> str:
    """What was chosen how often, the most frequent first."""

    def words(one: Layout | float) -> str:
        if isinstance(one, float):
            return f"penalty {one:g}"
        return f"penalty {one[0]:g}, cost {one[1].cost:g}, ends {one[1].ends:g}"

    return ", ".join(f"{words(one)} ({times} times)" for one, times in Counter(chosen).most_common())
