"""An image server that behaves as told, for each way in which real ones do: `{address}/BEHAVIOUR/v1`."""

import base64
import hashlib
import io
import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

from tests.serving import serving

Fields = dict[str, Any]


class ImageServer(ThreadingHTTPServer):
    """Remembers the requests it got: fields, with the bytes of each file in a list under its field."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, Fields]] = []
        self.failures = 2  # answers of "busy" before a good one
        self.kept: dict[str, bytes] = {}

    def at(self, behaviour: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{behaviour}/v1"

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that went away


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ImageServer

    def do_GET(self) -> None:
        path = self.path.split("/v1", 1)[-1]
        if path in self.server.kept:
            self.send(200, self.server.kept[path], "image/png")
        elif path == "/models":
            owner = self.path.split("/")[1]
            self.json(200, {"data": [{"id": "first", "owned_by": owner}, {"id": "second"}]})
        else:
            self.json(404, {"detail": "no such file"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kind = self.headers.get("Content-Type", "")
        fields = form(body, kind) if "multipart" in kind else json.loads(body)
        behaviour, path = self.path.split("/")[1], self.path.split("/v1", 1)[-1]
        self.server.requests.append((path, fields))
        BEHAVIOURS.get(behaviour, _Handler.good)(self, fields)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def json(self, status: int, value: object) -> None:
        self.send(status, json.dumps(value).encode(), "application/json")

    def send(self, status: int, data: bytes, kind: str, *, announced: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(announced or len(data)))
        self.end_headers()
        self.wfile.write(data)

    def good(self, fields: Fields) -> None:
        """A picture inside the answer."""
        self.json(200, {"created": 1, "data": [{"b64_json": base64.b64encode(png(fields)).decode(), "url": None}]})

    def by_url(self, fields: Fields, url: str = "/images/one/content") -> None:
        """A picture behind an address of the server's own, without its root."""
        self.server.kept["/images/one/content"] = png(fields)
        root = self.path.split("/v1", 1)[0]
        self.json(200, {"data": [{"url": url.format(host=self.headers["Host"], root=root)}]})

    def busy(self, fields: Fields, status: int) -> None:
        if self.server.failures:
            self.server.failures -= 1
            self.json(status, {"detail": "the model is loading"})
        else:
            self.good(fields)

    def picky(self, fields: Fields, status: int) -> None:
        """Takes nothing but what OpenAI's own first model took."""
        more = set(fields) - {"model", "prompt", "n", "size"}
        if more:
            self.json(status, {"detail": [{"loc": ["body", sorted(more)[0]], "msg": "extra fields not permitted"}]})
        else:
            self.good(fields)

    def slow(self, fields: Fields) -> None:
        time.sleep(0.6)
        self.good(fields)

    def truncated(self, fields: Fields) -> None:
        body = json.dumps({"data": [{"b64_json": base64.b64encode(png(fields)).decode()}]}).encode()
        self.close_connection = True
        self.send(200, body[: len(body) // 2], "application/json", announced=len(body))


def form(body: bytes, kind: str) -> Fields:
    """The fields of a multipart form; files as lists of bytes."""
    message = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    found: Fields = {}
    for part in message.walk():
        name = str(part.get_param("name", header="content-disposition"))
        data = part.get_payload(decode=True)
        if not isinstance(data, bytes):
            continue
        if part.get_filename():
            found.setdefault(name, []).append(data)
        else:
            found[name] = data.decode()
    return found


def png(fields: Fields, size: tuple[int, int] | None = None) -> bytes:
    """One colour that follows from everything in a request."""
    width, height = size or tuple(int(side) for side in fields["size"].split("x"))
    told = {k: [hashlib.sha256(f).hexdigest() for f in v] if isinstance(v, list) else str(v) for k, v in fields.items()}
    colour = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).digest()
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (colour[0], colour[1], colour[2])).save(buffer, "PNG")
    return buffer.getvalue()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


BEHAVIOURS: dict[str, Callable[[_Handler, Fields], None]] = {
    "by-path": _Handler.by_url,
    "by-address": lambda self, fields: self.by_url(fields, "http://{host}{root}/v1/images/one/content"),
    "elsewhere": lambda self, fields: self.by_url(fields, "http://169.254.169.254/latest/meta-data"),
    "as-data": lambda self, fields: self.by_url(fields, "data:image/png;base64," + _text(png(fields))),
    "500": lambda self, fields: self.busy(fields, 500),
    "503": lambda self, fields: self.busy(fields, 503),
    "400": lambda self, fields: self.json(400, {"error": {"message": "the prompt breaks our rules"}}),
    "422": lambda self, fields: self.json(422, {"detail": "size must be one of 512x512"}),
    "picky-400": lambda self, fields: self.picky(fields, 400),
    "picky-422": lambda self, fields: self.picky(fields, 422),
    "401": lambda self, fields: self.json(401, {"detail": "bad key"}),
    "slow": _Handler.slow,
    "truncated": _Handler.truncated,
    "wrong-size": lambda self, fields: self.json(200, {"data": [{"b64_json": _text(png(fields, (90, 30)))}]}),
    "larger": lambda self, fields: self.json(200, {"data": [{"b64_json": _text(png(fields, (128, 128)))}]}),
    "no-picture": lambda self, fields: self.json(200, {"data": [{"b64_json": _text(b"<html>Hello</html>")}]}),
    "no-base64": lambda self, fields: self.json(200, {"data": [{"b64_json": "?????"}]}),
    "empty": lambda self, fields: self.json(200, {"data": []}),
    "no-list": lambda self, fields: self.json(200, {"images": "yes"}),
    "web-page": lambda self, fields: self.send(200, b"<html>Welcome</html>", "text/html"),
}


def running() -> AbstractContextManager[ImageServer]:
    """The stub, for the time of a block."""
    return serving(ImageServer())
