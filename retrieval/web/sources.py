"""The web sources of an installation, by their names: clients, quotas and caches put together.

The only place that says which hosts are asked; no setting changes it.
"""

from collections.abc import Sequence
from pathlib import Path

from retrieval.encoder import Encoder
from retrieval.errors import UsageError
from retrieval.licences import IntendedUse
from retrieval.web import commons, openverse
from retrieval.web.asking import Service
from retrieval.web.cache import Cache
from retrieval.web.client import Client, Limits, user_agent
from retrieval.web.gate import Gate, Quota
from retrieval.web.guard import Rules
from retrieval.web.record import Catalogue
from retrieval.web.source import WebSource

TITLES = {"openverse": "Openverse", "commons": "Wikimedia Commons"}
SEARCH_LIMITS = Limits(seconds=20.0, bytes=5_000_000)
REST_S = 60.0
FILE_LIMITS = Limits(seconds=30.0, bytes=20_000_000)


def read_names(text: str) -> tuple[str, ...]:
    """The sources that a person names: "openverse", "commons", both with a comma, "none" or nothing.

    Raises UsageError for a name that is none.
    """
    names = [n.strip().lower() for n in text.split(",") if n.strip()]
    wrong = [n for n in names if n not in TITLES and n != "none"]
    if wrong:
        raise UsageError(
            f"There is no web source {wrong[0]!r}. There are: {', '.join(TITLES)}; none: the web is not asked."
        )
    return tuple(n for n in TITLES if n in names)


def web_sources(
    names: Sequence[str],
    folder: Path,
    *,
    contact: str,
    use: IntendedUse = "any",
    sentence: Encoder | None = None,
) -> list[WebSource]:
    """The sources of these names; what they fetch and count is kept in `folder`. Raises SourceError without a contact."""
    agent = user_agent(contact) if names else ""
    cache = Cache(folder / "cache")
    made: list[WebSource] = []
    for name in read_names(",".join(names)):
        made.append(WebSource(_catalogue(name, folder, cache, agent), use=use, sentence=sentence))
    return made


def _catalogue(name: str, folder: Path, cache: Cache, agent: str) -> Catalogue:
    def service(what: str, hosts: frozenset[str], limits: Limits, quotas: Sequence[Quota] = ()) -> Service:
        rest = REST_S if what == "searches" else 0.0  # one file that is slow says nothing of the others
        gate = Gate(folder / f"{name}-{what}.json", quotas)
        client = Client(Rules(hosts=hosts), agent, limits)
        return Service(name=TITLES[name], client=client, gate=gate, cache=cache, rest=rest)

    if name == "openverse":
        return openverse.Openverse(
            service("searches", openverse.API_HOSTS, SEARCH_LIMITS, openverse.SEARCH_QUOTAS),
            service("files", openverse.FILE_HOSTS, FILE_LIMITS, openverse.FILE_QUOTAS),
        )
    return commons.Commons(
        service("searches", commons.API_HOSTS, SEARCH_LIMITS),
        service("files", commons.FILE_HOSTS, FILE_LIMITS),
    )
