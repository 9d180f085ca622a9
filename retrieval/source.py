"""Pictures offered for a query: from a library, and from the few that an author gives along with an article.

Words, meanings and pixels are searched side by side and fused by rank; how sure an offer is, is said in absolute terms
by `retrieval.relevance`. Knows libraries and encoders; does not choose, and knows nothing of articles.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from retrieval.captions import from_metadata, from_name
from retrieval.encoder import Encoder, Vectors
from retrieval.errors import InterleaveError, SetupError, SourceError, UsageError
from retrieval.fuse import reciprocal_ranks
from retrieval.images import as_picture, digest_of
from retrieval.library import Library, description
from retrieval.picture import Attribution, Candidate, Digest, Picture
from retrieval.relevance import coverage, rarity, relevance
from retrieval.words import has_cjk, searchable, terms_of

POOL = 60  # of each ranking
PLAUSIBLE = 0.3  # relevance from which on an upload goes before what a library offers
UPLOAD_BONUS = 0.25  # by how much


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """How much each ranking counts when they are fused; measured in benchmarks/results/retrieval.md."""

    words: float = 1.0
    meaning: float = 1.0
    pixels: float = 1.0


class LibrarySource:
    """The pictures of a library, or of some of its origins (packs, folders).

    A sentence encoder that is not installed is said once to `warn`, and words alone find the pictures from then on.
    Vectors of another encoder than the one that asks are never compared; that is said, too.
    """

    def __init__(
        self,
        library: Library,
        *,
        name: str = "library",
        sentence: Encoder | None = None,
        pixels: Encoder | None = None,
        origins: Callable[[], Sequence[str]] = lambda: (),
        channels: Channels = Channels(),
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.name = name
        self._library = library
        self._sentence = sentence
        self._pixels = pixels
        self._origins = origins
        self._channels = channels
        self._warn = warn
        self._off: set[str] = set()

    def find(self, query: str, k: int) -> list[Candidate]:
        """The best `k` for what must be visible, best first; none for a query without a word. Raises SourceError."""
        if not query.strip() or k < 1:
            return []
        try:
            return self._find(query, k)
        except (InterleaveError, OSError) as error:
            raise SourceError(f"The picture index {self._library.path} cannot be searched: {error}") from error

    def read(self, digest: Digest) -> bytes:
        """The file's bytes. Raises SourceError when the file is gone or another one by now."""
        path = self._library.path_of(digest)
        if path is None:
            raise SourceError(f"The index holds no picture {digest[:12]}…; it was taken out since.")
        try:
            data = path.read_bytes()
            if digest_of(data) != digest:
                _, data = as_picture(data)  # a form that browsers do not show is offered as PNG
        except (OSError, UsageError) as error:
            raise SourceError(f"The picture file {path} cannot be read: {error}. Index its folder again.") from error
        if digest_of(data) != digest:
            raise SourceError(f"The picture file {path} has changed since it was indexed. Index its folder again.")
        return data

    def path_of(self, digest: Digest) -> Path | None:
        """The file of a picture it offered."""
        return self._library.path_of(digest)

    def evidence(self, query: str, k: int) -> list[tuple[Picture, float, float]]:
        """The best `k` with the cosine and the share of the query's words that `relevance` is made of; for fitting."""
        vector = self._vector(self._sentence, query)
        offered = [c.picture.digest for c in self._find(query, k)]
        ids = self._library.ids_of(offered)
        cosines, held = self._evidence(query, vector, ids)
        pictures = self._library.pictures(ids)
        return [(pictures[i][0], cosines.get(i, 0.0), held[i]) for i in ids]

    def _find(self, query: str, k: int) -> list[Candidate]:
        pool, origins = max(POOL, 2 * k), self._origins()
        vector = None if has_cjk(query) else self._vector(self._sentence, query)
        seen = self._vector(self._pixels, query)
        rankings, weights = [self._library.by_words(query, pool, origins)], [self._channels.words]
        for encoder, asked, weight in (
            (self._sentence, vector, self._channels.meaning),
            (self._pixels, seen, self._channels.pixels),
        ):
            if encoder is not None and asked is not None:
                near = self._library.by_vector(encoder.name, asked, pool, origins)
                rankings.append([i for i, _ in near])
                weights.append(weight)
        scores = reciprocal_ranks([[str(i) for i in ranking] for ranking in rankings], weights)
        best = [int(i) for i in sorted(scores, key=lambda i: (-scores[i], int(i)))[: 2 * k]]
        sure = self._relevances(query, vector, best)
        return self._candidates(best, {i: scores[str(i)] for i in best}, sure)[:k]

    def _candidates(self, best: Sequence[int], scores: dict[int, float], sure: dict[int, float]) -> list[Candidate]:
        """Each file once, by its bytes."""
        pictures = self._library.pictures(best)
        offered: dict[Digest, Candidate] = {}
        for i in best:
            if i in pictures:
                picture = pictures[i][0]
                candidate = Candidate(picture=picture, source=self.name, score=scores[i], relevance=sure[i])
                offered.setdefault(picture.digest, candidate)
        return list(offered.values())

    def _relevances(self, query: str, vector: Vectors | None, ids: Sequence[int]) -> dict[int, float]:
        cosines, held = self._evidence(query, vector, ids)
        return {i: relevance(cosines.get(i), held[i]) for i in ids}

    def _evidence(
        self, query: str, vector: Vectors | None, ids: Sequence[int]
    ) -> tuple[dict[int, float], dict[int, float]]:
        """Of each picture the cosine of its caption, where it has one, and the share of the query's words it holds."""
        terms = terms_of(query)
        count = max(1, self._library.count())
        weights = [rarity(found, count) for found in self._library.document_counts(terms)]
        holders = [self._library.containing(term, ids) for term in terms]
        cosines: dict[int, float] = {}
        if vector is not None and self._sentence is not None:
            cosines = self._library.cosines(self._sentence.name, vector, ids)
        return cosines, {i: coverage([i in some for some in holders], weights) for i in ids}

    def _vector(self, encoder: Encoder | None, query: str) -> Vectors | None:
        """The query's vector; None where the encoder cannot be used with this library, which is said once."""
        if encoder is None or encoder.name in self._off:
            return None
        try:
            self._library.require(encoder.name)
            return np.asarray(encoder.encode_texts([query])[0])
        except (SetupError, UsageError) as error:
            self._off.add(encoder.name)
            self._warn(f"{error} Until then pictures are found without it.")
            return None


class UploadSource:
    """The pictures an author gave to one article; one that plausibly fits goes before any library's."""

    def __init__(
        self, pictures: Sequence[Picture], read: Callable[[Digest], bytes | None], sentence: Encoder | None = None
    ) -> None:
        self.name = "uploads"
        self._pictures = list(pictures)
        self._read = read
        self._sentence = sentence
        self._lock = threading.Lock()
        self._rows: Vectors | None = None

    def find(self, query: str, k: int) -> list[Candidate]:
        """The best `k` of the uploads, best first."""
        if not query.strip() or not self._pictures or k < 1:
            return []
        found = []
        for picture, cosine in zip(self._pictures, self._cosines(query), strict=True):
            sure = relevance(cosine, _held(query, picture))
            preferred = min(1.0, sure + UPLOAD_BONUS) if sure >= PLAUSIBLE else sure
            found.append(Candidate(picture=picture, source=self.name, score=sure, relevance=preferred))
        return sorted(found, key=lambda c: (-c.score, c.picture.digest))[:k]

    def read(self, digest: Digest) -> bytes:
        """The bytes. Raises SourceError when they are gone."""
        data = self._read(digest)
        if data is None:
            raise SourceError(f"The uploaded picture {digest[:12]}… is gone.")
        return data

    def _cosines(self, query: str) -> Sequence[float | None]:
        unknown: list[float | None] = [None] * len(self._pictures)
        if self._sentence is None or has_cjk(query):
            return unknown
        try:
            with self._lock:
                if self._rows is None:
                    self._rows = self._sentence.encode_texts(
                        [description(p.caption, p.keywords) for p in self._pictures]
                    )
            return [float(c) for c in self._rows @ self._sentence.encode_texts([query])[0]]
        except SetupError:
            return unknown  # it is not installed: words alone then; the library's source says so


def described_upload(data: bytes, *, name: str = "", attribution: Attribution | None = None) -> tuple[Picture, bytes]:
    """A picture of the author's and the bytes to keep; what it shows is read from its metadata, else from its name.

    Raises UsageError for what is no picture.
    """
    notes = from_metadata(data).filled_from(from_name(Path(name).name))
    credit = attribution or Attribution(source="Uploaded", licence="unknown")
    credit = replace(credit, title=credit.title or notes.title or notes.caption, author=credit.author or notes.author)
    return as_picture(data, caption=notes.caption, keywords=notes.keywords, attribution=credit)


def _held(query: str, picture: Picture) -> float:
    """The share of the query's words that a picture's caption and keywords hold."""
    text = f" {searchable(' '.join((picture.caption, *picture.keywords))).lower()} "
    terms = [t.strip('"') for t in terms_of(query)]
    return coverage([f" {t}" in text for t in terms], [1.0] * len(terms))
