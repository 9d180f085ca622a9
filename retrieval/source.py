"""Pictures offered for a query: from a library, and from the few that an author gives along with an article.

Words, meanings and pixels are searched side by side and fused by rank; how sure an offer is, is said in absolute terms
by `retrieval.relevance`. Knows libraries and encoders; does not choose, and knows nothing of articles.
"""

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from retrieval.captions import from_metadata, from_name
from retrieval.encoder import Encoder, Vectors
from retrieval.errors import InterleaveError, SetupError, SourceError, UsageError
from retrieval.filtering import matching
from retrieval.fuse import reciprocal_ranks
from retrieval.images import as_picture, digest_of
from retrieval.library import Library
from retrieval.picture import Attribution, Candidate, Digest, Picture
from retrieval.query import EVERYTHING, Filters, Term, summed
from retrieval.query import terms_of as terms_in
from retrieval.relevance import Evidence, by_pixels, coverage, evidence, rarity, relevance
from retrieval.rows import description
from retrieval.stores.served import ServedVectors
from retrieval.words import has_cjk, stem, telling, terms_of

POOL = 60  # of each ranking
SURE = 0.5  # how much the order of relevance counts against the order the rankings give together
PLAUSIBLE = 0.3  # relevance from which on an upload goes before what a library offers
SAMPLE, LEAST_SAMPLE = 2000, 50  # pictures whose cosines tell what is usual
UPLOAD_BONUS = 0.25  # by how much


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """How much each ranking counts when they are fused; measured in benchmarks/results/fusion.md and retrieval.md."""

    words: float = 0.5
    meaning: float = 1.0
    pixels: float = 1.0  # changes nothing where captions say it all, finds more where they say little


class LibrarySource:
    """The pictures of a library, or of some of its origins (packs, folders).

    A sentence encoder that is not installed is said once to `warn`, and words alone find the pictures from then on.
    Vectors of another encoder than the one that asks are never compared; that is said, too. With `served`, the nearest
    vectors are searched on a server.
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
        served: ServedVectors | None = None,
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.name = name
        self._served = served
        self._library = library
        self._sentence = sentence
        self._pixels = pixels
        self._origins = origins
        self._channels = channels
        self._warn = warn
        self._off: set[str] = set()
        self._samples: dict[tuple[str, int], list[int]] = {}  # ids by encoder and size of the library

    def find(self, query: str, k: int, filters: Filters = EVERYTHING) -> list[Candidate]:
        """The best `k` for what must be visible, best first; none for a query without a word.

        A query may be a sum of texts and pictures, see `retrieval.query`. Raises UsageError for a sum that cannot be
        read or an unknown colour, SourceError where the index cannot be searched.
        """
        if not query.strip() or k < 1:
            return []
        try:
            return self._find(query, k, filters)
        except UsageError:
            raise
        except (InterleaveError, OSError, sqlite3.Error) as error:
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

    def evidence(self, query: str, k: int) -> list[tuple[Picture, Evidence]]:
        """The best `k`, and what speaks for each; for fitting."""
        ids = self._library.ids_of([c.picture.digest for c in self._find(query, k)])
        pictures = {i: picture for i, (picture, _) in self._library.pictures(ids).items()}
        vector = None if self._is_foreign(query) else self._vector(self._sentence, terms_in(query))
        found = self._evidence(query, vector, pictures)
        return [(pictures[i], found[i]) for i in ids]

    def _find(self, query: str, k: int, filters: Filters = EVERYTHING) -> list[Candidate]:
        pool, origins, among = max(POOL, 2 * k), self._origins(), matching(self._library, filters)
        terms = terms_in(query)
        query = ", ".join(t.text for t in terms if t.text and t.weight > 0)
        vector = None if self._is_foreign(query) else self._vector(self._sentence, [t for t in terms if t.text])
        seen = self._vector(self._pixels, terms)
        rankings, weights = [self._library.by_words(query, pool, origins, among)], [self._channels.words]
        for encoder, asked, weight in (
            (self._sentence, vector, self._channels.meaning),
            (self._pixels, seen, self._channels.pixels),
        ):
            if encoder is not None and asked is not None:
                if self._served is not None:
                    near = self._served.nearest(self._library, encoder.name, asked, pool, origins, filters)
                else:
                    near = self._library.by_vector(encoder.name, asked, pool, origins, among)
                rankings.append([i for i, _ in near])
                weights.append(weight)
        scores = reciprocal_ranks([[str(i) for i in ranking] for ranking in rankings], weights)
        best = [int(i) for i in sorted(scores, key=lambda i: (-scores[i], int(i)))[: 2 * k]]
        pictures = {i: picture for i, (picture, _) in self._library.pictures(best).items()}
        speaking = self._evidence(query, vector, pictures)
        sure = {i: relevance(speaking[i], with_meaning=vector is not None) for i in best if i in pictures}
        seen_sure = self._by_pixels(seen, list(sure))
        sure = {i: max(value, seen_sure.get(i, 0.0)) for i, value in sure.items()}
        final = reciprocal_ranks(
            [[str(i) for i in best], sorted(map(str, sure), key=lambda i: -sure[int(i)])], [1.0, SURE]
        )
        offered: dict[Digest, Candidate] = {}
        for i in sorted(sure, key=lambda i: (-final[str(i)], i)):
            candidate = Candidate(picture=pictures[i], source=self.name, score=final[str(i)], relevance=sure[i])
            offered.setdefault(pictures[i].digest, candidate)  # the same file may lie at two paths
        return list(offered.values())[:k]

    def _by_pixels(self, asked: Vectors | None, ids: Sequence[int]) -> dict[int, float]:
        """How sure the pixels alone make us of these pictures, whatever is written about them."""
        if asked is None or self._pixels is None:
            return {}
        name = self._pixels.name
        if (name, count := self._library.count()) not in self._samples:
            every = [int(row[0]) for row in self._library.ask("SELECT picture FROM vector WHERE encoder = ?", [name])]
            self._samples = {(name, count): every[:: max(1, len(every) // SAMPLE)]}
        usual = np.array(list(self._library.cosines(name, asked, self._samples[name, count]).values()))
        if len(usual) < LEAST_SAMPLE:
            return {}
        cosines, mean, spread = self._library.cosines(name, asked, ids), usual.mean(), max(float(usual.std()), 1e-6)
        return {i: by_pixels(float(cosine - mean) / spread) for i, cosine in cosines.items()}

    def _evidence(self, query: str, vector: Vectors | None, pictures: Mapping[int, Picture]) -> dict[int, Evidence]:
        """What speaks for each picture."""
        ids, terms = list(pictures), terms_of(query)
        count = max(1, self._library.count())
        weights = [rarity(found, count) for found in self._library.document_counts(terms)]
        holders = [self._library.containing(term, ids) for term in terms]
        others = self._library.captions(ids)
        cosines: dict[int, float] = {}
        if vector is not None and self._sentence is not None:
            cosines = self._library.cosines(self._sentence.name, vector, ids)
        found = {}
        for i, picture in pictures.items():
            held = coverage([i in some for some in holders], weights)
            texts = (picture.caption, *picture.keywords, *others.get(i, {}).values())
            found[i] = evidence(query, picture, cosine=cosines.get(i, 0.0), held=held, texts=texts)
        return found

    def _is_foreign(self, query: str) -> bool:
        """Whether more of the query's words are known from captions in other languages than from English ones."""
        if has_cjk(query):
            return True
        terms = terms_of(query)
        english = self._library.document_counts([f"{{caption keywords}} : {t}" for t in terms])
        others = self._library.document_counts([f"{{others}} : {t}" for t in terms])
        return sum(map(bool, others)) > sum(map(bool, english))

    def _vector(self, encoder: Encoder | None, terms: Sequence[Term]) -> Vectors | None:
        """The query's vector; None where the encoder cannot be used with this library, which is said once."""
        if encoder is None or not terms or encoder.name in self._off:
            return None
        try:
            self._library.require(encoder.name)
            return summed(encoder, terms)
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
            sure = relevance(_evidence_of(query, picture, cosine), with_meaning=cosine is not None)
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


def _evidence_of(query: str, picture: Picture, cosine: float | None) -> Evidence:
    """What speaks for a picture that no index knows; every word of the query counts alike."""
    texts = (picture.caption, *picture.keywords)
    words = {stem(w) for text in texts for w in telling(text)}
    asked = [stem(w) for w in telling(query)]
    held = coverage([w in words for w in asked], [1.0] * len(asked))
    return evidence(query, picture, cosine=cosine or 0.0, held=held, texts=texts)
