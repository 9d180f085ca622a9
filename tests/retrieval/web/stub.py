"""A web server on this machine that answers as Openverse and Wikimedia Commons do, and as they should not."""

import json
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from retrieval.web.asking import Service
from retrieval.web.cache import Cache
from retrieval.web.client import Client, Limits
from retrieval.web.commons import Commons
from retrieval.web.gate import Gate, Quota
from retrieval.web.guard import Rules
from retrieval.web.openverse import Openverse
from tests.retrieval.fakes import as_bytes, drawing
from tests.serving import serving

AGENT = "Interleave/0.1 (ada@example.org) python-requests/0"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer; `drip` seconds between its bytes, `says` a Content-Length that is not its own."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    drip: float = 0.0
    says: int = -1


def as_json(value: object, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): v for name, v in headers.items()}
    return Reply(status=status, body=json.dumps(value).encode(), headers={"Content-Type": "application/json", **named})


def photo(seed: int = 1, size: tuple[int, int] = (320, 240), form: str = "PNG") -> Reply:
    return Reply(body=as_bytes(drawing(seed, size=size), form), headers={"Content-Type": "text/plain"})


class Stub:
    """The server: `at[path]` holds the replies to come there, the last of which stays."""

    def __init__(self) -> None:
        self.at: dict[str, deque[Reply]] = {}
        self.asked: list[tuple[str, dict[str, list[str]], dict[str, str]]] = []
        self.working = self.most_at_once = 0
        self.lock = threading.Lock()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                stub.answer(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: ANN401
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                """A client that hangs up is no error of the stub's."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def put(self, path: str, *replies: Reply) -> None:
        self.at[path] = deque(replies)

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        with self.lock:
            self.asked.append((parts.path, parse_qs(parts.query), dict(handler.headers)))
            self.working += 1
            self.most_at_once = max(self.most_at_once, self.working)
            waiting = self.at.get(parts.path, deque([Reply(status=404, body=b'{"detail":"Not found."}')]))
            reply = waiting[0] if len(waiting) == 1 else waiting.popleft()
        try:
            self._send(handler, reply)
        except OSError:
            handler.close_connection = True  # the other side has hung up
        with self.lock:
            self.working -= 1

    def _send(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(reply.says if reply.says >= 0 else len(reply.body)))
        handler.end_headers()
        step = 1 if reply.drip else max(1, len(reply.body))
        for begin in range(0, len(reply.body), step):
            handler.wfile.write(reply.body[begin : begin + step])
            handler.wfile.flush()
            time.sleep(reply.drip)
        if reply.says > len(reply.body):
            handler.close_connection = True


@contextmanager
def served() -> Iterator[Stub]:
    stub = Stub()
    with serving(stub.server):
        yield stub


def rules(stub: Stub, *more: str) -> Rules:
    """The stub may be reached though it is on this machine; nothing else of it."""
    return Rules(
        hosts=frozenset(["127.0.0.1", *more]),
        scheme="http",
        port=stub.port,
        may_reach=lambda address, port: (address, port) == ("127.0.0.1", stub.port),
    )


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Web:
    """What a test of a source needs."""

    stub: Stub
    folder: Path
    clock: Clock = field(default_factory=Clock)
    limits: Limits = field(default_factory=lambda: Limits(seconds=2.0, silence=1.0, bytes=200_000))

    def service(self, what: str, quotas: tuple[Quota, ...] = (), rest: float = 0.0) -> Service:
        gate = Gate(self.folder / f"{what}.json", quotas, clock=self.clock, sleep=self.clock.sleep)
        client = Client(rules(self.stub), AGENT, self.limits)
        cache = Cache(self.folder / "cache", clock=self.clock)
        return Service(name="The stub", client=client, gate=gate, cache=cache, rest=rest)

    def openverse(self, quotas: tuple[Quota, ...] = (), rest: float = 0.0) -> Openverse:
        address = f"{self.stub.url}/v1/images/"
        return Openverse(self.service("searches", quotas, rest), self.service("files"), address=address)

    def commons(self) -> Commons:
        return Commons(self.service("searches"), self.service("files"), address=f"{self.stub.url}/w/api.php")


def openverse_result(number: int = 1, **changed: object) -> dict[str, object]:
    """A result in the shape that Openverse gives."""
    name = f"4bc43a04-ef46-4544-a0c1-63c63f56e27{number}"
    return {
        "id": name,
        "title": "Tree Bark Photo",
        "indexed_on": "2022-08-27T17:39:48.570760Z",
        "foreign_landing_url": f"https://stocksnap.io/photo/XNVBVXO3B{number}",
        "url": f"https://example.org/{number}.jpg",
        "creator": "Tim Sullivan",
        "creator_url": "https://www.freestock.example/tim",
        "license": "cc0",
        "license_version": "1.0",
        "license_url": "https://creativecommons.org/publicdomain/zero/1.0/",
        "provider": "stocksnap",
        "source": "stocksnap",
        "category": "photograph",
        "filesize": 896128,
        "filetype": "jpg",
        "tags": [{"accuracy": None, "name": "tree", "unstable__provider": "stocksnap"}, {"name": "bark"}],
        "attribution": '"Tree Bark Photo" by Tim Sullivan is marked with CC0 1.0.',
        "fields_matched": ["title"],
        "mature": False,
        "height": 4016,
        "width": 6016,
        "thumbnail": f"https://api.openverse.org/v1/images/{name}/thumb/",
        "detail_url": f"https://api.openverse.org/v1/images/{name}/",
        "unstable__sensitivity": [],
        **changed,
    }


def openverse_page(*results: object) -> dict[str, object]:
    return {"result_count": len(results), "page_count": 1, "page_size": 20, "page": 1, "results": list(results)}


def thumb(number: int = 1) -> str:
    return f"/v1/images/4bc43a04-ef46-4544-a0c1-63c63f56e27{number}/thumb/"


def commons_page(
    stub: Stub, number: int = 1, fields: Mapping[str, object] | None = None, **info: object
) -> dict[str, object]:
    """A page in the shape that Commons gives for formatversion=2."""
    said = {
        "LicenseShortName": "CC BY-SA 4.0",
        "License": "cc-by-sa-4.0",
        "LicenseUrl": "https://creativecommons.org/licenses/by-sa/4.0",
        "Artist": '<a href="//commons.wikimedia.org/wiki/User:PtrQs" title="User:PtrQs">PtrQs</a>',
        "ImageDescription": "<p>A <b>lighthouse</b> at night<script>alert(1)</script></p>",
        "ObjectName": "Lighthouse of Hörnum",
        **(fields or {}),
    }
    return {
        "pageid": 81754320 + number,
        "ns": 6,
        "title": f"File:Lighthouse {number}.jpg",
        "index": number,
        "imagerepository": "local",
        "imageinfo": [
            {
                "url": f"{stub.url}/commons/{number}.jpg",
                "descriptionurl": f"https://commons.wikimedia.org/wiki/File:Lighthouse_{number}.jpg",
                "thumburl": f"{stub.url}/commons/thumb/{number}.jpg/960px-{number}.jpg",
                "thumbwidth": 960,
                "thumbheight": 540,
                "width": 5514,
                "height": 3102,
                "size": 11863148,
                "mime": "image/jpeg",
                "user": "PtrQs",
                "extmetadata": {
                    k: {"value": v, "source": "commons-desc-page", "hidden": ""}
                    for k, v in said.items()
                    if v is not None
                },
                **info,
            }
        ],
    }


def commons_answer(*pages: object) -> dict[str, object]:
    return {
        "batchcomplete": True,
        "continue": {"gsroffset": 20, "continue": "gsroffset||"},
        "query": {"pages": list(pages)},
    }
