"""A web catalogue as a source of pictures: searched, filtered by licence, ranked, and only then fetched and believed.

Knows catalogues and pictures; does not know how either is asked for, see `asking` and `guard`.
"""

import io
import threading
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

from PIL import Image

from retrieval.captions import from_name
from retrieval.encoder import Encoder
from retrieval.errors import InterleaveError, SetupError, SourceError, UsageError
from retrieval.fuse import reciprocal_ranks
from retrieval.images import as_picture, digest_of, is_svg
from retrieval.licences import IntendedUse, allows
from retrieval.picture import Attribution, Candidate, Digest, Picture
from retrieval.relevance import coverage, evidence, relevance
from retrieval.web.record import Catalogue, Record
from retrieval.words import has_cjk, head_of, stem, telling

AT_ONCE = 3  # files fetched at a time
MOST = 8  # files fetched for one query
BUDGET_S = 40.0  # for all of them
SMALLEST_PX = 200  # of the shorter side
MOST_PIXELS = 40_000_000
SURE = 2.0  # how much our own reading of the titles counts beside the catalogue's order; chosen, not measured
BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")


class WebSource:
    """Offers the pictures of a catalogue whose licence is known and allows the use. Fetched files are checked by their
    bytes. Safe to use from several threads."""

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        use: IntendedUse = "any",
        sentence: Encoder | None = None,
        budget: float = BUDGET_S,
    ) -> None:
        self.name = catalogue.name
        self._catalogue = catalogue
        self._use = use
        self._sentence = sentence
        self._budget = budget
        self._where: dict[Digest, str] = {}
        self._lock = threading.Lock()

    def find(self, query: str, k: int) -> list[Candidate]:
        """The best `k` for what must be visible, best first. Raises SourceError when nothing could be had at all."""
        words = query if has_cjk(query) else " ".join(telling(query))
        if not words.strip() or k < 1:
            return []
        records = self._usable(words) or self._usable("" if has_cjk(query) else head_of(query))
        ranked = self._ranked(query, records)[: min(k, MOST)]
        fetched = self._fetch_all([record for record, _, _ in ranked])
        found = [
            Candidate(picture=got, source=self.name, score=score, relevance=sure)
            for (_, score, sure), got in zip(ranked, fetched, strict=True)
            if isinstance(got, Picture)
        ]
        if ranked and not found:
            raise SourceError(f"None of {len(ranked)} pictures could be fetched: {fetched[0]}")
        return found

    def read(self, digest: Digest) -> bytes:
        """The bytes of a picture it offered since it was made. Raises SourceError."""
        with self._lock:
            address = self._where.get(digest)
        if address is None:
            raise SourceError(f"{self.name} has not offered the picture {digest[:12]}…. Search again.")
        data, _ = self._catalogue.file(address)
        if digest_of(data) != digest:
            raise SourceError(f"The picture at {address} is another one by now. Search again.")
        return data

    def _usable(self, words: str) -> list[Record]:
        """What may be used, and is large enough where its size is known; each page once."""
        pages: dict[str, Record] = {}
        for record in self._catalogue.search(words, self._use) if words else ():
            small = 0 < min(record.width, record.height) < SMALLEST_PX
            if record.terms.known and allows(record.terms.name, self._use) and not small:
                pages.setdefault(record.page or record.addresses[0], record)
        return list(pages.values())

    def _ranked(self, query: str, records: Sequence[Record]) -> list[tuple[Record, float, float]]:
        """Each record with its score and how sure its words make us, best first."""
        cosines = self._cosines(query, [_caption(r) for r in records])
        sure = [_sureness(query, r, c) for r, c in zip(records, cosines, strict=True)]
        order = [str(i) for i in range(len(records))]
        scores = reciprocal_ranks([order, sorted(order, key=lambda i: -sure[int(i)])], [1.0, SURE])
        best = sorted(range(len(records)), key=lambda i: (-scores[str(i)], i))
        return [(records[i], scores[str(i)], sure[i]) for i in best]

    def _cosines(self, query: str, captions: Sequence[str]) -> Sequence[float | None]:
        if self._sentence is None or has_cjk(query) or not captions:
            return [None] * len(captions)
        try:
            rows = self._sentence.encode_texts([*captions, query])
            return [float(c) for c in rows[:-1] @ rows[-1]]
        except SetupError:
            return [None] * len(captions)  # it is not installed: words alone then; the library's source says so

    def _fetch_all(self, records: Sequence[Record]) -> list[Picture | str]:
        """Each record's picture, or in words why there is none; what is not there in time is done without."""
        pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=self.name)
        try:
            waiting = [pool.submit(self._fetched, record) for record in records]
            done, _ = wait(waiting, timeout=self._budget)
            return [w.result() if w in done else f"it took more than {self._budget:.0f} s" for w in waiting]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _fetched(self, record: Record) -> Picture | str:
        """The picture, or in words why there is none."""
        reason = ""
        for address in record.addresses:
            try:
                data, came = self._catalogue.file(address)
                picture = believed(data, _caption(record), record.keywords)
            except InterleaveError as error:
                reason = str(error)
                continue
            with self._lock:
                self._where[picture.digest] = address
            return replace(picture, attribution=_credit(record, picture, came))
        return reason


def believed(data: bytes, caption: str = "", keywords: tuple[str, ...] = ()) -> Picture:
    """The picture that these bytes are, whatever their server calls them: JPEG, PNG, WebP or GIF, in bounded size.

    Raises UsageError for anything else: drawings are refused, they can do more than draw.
    """
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    if not (webp or data.startswith(BEGINNINGS)) or is_svg(data):
        raise UsageError("What came is no JPEG, PNG, WebP or GIF picture.")
    if (pixels := _pixels(data)) > MOST_PIXELS:
        raise UsageError(
            f"The picture has {pixels / 1e6:.0f} million pixels; at most {MOST_PIXELS // 1_000_000} are taken."
        )
    picture, kept = as_picture(data, caption=caption, keywords=keywords)
    if kept != data or min(picture.width, picture.height) < SMALLEST_PX:
        raise UsageError(f"The picture has {picture.width} x {picture.height} px; {SMALLEST_PX} are wanted.")
    return picture


def _pixels(data: bytes) -> int:
    """How many pixels a file says it has, before any is decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                return image.width * image.height
    except Image.DecompressionBombError:
        return 10 * MOST_PIXELS
    except (OSError, ValueError, SyntaxError) as error:
        raise UsageError(f"What came is a damaged picture: {error}.") from error


def _caption(record: Record) -> str:
    """What the picture shows, by its title, else by its description or tags where a camera named the file."""
    return from_name(f"{record.title}.x").caption or record.about or ", ".join(record.keywords[:4])


def _credit(record: Record, picture: Picture, came: float) -> Attribution:
    resized = record.width > 0 and picture.width < record.width
    return Attribution(
        title=record.title,
        author=record.author,
        author_url=record.author_url,
        source=record.source,
        licence=record.terms.name,
        licence_url=record.terms.url,
        url=record.page,
        changes=f"resized to {picture.width} px" if resized else "",
        retrieved=time.strftime("%Y-%m-%d", time.gmtime(came)),
    )


def _sureness(query: str, record: Record, cosine: float | None) -> float:
    """How sure what is written about a record makes us that it shows what was asked."""
    texts = [t for t in (_caption(record), record.about, *record.keywords) if t]
    words = {stem(w) for text in texts for w in telling(text)}
    asked = [stem(w) for w in telling(query)]
    held = coverage([w in words for w in asked], [1.0] * len(asked))
    shown = Picture(digest="", media_type="", width=0, height=0, caption=_caption(record), keywords=record.keywords)
    return relevance(
        evidence(query, shown, cosine=cosine or 0.0, held=held, texts=texts or [""]), with_meaning=cosine is not None
    )
