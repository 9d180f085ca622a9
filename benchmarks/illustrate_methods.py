"""The ways of placing and choosing that are compared: ours with its weights learned on other posts, and the plain ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.illustrate_data import Post
from benchmarks.illustrate_fit import as_weights, fit_gaps, fit_matches
from composer.placement.features import FEATURES, gap_features
from composer.placement.match import MEASURES, Captions, Table, measures, prepare
from composer.placement.optimum import best_gaps
from composer.placement.scorer import Weights, lexicon, weights
from retrieval.encoder import Encoder

CUT = 53  # characters of a caption that XComposer's service is asked with
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture of the pool with a known caption."""

    post: int
    gap: int
    image: str
    caption: str


@dataclass(slots=True)
class Bench:
    """A split with everything measured once."""

    posts: list[Post]
    pool: list[Entry]
    captions: Captions
    features: list[Floats]  # of each post: (gaps, features)
    tables: list[dict[int, Table]]  # of each post, by gap: (pool, measures)
    encoder: Encoder | None

    @property
    def labels(self) -> list[Floats]:
        """Of each post, 1 for a gap with a figure."""
        return [np.isin(np.arange(len(p.blocks) + 1), p.gaps).astype(float) for p in self.posts]

    def shortest(self, count: int) -> list[int]:
        """The posts with the fewest characters, for what is slow."""
        return sorted(range(len(self.posts)), key=lambda n: sum(len(b.raw) for b in self.posts[n].blocks))[:count]

    def table(self, entry: int) -> Table:
        """The measures of the whole pool for the gap of an entry."""
        return self.tables[self.pool[entry].post][self.pool[entry].gap]

    def of(self, post: int) -> list[int]:
        """The pool's entries that belong to a post."""
        return [n for n, entry in enumerate(self.pool) if entry.post == post]


def measure(posts: list[Post], encoder: Encoder | None) -> Bench:
    """Features of all gaps, and measures of all pictures of the pool for them."""
    pool = [Entry(n, f.gap, f.image, f.alt) for n, p in enumerate(posts) for f in p.figures if f.alt]
    captions = prepare([e.caption for e in pool], encoder)
    features, tables = [], []
    for post in posts:
        vectors = encoder.encode_texts([b.plain or "-" for b in post.blocks]) if encoder else None
        features.append(gap_features(post.blocks, lexicon(), vectors))
        tables.append(measures(post.blocks, captions, encoder, title=post.title))
    return Bench(posts, pool, captions, features, tables, encoder)


def learned(bench: Bench, train: Sequence[int], features: Sequence[str] = (), used: Sequence[str] = ()) -> Weights:
    """Weights from these posts, of these features and measures (all where none are named)."""
    inside = set(train)
    entries = [n for n, e in enumerate(bench.pool) if e.post in inside]
    gap = fit_gaps(
        [bench.features[i] for i in train],
        [bench.labels[i] for i in train],
        [FEATURES.index(name) for name in features],
    )
    tables = [bench.table(n) for n in entries]
    match = fit_matches(tables, entries, [MEASURES.index(name) for name in used])
    return as_weights(gap, match, [bench.posts[i].id for i in train])


def weights_for(
    bench: Bench, features: Sequence[str] = (), used: Sequence[str] = (), *, refit: bool = False
) -> list[Weights]:
    """For each post weights that never saw it: those that ship, or, where these were learned on a post of the split,
    weights learned on all the split's other posts."""
    shipped = weights()
    known = set(shipped.fitted_on)
    everyone = range(len(bench.posts))
    if not refit and not any(p.id in known for p in bench.posts):
        return [shipped] * len(bench.posts)
    return [learned(bench, [i for i in everyone if i != out], features, used) for out in everyone]


def ours(bench: Bench, post: int, given: Weights, count: int) -> list[int]:
    """Our placement of `count` pictures."""
    chance = given.chances(bench.features[post])
    return best_gaps(np.log(chance), count, given.spacing)


def even(bench: Bench, post: int, count: int) -> list[int]:
    """Spread over the blocks as evenly as can be."""
    n = len(bench.posts[post].blocks)
    return [round((j + 1) * n / (count + 1)) for j in range(count)]


def at_random(bench: Bench, post: int, count: int, seed: int = 0) -> list[int]:
    """Anywhere, by seed."""
    size = len(bench.posts[post].blocks)
    rng = np.random.default_rng([seed, post])
    return sorted(int(g) + 1 for g in rng.choice(size, min(count, size), replace=False))


def after_headings(bench: Bench, post: int, count: int) -> list[int]:
    """Behind the first headings; fewer where there are fewer headings."""
    return [i + 1 for i, b in enumerate(bench.posts[post].blocks) if b.kind == "heading"][:count]


def text_before(bench: Bench, entry: Entry) -> str:
    """The visible text of the block before a gap; of the first one, for the gap at the beginning."""
    blocks = bench.posts[entry.post].blocks
    return blocks[max(entry.gap - 1, 0)].plain if blocks else ""


def around(bench: Bench, entry: Entry) -> str:
    """The block before and the block after."""
    blocks = bench.posts[entry.post].blocks
    return " ".join(b.plain for b in blocks[max(entry.gap - 1, 0) : entry.gap + 1])


def by_cosine(bench: Bench, queries: Sequence[str]) -> list[Floats]:
    """Scores of the pool by the cosine of query and caption."""
    if bench.encoder is None or bench.captions.vectors is None:
        return [np.zeros(len(bench.pool))] * len(queries)
    return [np.asarray(row, np.float64) for row in bench.encoder.encode_texts(list(queries)) @ bench.captions.vectors.T]


def chosen_by_us(bench: Bench, given: Sequence[Weights]) -> list[Floats]:
    """Our scores of the pool for the gap of each entry, without knowledge of the article's other gaps."""
    return [given[e.post].fit(bench.table(n)) for n, e in enumerate(bench.pool)]
