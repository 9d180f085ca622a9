"""Wikimedia Commons: files with their descriptions and licences, through MediaWiki's API.

At most three requests at a time, Retry-After heeded, thumbnails only in the widths that Wikimedia keeps ready. Fields
hold HTML written by anyone, and any of them may be missing.
"""

import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from retrieval.errors import SourceError
from retrieval.licences import IntendedUse, Terms, terms_of
from retrieval.web.asking import Later, Service, as_object, seconds_asked
from retrieval.web.client import Answer
from retrieval.web.record import Record
from retrieval.web.text import first_link, number, plain, web

API = "https://commons.wikimedia.org/w/api.php"
API_HOSTS = frozenset(["commons.wikimedia.org"])
FILE_HOSTS = frozenset(["upload.wikimedia.org"])
AT_ONCE = 3
WIDTHS = (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)  # px, mediawiki.org/wiki/Common_thumbnail_sizes
WIDTH = 960
RESULTS = 20
LONGEST_QUERY = 200
LAG_S = 5.0
FORMS = "image/jpeg,image/png,image/webp;q=0.9"
FIELDS = "LicenseShortName|License|LicenseUrl|Artist|Attribution|ImageDescription|ObjectName|NonFree"
BY = re.compile(r"^(?:(?:photo(?:graph)?|image|picture|foto)\s+)?(?:by|von|par)\s*:?\s+", re.IGNORECASE)


class Commons:
    """The catalogue. `api` answers searches, `files` gives pictures."""

    name = "commons"

    def __init__(self, api: Service, files: Service, *, address: str = API) -> None:
        self._api = api
        self._files = files
        self._address = address
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def search(self, words: str, use: IntendedUse) -> Sequence[Record]:
        """See Catalogue. Commons has no pictures that may not be sold or changed, so `use` changes nothing here."""
        asked = {
            "action": "query",
            "format": "json",
            "formatversion": "2",
            "generator": "search",
            "gsrnamespace": "6",
            "gsrsearch": f"{_harmless(words)[:LONGEST_QUERY]} filetype:bitmap",
            "gsrlimit": str(RESULTS),
            "prop": "imageinfo",
            "iiprop": "url|size|mime|user|extmetadata",
            "iiurlwidth": str(WIDTH),
            "iiextmetadatafilter": FIELDS,
            "iiextmetadatalanguage": "en",
            "maxlag": "5",
        }
        with self._turns:
            found: list[Record] = self._api.read(self._address, asked, _records)
        return found

    def file(self, address: str) -> tuple[bytes, float]:
        """See Catalogue."""
        with self._turns:
            kept = self._files.fetch(address, FORMS)
        return kept.data, kept.time


def _records(answer: Answer) -> list[Record]:
    value = as_object(answer)
    if isinstance(error := value.get("error"), dict):
        code = plain(error.get("code"), 60)
        if code in ("maxlag", "ratelimited"):
            raise Later(seconds_asked(answer, LAG_S), f"Commons is busy ({code})")
        raise SourceError(f"Commons refuses the question: {code}: {plain(error.get('info'), 150)}.")
    query = value.get("query")
    pages = query.get("pages") if isinstance(query, dict) else []
    listed = list(pages.values()) if isinstance(pages, dict) else pages if isinstance(pages, list) else []
    known = [p for p in listed if isinstance(p, dict)]
    known.sort(key=lambda p: number(p.get("index")) or len(known) + 1)
    records = (_record(page, info) for page in known if (info := _info(page)))
    return [r for r in records if r.addresses]


def _info(page: Mapping[str, Any]) -> Mapping[str, Any]:
    infos = page.get("imageinfo")
    first = infos[0] if isinstance(infos, list) and infos else None
    return first if isinstance(first, dict) and str(first.get("mime", "")).startswith("image/") else {}


def _record(page: Mapping[str, Any], info: Mapping[str, Any]) -> Record:
    said = info.get("extmetadata")
    fields: Mapping[str, Any] = said if isinstance(said, dict) else {}
    name = re.sub(r"\.\w{3,4}$", "", plain(page.get("title")).removeprefix("File:"))
    author = BY.sub("", plain(_field(fields, "Attribution"), 160) or plain(_field(fields, "Artist"), 160))
    return Record(
        addresses=_addresses(info),
        terms=_terms(fields),
        title=plain(_field(fields, "ObjectName")) or name,
        author=author or plain(info.get("user"), 80),
        author_url=first_link(_field(fields, "Attribution")) or first_link(_field(fields, "Artist")),
        source="Wikimedia Commons",
        page=web(info.get("descriptionurl")),
        about=plain(_field(fields, "ImageDescription")),
        width=number(info.get("width")),
        height=number(info.get("height")),
    )


def _terms(fields: Mapping[str, Any]) -> Terms:
    """By the short name, else the licence's code, else its address; not known for what is not free at all."""
    url = web(_field(fields, "LicenseUrl"))
    names = [plain(_field(fields, name), 80) for name in ("LicenseShortName", "License")]
    if plain(_field(fields, "NonFree")).lower() in ("true", "1", "yes"):
        return Terms(name=names[0] or "not free", known=False, commercial=False, modification=False)
    found = [terms_of(name, url) for name in names if name] or [terms_of("", url)]
    return next((t for t in found if t.known), found[0])


def _addresses(info: Mapping[str, Any]) -> tuple[str, ...]:
    """The standard thumbnail where the picture is wider, else the file itself."""
    whole, thumb = web(info.get("url")), web(info.get("thumburl"))
    width = number(info.get("width"))
    if thumb and width > WIDTH and number(info.get("thumbwidth")) in (0, *WIDTHS):
        return (thumb,)
    return (whole,) if whole and 0 < width <= WIDTH else ()


def _field(fields: Mapping[str, Any], name: str) -> object:
    entry = fields.get(name)
    return entry.get("value") if isinstance(entry, dict) else None


def _harmless(words: str) -> str:
    """Words without what the search takes for orders."""
    return " ".join(re.sub(r"[^\w\s'’]", " ", words).split())
