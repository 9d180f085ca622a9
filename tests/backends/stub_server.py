"""A model server that behaves as told, for each way in which real ones do: `{address}/BEHAVIOUR/v1`."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from composer.models import Message
from tests.backends.text_subjects import canned
from tests.serving import serving

REFUSED = {"error": {"message": "response_format is not supported"}}


class StubServer(ThreadingHTTPServer):
    """Remembers the requests it got, and whether a client left in the middle."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.left = threading.Event()
        self.failures = 2  # answers of "busy" before a good one

    def at(self, behaviour: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{behaviour}/v1"

    def handle_error(self, request: object, client_address: object) -> None:
        self.left.set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StubServer

    def do_GET(self) -> None:
        self._json(200, {"data": [{"id": "first-model"}, {"id": "second-model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)
        self.server.keys.append(self.headers.get("Authorization", ""))
        behaviour = self.path.split("/")[1]
        BEHAVIOURS[behaviour](self, body)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _json(self, status: int, value: object, **headers: str) -> None:
        self._body(status, json.dumps(value), "application/json", **headers)

    def _body(self, status: int, text: str, kind: str, **headers: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def good(self, body: dict[str, Any], *, events: int = 10_000, chunked: bool = True, pause: float = 0.0) -> None:
        """Stream the canned reply, honouring max_tokens and stop, up to `events` events."""
        content = body["messages"][-1]["content"]
        asked = content if isinstance(content, str) else content[-1]["text"]
        text = canned((Message(role="user", content=asked),))
        for stop in body.get("stop", []):
            text = text.split(stop)[0]
        tokens = [text[i : i + 4] for i in range(0, len(text), 4)][
            : body.get("max_tokens") or body.get("max_completion_tokens")
        ]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Connection", "close")))
        self.end_headers()
        send = self._chunk if chunked else self._plain
        for token in tokens[:events]:
            time.sleep(pause)
            send({"choices": [{"index": 0, "delta": {"content": token}, "finish_reason": None}]})
        if events < len(tokens):
            return self._hang_up()
        send({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        counts = {"prompt_tokens": 20, "completion_tokens": len(tokens), "prompt_tokens_details": {"cached_tokens": 5}}
        send({"choices": [], "usage": counts})
        send("[DONE]")
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self._hang_up()

    def _plain(self, value: object) -> None:
        self.wfile.write(f"data: {value if isinstance(value, str) else json.dumps(value)}\n\n".encode())

    def _chunk(self, value: object) -> None:
        data = f"data: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}\n\n".encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _hang_up(self) -> None:
        self.close_connection = True

    def busy(self, body: dict[str, Any], status: int, **headers: str) -> None:
        if self.server.failures:
            self.server.failures -= 1
            self._json(status, {"error": {"message": "come back later"}}, **headers)
        else:
            self.good(body)

    def whole(self, body: dict[str, Any]) -> None:
        self._json(200, {"choices": [{"message": {"role": "assistant", "content": "A whole reply."}}]})

    def picky(self, body: dict[str, Any], refused: tuple[str, ...]) -> None:
        if body.get("response_format", {}).get("type") in refused:
            self._json(400, REFUSED)
        else:
            self.good(body)

    def new_names(self, body: dict[str, Any]) -> None:
        if "max_tokens" in body:
            self._json(400, {"error": {"message": "Use max_completion_tokens"}})
        else:
            self.good(body)

    def slow(self, body: dict[str, Any]) -> None:
        time.sleep(0.6)

    def garbage(self, body: dict[str, Any]) -> None:
        self._body(200, 'data: {"choices": [{"delta": {"content": "Half"}}]}\n\ndata: {"cho\n\n', "text/event-stream")

    def error_event(self, body: dict[str, Any]) -> None:
        self._body(200, 'data: {"error": {"message": "out of memory"}}\n\n', "text/event-stream")


BEHAVIOURS: dict[str, Callable[[_Handler, dict[str, Any]], None]] = {
    "good": _Handler.good,
    "unchunked": lambda self, body: self.good(body, chunked=False),
    "endless": lambda self, body: self.good(body, pause=0.02),
    "half": lambda self, body: self.good(body, events=3),
    "half-unchunked": lambda self, body: self.good(body, events=3, chunked=False),
    "html": lambda self, body: self._body(200, "<html><h1>Welcome</h1></html>", "text/html"),
    "not-json": lambda self, body: self._body(200, "hello", "application/json"),
    "garbage": _Handler.garbage,
    "error-event": _Handler.error_event,
    "500": lambda self, body: self.busy(body, 500),
    "429": lambda self, body: self.busy(body, 429, Retry_After="0"),
    "429-long": lambda self, body: self.busy(body, 429, Retry_After="3600"),
    "401": lambda self, body: self._json(401, {"error": {"message": "bad key"}}),
    "404": lambda self, body: self._json(404, {"detail": "no such model"}),
    "400": lambda self, body: self._json(400, {"message": "prompt is too long"}),
    "slow": _Handler.slow,
    "whole": _Handler.whole,
    "no-schema": lambda self, body: self.picky(body, ("json_schema",)),
    "no-json": lambda self, body: self.picky(body, ("json_schema", "json_object")),
    "new-names": _Handler.new_names,
}


def running() -> AbstractContextManager[StubServer]:
    """The stub, for the time of a block."""
    return serving(StubServer())
