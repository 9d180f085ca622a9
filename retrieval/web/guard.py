"""Where a request may go: which schemes and hosts, and never to a machine of this network.

The address that was checked is the address that is connected to, so a name that changes its answer between check and
use gains nothing. Knows sockets and addresses; does not know what is asked.
"""

import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from retrieval.errors import SourceError

if TYPE_CHECKING:
    from requests import Session

HEADERS_S = 20.0  # a server that has not said all its headers by then is hung up on
POOL = 4  # connections kept to one host
NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(address: str, port: int) -> bool:
    """Whether an IP address is a public one of the internet: not private, loopback, link-local, reserved, multicast,
    nor one of these inside an IPv6 address."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if inner is None and found in NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None and not is_public(str(inner), port):
            return False
    return found.is_global and not found.is_multicast


def addresses_of(host: str, port: int) -> list[str]:
    """The IP addresses of a host, as this machine's resolver gives them. Raises OSError."""
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What may be connected to. All but `hosts` is there for tests, which have no public server; no setting changes it."""

    hosts: frozenset[str]
    scheme: str = "https"
    port: int = 443
    may_reach: Callable[[str, int], bool] = is_public  # IP address and port
    resolve: Callable[[str, int], Sequence[str]] = addresses_of


def checked(url: str, rules: Rules) -> str:
    """The address if the rules allow it. Raises SourceError that says what is wrong with it."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or rules.port
    except ValueError as error:
        raise SourceError(f"The address {url[:200]!r} cannot be read: {error}.") from error
    if parts.scheme != rules.scheme:
        raise SourceError(f"The address {url[:200]!r} is not {rules.scheme}, so it is not asked.")
    if parts.username is not None or "\\" in url or any(c.isspace() for c in url):
        raise SourceError(f"The address {url[:200]!r} is written to mislead, so it is not asked.")
    if host.lower() not in rules.hosts or port != rules.port:
        raise SourceError(
            f"{host}:{port} is not on the list of hosts that may be asked ({', '.join(sorted(rules.hosts))})."
        )
    return url


def connect(host: str, port: int, timeout: float, rules: Rules) -> socket.socket:
    """A connection to the first address of a host that answers, each checked before. Raises SourceError, OSError."""
    if host.lower() not in rules.hosts:
        raise SourceError(f"{host} is not on the list of hosts that may be asked.")
    found = list(dict.fromkeys(rules.resolve(host, port)))
    for address in found:
        if not rules.may_reach(address, port):
            raise SourceError(f"{host} leads to {address}, which is no public address, so it is not asked.")
    refusal: OSError = OSError(f"{host} has no address")
    for address in found:
        try:
            return socket.create_connection((address, port), timeout)
        except OSError as error:
            refusal = error
    raise refusal


def session(rules: Rules) -> "Session":
    """A requests session that connects only by the rules: without proxies, cookies, or passwords from the user's files."""
    from http.cookiejar import DefaultCookiePolicy

    from requests import Session

    made = Session()
    made.trust_env = False
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    made.mount("https://", _adapter(rules))
    made.mount("http://", _adapter(rules))
    return made


def _adapter(rules: Rules) -> Any:  # noqa: ANN401 - a class made where requests is imported
    from requests.adapters import HTTPAdapter
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.connection import HTTPConnection, HTTPSConnection

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return connect(self.host, self.port, _seconds(self.timeout), rules)

        def getresponse(self) -> Any:  # noqa: ANN401
            return _in_time(self.sock, super().getresponse)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return connect(self.host, self.port, _seconds(self.timeout), rules)

        def getresponse(self) -> Any:  # noqa: ANN401
            return _in_time(self.sock, super().getresponse)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
            super().init_poolmanager(*arguments, **named)
            self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    return Adapter(pool_maxsize=POOL)


def _seconds(timeout: object) -> float:
    return float(timeout) if isinstance(timeout, int | float) else HEADERS_S


def _in_time(sock: Any, read: Callable[[], Any]) -> Any:  # noqa: ANN401 - what urllib3's own function gives
    """Read an answer's headers; a server that drips them is hung up on, which ends the reading with an OSError."""

    def hang_up() -> None:
        with suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    watch = threading.Timer(HEADERS_S, hang_up)
    watch.daemon = True
    watch.start()
    try:
        return read()
    finally:
        watch.cancel()
