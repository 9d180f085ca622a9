"""The search page: the whole library as a grid, filtered, by words, by likeness to a picture, and in a style.

Answers the page's questions; what fits is `retrieval`'s business. The page itself is assets/page/search.html.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from composer.engines import Engines
from composer.errors import InterleaveError, UsageError
from composer.export.credits import credit_line
from composer.styling import seen_at, weighed
from composer.ui.interface import language_of, said
from composer.ui.style_actions import card_shown
from retrieval.browse import newest, similar, sources
from retrieval.images import thumbnail
from retrieval.licences import IntendedUse
from retrieval.looks import COLOURS, GREYS
from retrieval.picture import Candidate
from retrieval.query import Filters, Look, Orientation
from retrieval.style import rerank
from retrieval.style_card import Seen, StyleCard, card_of

PAGE = Path(__file__).resolve().parent.parent.parent / "assets" / "page" / "search.html"
MOST = 240  # pictures of one answer
REFERENCES = 8  # of a style card at most


def add_search_routes(app: FastAPI, engines: Engines) -> None:
    """Put the search page and its questions on an application."""

    @app.get("/search")
    def page() -> Response:
        return FileResponse(PAGE, headers={"Cache-Control": "no-cache"})

    @app.get("/library/about")
    def about(request: Request) -> Response:
        return _answered(request, lambda: described(engines))

    @app.get("/library/search")
    def search(request: Request) -> Response:
        language = language_of(request.headers.get("accept-language"))
        return _answered(request, lambda: found(engines, dict(request.query_params), language))

    @app.get("/library/pictures/{digest}")
    def picture(digest: str, px: int = 320) -> Response:
        return _picture(engines, digest, px)


def described(engines: Engines) -> dict[str, Any]:
    """What there is to choose from."""
    library = engines.library()
    return {
        "count": library.count(),
        "sources": sources(library),
        "colours": [*COLOURS, *GREYS],
        "pixels": bool(engines.pixels and engines.pixels.name in library.encoders()),
    }


def found(engines: Engines, asked: dict[str, str], language: str) -> dict[str, Any]:
    """The pictures for a question of the page, and the style card of the references it names."""
    filters, k = filters_of(asked), min(MOST, max(1, _number(asked, "k") or 60))
    candidates = _candidates(engines, asked, filters, k + 1)
    more, candidates = len(candidates) > k, candidates[:k]
    card = card_for(engines, [d for d in asked.get("style", "").split(",") if d][:REFERENCES])
    if card:
        styled = [weighed(c, card, one) if (one := _look(engines, c)) else c for c in candidates]
        candidates = rerank(styled, min(100, _number(asked, "strength")) / 100)
    return {
        "pictures": [_shown(c, language) for c in candidates],
        "more": more,
        "card": card_shown(card) if card else None,
    }


def filters_of(asked: dict[str, str]) -> Filters:
    """The filters of a question. Raises UsageError for a value that is none."""
    return Filters(
        use=_one_of(asked, "use", get_args(IntendedUse)) or "any",
        orientation=_one_of(asked, "orientation", get_args(Orientation)),
        look=_one_of(asked, "look", get_args(Look)),
        colour=asked.get("colour", ""),
        min_px=_number(asked, "min_px"),
        sources=frozenset(s for s in (asked.get("source", ""),) if s),
        tags=frozenset(asked.get("tag", "").split()),
    )


def card_for(engines: Engines, digests: Sequence[str]) -> StyleCard | None:
    """The style card of these pictures of the library; None for none."""
    paths = [path for d in digests if (path := engines.library().path_of(d))]
    return card_of([seen_at(path, _stamp(path)) for path in paths], references=digests) if paths else None


def _candidates(engines: Engines, asked: dict[str, str], filters: Filters, k: int) -> list[Candidate]:
    library = engines.library()
    if like := asked.get("like", ""):
        return similar(library, like, [e for e in (engines.pixels, engines.sentences) if e], k, filters)
    if not (query := asked.get("q", "").strip()):
        return newest(library, k, filters)
    if "@" in query:
        raise UsageError("A picture file cannot be named here. Press “Similar” under a picture instead.")
    source = engines.library_source()
    return source.find(query, k, filters)


def _shown(candidate: Candidate, language: str) -> dict[str, Any]:
    picture = candidate.picture
    return {
        "digest": picture.digest,
        "width": picture.width,
        "height": picture.height,
        "caption": picture.caption,
        "tags": list(picture.keywords[:8]),
        "source": picture.attribution.source,
        "licence": picture.attribution.licence or "unknown",
        "credit": credit_line(picture.attribution, language),
        "relevance": round(candidate.relevance, 3),
        "style": round(candidate.style, 3),
    }


def _look(engines: Engines, candidate: Candidate) -> Seen | None:
    path = engines.library().path_of(candidate.picture.digest)
    try:
        return seen_at(path, _stamp(path)) if path else None
    except (InterleaveError, OSError):
        return None


@lru_cache(512)
def _thumbnail(path: Path, stamp: int, px: int) -> bytes:
    return thumbnail(path.read_bytes(), px)


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns


def _picture(engines: Engines, digest: str, px: int) -> Response:
    path = engines.library().path_of(digest)
    try:
        data = _thumbnail(path, _stamp(path), min(1024, max(64, px))) if path else None
    except (InterleaveError, OSError):
        data = None
    if data is None:
        return Response(status_code=404)
    headers = {"Cache-Control": "private, max-age=86400", "X-Content-Type-Options": "nosniff"}
    return Response(data, media_type="image/webp", headers=headers)


def _answered(request: Request, work: Callable[[], object]) -> Response:
    try:
        return JSONResponse(work())
    except InterleaveError as error:
        return JSONResponse({"error": said(str(error), language_of(request.headers.get("accept-language")))}, 400)


def _one_of(asked: dict[str, str], name: str, allowed: Sequence[str]) -> Any:  # noqa: ANN401 - a literal of the field
    value = asked.get(name) or None
    if value is not None and value not in allowed:
        raise UsageError(f"{name} cannot be {value!r}; choose among: {', '.join(allowed)}.")
    return value


def _number(asked: dict[str, str], name: str) -> int:
    value = asked.get(name) or "0"
    if not value.isdecimal() or len(value) > 6:
        raise UsageError(f"{name} must be a whole number, not {value[:20]!r}.")
    return int(value)
