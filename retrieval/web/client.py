"""One request to the web, bounded in everything: hops, seconds and bytes; each hop is checked by the rules.

Knows HTTP; does not know which status means what to a source, see `asking`.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin

from retrieval.errors import SourceError
from retrieval.web.guard import Rules, checked, session

if TYPE_CHECKING:
    from requests import Response

PIECE = 1 << 16  # bytes
REDIRECTS = (301, 302, 303, 307, 308)
VERSION = "0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long and how large one answer may be."""

    seconds: float = 30.0  # all of it, every hop
    silence: float = 10.0  # seconds between two signs of life
    bytes: int = 20_000_000  # after decompression
    hops: int = 3  # redirects


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str  # after redirects


class Unreachable(SourceError):
    """A server did not answer, or not to the end."""


class Client:
    """Asks the hosts that its rules allow. Safe to use from several threads."""

    def __init__(self, rules: Rules, agent: str, limits: Limits = Limits()) -> None:
        self._rules = rules
        self._agent = agent
        self._limits = limits
        self._session = session(rules)

    def get(self, url: str, parameters: Mapping[str, str] = {}, *, accept: str = "application/json") -> Answer:
        """The answer, whatever its status but a redirect. Raises SourceError for what cannot or may not be read."""
        from requests import RequestException

        until = time.monotonic() + self._limits.seconds
        address = f"{url}?{urlencode(parameters)}" if parameters else url
        for _ in range(self._limits.hops + 1):
            checked(address, self._rules)
            try:
                with self._ask(address, accept) as reply:
                    if reply.status_code not in REDIRECTS:
                        return self._answer(reply, address, until)
                    address = urljoin(address, reply.headers.get("Location", ""))
            except (RequestException, OSError) as error:
                raise Unreachable(f"{_host(address)} cannot be read: {_short(error)}. Try again later.") from error
        raise SourceError(f"{url} leads on and on, so it was given up after {self._limits.hops} redirects.")

    def _ask(self, address: str, accept: str) -> "Response":
        packed = "gzip" if "json" in accept else "identity"  # pictures are packed already
        headers = {"User-Agent": self._agent, "Accept": accept, "Accept-Encoding": packed}
        wait = min(self._limits.silence, self._limits.seconds)
        return self._session.get(address, headers=headers, stream=True, timeout=(wait, wait), allow_redirects=False)

    def _answer(self, reply: "Response", address: str, until: float) -> Answer:
        from urllib3.exceptions import HTTPError

        headers = {name.lower(): value for name, value in reply.headers.items()}
        body = bytearray()
        try:
            while piece := reply.raw.read1(PIECE, decode_content=True):
                body += piece
                if len(body) > self._limits.bytes:
                    raise SourceError(
                        f"{_host(address)} sends more than {self._limits.bytes // 1000} kB; it was given up."
                    )
                if time.monotonic() > until:
                    raise Unreachable(f"{_host(address)} took more than {self._limits.seconds:.0f} s; it was given up.")
        except HTTPError as error:
            raise Unreachable(f"{_host(address)} broke off: {_short(error)}. Try again later.") from error
        whole = headers.get("content-length", "")
        if whole.isdecimal() and "content-encoding" not in headers and len(body) < int(whole):
            raise Unreachable(f"{_host(address)} broke off after {len(body)} of {whole} bytes. Try again later.")
        return Answer(status=reply.status_code, headers=headers, body=bytes(body), url=address)


def user_agent(contact: str) -> str:
    """How this program names itself, in the form that Wikimedia asks for. Raises SourceError without a contact."""
    import requests

    if not is_contact(contact):
        raise SourceError(
            "Web sources want to know whom to write to. Set INTERLEAVE_WEB_CONTACT to your mail or web address."
        )
    return f"Interleave/{VERSION} ({contact.strip()}) python-requests/{requests.__version__}"


def is_contact(text: str) -> bool:
    """Whether a text can be a contact: a mail or web address in printable ASCII, in one line."""
    text = text.strip()
    plain = text.isascii() and text.isprintable() and not set("() ") & set(text)
    return plain and len(text) < 200 and ("@" in text[1:-1] or text.startswith(("https://", "http://")))


def _host(address: str) -> str:
    return address.split("/")[2] if address.count("/") > 1 else address


def _short(error: BaseException) -> str:
    """The innermost reason of an error: those of requests wrap those of urllib3, which wrap the system's."""
    inner = error
    while nested := [e for e in (*inner.args, getattr(inner, "reason", None)) if isinstance(e, BaseException)]:
        inner = nested[-1]
    reason = str(getattr(inner, "strerror", None) or inner).split(" (_ssl")[0].rpartition(": ")[2]
    return reason.strip(" .")[:150] or type(inner).__name__
