"""Openverse: a search over pictures of Flickr, museums, Wikimedia and others that are under open licences.

Asked without an account: 20 searches a minute and 200 a day, counted on disk; 20 results each. Files come from its own
thumbnail service or from two hosts that offer handy sizes, never from whatever host a record names.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from retrieval.errors import SourceError
from retrieval.licences import IntendedUse, terms_of
from retrieval.web.asking import Service, as_object
from retrieval.web.client import Answer
from retrieval.web.gate import Quota
from retrieval.web.record import Record
from retrieval.web.text import number, plain, web

API = "https://api.openverse.org/v1/images/"
API_HOSTS = frozenset(["api.openverse.org"])
DIRECT = frozenset(["live.staticflickr.com", "cdn.stocksnap.io"])  # their addresses are of 960 or 1024 px
FILE_HOSTS = API_HOSTS | DIRECT
SEARCH_QUOTAS = (Quota(20, 60.0), Quota(200, 86_400.0))  # anonymous; production headers, autumn 2026
FILE_QUOTAS = (Quota(150, 60.0),)
PAGE_SIZE = 20  # more needs an account
LONGEST_QUERY = 200  # characters; the service cuts what is longer
WHOLE_PX = 1600  # up to this width its thumbnail service is asked for the whole picture, else for 600 px
FORMS = "image/jpeg,image/png,image/webp;q=0.9"
LICENCE_TYPES = {"commercial": "commercial", "modify": "modification", "both": "commercial,modification"}
SPENT = {"anon_sustained": 3600.0, "anon_burst": 60.0}  # seconds to stay away when a quota is spent


class Openverse:
    """The catalogue. `api` answers searches, `files` gives pictures."""

    name = "openverse"

    def __init__(self, api: Service, files: Service, *, address: str = API) -> None:
        self._api = api
        self._files = files
        self._address = address

    def search(self, words: str, use: IntendedUse) -> Sequence[Record]:
        """See Catalogue."""
        asked = {"q": words[:LONGEST_QUERY], "page_size": str(PAGE_SIZE), "mature": "false"}
        if use != "any":
            asked["license_type"] = LICENCE_TYPES[use]
        found: list[Record] = self._api.read(self._address, asked, self._records)
        return found

    def file(self, address: str) -> tuple[bytes, float]:
        """See Catalogue."""
        kept = self._files.fetch(address, FORMS)
        return kept.data, kept.time

    def _records(self, answer: Answer) -> list[Record]:
        self._heed(answer)
        results = as_object(answer).get("results")
        if not isinstance(results, list):
            raise SourceError("Openverse answered without results. Is there a newer version of this program?")
        records = [self._record(r) for r in results if isinstance(r, dict) and r.get("filetype") != "svg"]
        return [r for r in records if r.addresses]

    def _record(self, found: Mapping[str, Any]) -> Record:
        version = plain(found.get("license_version"), 10)
        listed = found.get("tags")
        tags = [plain(t.get("name"), 40) for t in (listed if isinstance(listed, list) else ()) if isinstance(t, dict)]
        provider = plain(found.get("source") or found.get("provider"), 60)
        return Record(
            addresses=self._addresses(found),
            terms=terms_of(f"{plain(found.get('license'), 20)} {version}".strip(), web(found.get("license_url"))),
            title=plain(found.get("title")),
            author=plain(found.get("creator"), 120),
            author_url=web(found.get("creator_url")),
            source=f"{provider} via Openverse" if provider else "Openverse",
            page=web(found.get("foreign_landing_url")) or web(found.get("detail_url")),
            keywords=tuple(t for t in tags if t)[:20],
            width=number(found.get("width")),
            height=number(found.get("height")),
        )

    def _addresses(self, found: Mapping[str, Any]) -> tuple[str, ...]:
        direct = web(found.get("url"))
        handy = direct if direct.startswith("https://") and urlsplit(direct).hostname in DIRECT else ""
        name = plain(found.get("id"), 60)
        thumb = f"{self._address}{quote(name, safe='')}/thumb/" if name else ""
        if thumb and 0 < number(found.get("width")) <= WHOLE_PX:
            thumb += "?full_size=true"
        return tuple(a for a in (handy, thumb) if a)

    def _heed(self, answer: Answer) -> None:
        """Stay away for a while when the answer says that a quota is spent: others may share this machine's address."""
        for scope, seconds in SPENT.items():
            if answer.headers.get(f"x-ratelimit-available-{scope}", "").strip() == "0":
                self._api.gate.close(seconds, "its requests are used up")
