"""From methods to numbers: every score of `benchmarks.illustrate` for a measured split."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.illustrate_methods import Bench
from benchmarks.illustrate_metrics import Tally, alignment_score, edit_score, kendall_score, placement_counts, rank_of
from composer.placement.choose import assign_once, place_pool
from composer.placement.optimum import best_gaps, likely_count
from composer.placement.scorer import Weights

Floats = NDArray[np.float64]
SHUFFLES = 20  # of the pool, so that ties do not fall on the person's order
TIE = 1e-3  # of a score: what is no further apart ties, for an encoder's last digits differ from run to run
CONTEXT = 20  # characters on each side of a picture that alignment compares


@dataclass(frozen=True, slots=True)
class Score:
    """A number with its 95 % interval over posts."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.2f}-{self.high:.2f})"


def scored(tally: Tally, over: str, under: str) -> Score:
    """A ratio of sums over posts, with its interval."""
    low, high = tally.interval(lambda t, chosen: t.ratio(over, under, chosen))
    return Score(tally.ratio(over, under), low, high)


def placed(bench: Bench, place: Callable[[int, int], Sequence[int]]) -> Tally:
    """A way of placing, with the number of pictures given."""
    tally = Tally()
    for n, post in enumerate(bench.posts):
        tally.add(**placement_counts(place(n, len(post.gaps)), post.gaps))
    return tally


def placed_freely(bench: Bench, given: Sequence[Weights]) -> Tally:
    """Our placement with the number free."""
    tally = Tally()
    for n, post in enumerate(bench.posts):
        chance = given[n].chances(bench.features[n])
        gaps = best_gaps(np.log(chance), likely_count(chance), given[n].spacing)
        tally.add(**placement_counts(gaps, post.gaps))
    return tally


def placed_with_pool(bench: Bench, given: Sequence[Weights]) -> tuple[Tally, Tally]:
    """Our placement when the article's own pictures are known: by position, and by picture and position."""
    positions, both = Tally(), Tally()
    for n, post in enumerate(bench.posts):
        own = bench.of(n)
        chance = given[n].chances(bench.features[n])
        tables = {gap: table[own] for gap, table in bench.tables[n].items()}
        made = place_pool(chance, tables, given[n], len(own))
        positions.add(**placement_counts(sorted(made), post.gaps))
        right = sum(abs(bench.pool[own[p]].gap - gap) <= 1 for gap, p in made.items())
        both.add(right=right, all=len(own))
    return positions, both


def chosen(bench: Bench, scores: Sequence[Floats]) -> Tally:
    """A way of choosing: ranks of the right picture over the pool and within its post, one query at a time."""
    tally = Tally()
    for post in range(len(bench.posts)):
        own = bench.of(post)
        ranks = [rank_of(scores[i], i) for i in own]
        within = [rank_of(scores[i][own], own.index(i)) for i in own]
        tally.add(
            all=len(own),
            r1=sum(r < 1 for r in ranks),
            r4=sum(r < 4 for r in ranks),
            mrr=sum(1 / (1 + r) for r in ranks),
            within=sum(r < 1 for r in within),
            chance_within=1.0 if own else 0.0,
        )
    return tally


def assigned(bench: Bench, scores: Sequence[Floats]) -> Tally:
    """The same with one assignment over the post's true gaps: each picture once; the one assigned ranks first.

    An optimum among ties would be the pool's own order, which is the person's: so the pool is shuffled, scores are shaken
    by TIE, and the mean of several times is taken."""
    tally = Tally()
    rng = np.random.default_rng(0)
    for post in range(len(bench.posts)):
        own = bench.of(post)
        counts = dict.fromkeys(("r1", "r4", "mrr", "within"), 0.0)
        for _ in range(SHUFFLES if own else 0):
            everyone, inside = rng.permutation(len(bench.pool)), rng.permutation(own)
            shaken = np.stack([scores[i] for i in own]) + rng.normal(0, TIE, (len(own), len(bench.pool)))
            over_pool = everyone[assign_once(shaken[:, everyone])]
            within = inside[assign_once(shaken[:, inside])]
            for row, i in enumerate(own):
                final = scores[i].copy()
                final[over_pool[row]] = np.inf
                rank = rank_of(final, i)
                found = {"r1": rank < 1, "r4": rank < 4, "mrr": 1 / (1 + rank), "within": within[row] == i}
                counts = {name: value + found[name] / SHUFFLES for name, value in counts.items()}
        tally.add(all=len(own), **counts)
    return tally


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole illustrated article: for each placed picture its gap and its entry of the pool, in the article's order."""

    gaps: tuple[int, ...]
    entries: tuple[int, ...]


def our_layout(bench: Bench, post: int, given: Weights) -> Layout:
    """Placed with the number given, chosen from the pool of the whole split by one assignment."""
    chance = given.chances(bench.features[post])
    gaps = best_gaps(np.log(chance), len(bench.posts[post].gaps), given.spacing)
    gaps = gaps[: len(bench.pool)]
    if not gaps:
        return Layout((), ())
    columns = assign_once(np.stack([given.fit(bench.tables[post][g]) for g in gaps]))
    return Layout(tuple(gaps), tuple(columns))


def plain_layout(bench: Bench, post: int, gaps: Sequence[int], *, cut: int = 0) -> Layout:
    """Placed elsewhere, chosen by caption search with the text of the block before, slot by slot in order, each the best
    that is left; `cut` is the query's length in characters."""
    blocks = bench.posts[post].blocks
    gaps = gaps[: len(bench.pool)] if blocks else []
    queries = [blocks[max(g - 1, 0)].plain[: cut or None] for g in sorted(gaps)]
    taken: list[int] = []
    if bench.encoder and bench.captions.vectors is not None and queries:
        for row in bench.encoder.encode_texts([q or "-" for q in queries]) @ bench.captions.vectors.T:
            order = [int(i) for i in np.argsort(-row, kind="stable") if int(i) not in taken]
            taken.append(order[0])
    return Layout(tuple(sorted(gaps)[: len(taken)]), tuple(taken))


def article_scores(bench: Bench, layouts: Sequence[Layout]) -> Tally:
    """RAG-IGBench's scores of whole articles, and how many pictures stand twice in one."""
    tally = Tally()
    for n, layout in enumerate(layouts):
        post = bench.posts[n]
        wanted = [f.image for f in sorted(post.figures, key=lambda f: f.gap)]
        made = [bench.pool[e].image for e in layout.entries]
        where = {f.image: f.gap for f in post.figures}
        common = [(g, where[i]) for g, i in zip(layout.gaps, made, strict=True) if i in where]
        tally.add(
            one=1,
            edit=edit_score(made, wanted),
            kendall=kendall_score(made, wanted),
            alignment=alignment_score(_context_cosines(bench, n, common)),
            doubles=len(made) - len(set(made)),
        )
    return tally


def _context_cosines(bench: Bench, post: int, pairs: Sequence[tuple[int, int]]) -> list[float]:
    if bench.encoder is None or not pairs:
        return []
    blocks = [b.plain for b in bench.posts[post].blocks]

    def context(gap: int) -> str:
        before = blocks[gap - 1][-CONTEXT:] if gap else ""
        return f"{before} {blocks[gap][:CONTEXT] if gap < len(blocks) else ''}".strip() or "-"

    rows = bench.encoder.encode_texts([context(g) for pair in pairs for g in pair])
    return [float(rows[2 * i] @ rows[2 * i + 1]) for i in range(len(pairs))]
