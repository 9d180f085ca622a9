"""Asking one web service: its turn awaited, its answer cached, tried once more where that may help, read or explained.

Knows what HTTP statuses mean to a source; does not know any source's fields.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from retrieval.errors import SourceError
from retrieval.web.cache import DAY_S, Cache, Kept
from retrieval.web.client import Answer, Client, Unreachable
from retrieval.web.gate import Gate
from retrieval.web.text import plain

SEARCH_AGE_S = DAY_S
PICTURE_AGE_S = 30 * DAY_S
TRIES = 2
UNSAID_S = 60.0  # waited where a server says "too many" and not how long
PAUSE_S = 1.0  # before trying again a server that stumbled
MEANINGS = {
    400: "it does not understand the question",
    401: "it wants a sign-in that this program does not have",
    403: "it refuses this program; is the contact in INTERLEAVE_WEB_CONTACT right?",
    404: "there is no such thing",
    410: "it is gone",
}


class Later(Exception):
    """A source that answers wants to be asked again after some seconds."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service of a source: how it is reached, when it may be asked, and what is remembered of it."""

    name: str  # as errors call it
    client: Client
    gate: Gate
    cache: Cache
    rest: float = 0.0  # seconds it is left alone when it cannot be reached, so that not every question waits for it

    def read(self, url: str, parameters: Mapping[str, str], understand: Callable[[Answer], Any]) -> Any:  # noqa: ANN401
        """What `understand` makes of the JSON found there; an answer that it takes is kept for a day.

        `understand` raises SourceError for what it cannot use, Later where the source wants to be asked again.
        """
        key = f"{url} {json.dumps(dict(parameters), sort_keys=True)}"
        if kept := self.cache.get(key, SEARCH_AGE_S):
            return understand(Answer(status=200, headers={}, body=kept.data, url=url))
        found: list[Any] = []

        def take(answer: Answer) -> None:
            found.append(understand(answer))
            self.cache.put(key, answer.body)

        self._ask(url, parameters, "application/json", take)
        return found[-1]

    def fetch(self, url: str, accept: str) -> Kept:
        """The bytes of a file, kept for a month."""
        if kept := self.cache.get(url, PICTURE_AGE_S):
            return kept
        return self.cache.put(url, self._ask(url, {}, accept, lambda answer: None).body)

    def _ask(self, url: str, parameters: Mapping[str, str], accept: str, take: Callable[[Answer], None]) -> Answer:
        reason = ""
        for _ in range(TRIES):
            self.gate.enter()
            try:
                answer = self.client.get(url, parameters, accept=accept)
                _require(answer)
                take(answer)
                return answer
            except Later as later:
                reason = str(later)
                self.gate.close(later.seconds, reason)  # the next turn waits for it, or gives up
            except Unreachable:
                self.gate.close(self.rest, "it could not be reached")
                raise
        self.gate.close(self.rest, reason)
        raise SourceError(f"{self.name}: {reason}. Try again later.")


def as_object(answer: Answer) -> Mapping[str, Any]:
    """A JSON answer that is an object. Raises SourceError."""
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"It answered with what is no JSON ({error}). Try again later.") from error
    if not isinstance(value, dict):
        raise SourceError("It answered with something else than it used to. Is there a newer version of this program?")
    return value


def seconds_asked(answer: Answer, unsaid: float = UNSAID_S) -> float:
    """How long a server asks to wait: by its Retry-After (seconds or a date), else by its words, else `unsaid`."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isdecimal():
        return _bounded(float(said))
    try:
        return _bounded(parsedate_to_datetime(said).timestamp() - time.time())
    except (ValueError, TypeError):
        pass
    found = re.search(rb"available in (\d{1,6}) second", answer.body)
    return _bounded(float(found[1])) if found else unsaid


def _bounded(seconds: float) -> float:
    return min(max(seconds, 1.0), DAY_S)


def _require(answer: Answer) -> None:
    """Pass for an answer with content. Raises Later for one that another try may change, SourceError for any other."""
    status = answer.status
    if status == 200:
        return
    if status == 429 or (status == 503 and "retry-after" in answer.headers):
        raise Later(seconds_asked(answer), f"it has too many questions ({status})")
    if status >= 500:
        raise Later(PAUSE_S, f"it is out of order ({status})")
    detail = _detail(answer)
    raise SourceError(f"{MEANINGS.get(status, 'it answered')} ({status}{': ' + detail if detail else ''}).")


def _detail(answer: Answer) -> str:
    try:
        value = json.loads(answer.body)
        return plain(value.get("detail"), 150) if isinstance(value, dict) else ""
    except (ValueError, RecursionError):
        return ""
