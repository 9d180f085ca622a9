"""Qdrant's HTTP interface, as far as the adapter uses it, in front of the client's own stand-in for a server.

It proves what goes over the wire and back; how a real server searches it cannot prove.
"""

import json
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.serving import serving


class Played:
    """The server. `asked` holds method, path and body of every request."""

    def __init__(self) -> None:
        from qdrant_client import QdrantClient

        self.client = QdrantClient(":memory:")
        self.asked: list[tuple[str, str, Any]] = []
        self.lock = threading.Lock()
        played = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._do()

            def do_PUT(self) -> None:
                self._do()

            def do_POST(self) -> None:
                self._do()

            def _do(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, result = played.answer(self.command, self.path.split("?")[0], json.loads(body or b"{}"))
                said = json.dumps({"result": result, "status": "ok", "time": 0.001}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:  # noqa: ANN401
        with self.lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the stand-in says what it does not do
            self.asked.append((method, path, body))
            found = re.fullmatch(r"/collections/([^/]+)(/.*)?", path)
            if found is None:
                return 404, None
            return self._do(f"{method} {found[2] or ''}".strip(), found[1], body)

    def _do(self, what: str, name: str, body: Any) -> tuple[int, Any]:  # noqa: ANN401
        from qdrant_client import models

        here, done = self.client, {"operation_id": 0, "status": "completed"}
        match what:
            case "GET /exists":
                return 200, {"exists": here.collection_exists(name)}
            case "PUT":
                space = models.VectorParams(**body["vectors"])
                return 200, here.create_collection(name, vectors_config=space, metadata=body.get("metadata"))
            case "GET":
                return 200, json.loads(here.get_collection(name).model_dump_json())
            case "PUT /index":
                return 200, done
            case "PUT /points":
                here.upsert(name, [models.PointStruct(**point) for point in body["points"]])
                return 200, done
            case "POST /points/delete":
                here.delete(name, models.PointIdsList(**body))
                return 200, done
            case "POST /points/query":
                wanted = models.QueryRequest(**body)
                points = here.query_points(
                    name, query=body["query"]["nearest"], query_filter=wanted.filter, limit=wanted.limit or 10
                ).points
                return 200, {"points": [{"id": p.id, "version": 0, "score": p.score} for p in points]}
            case "POST /points/scroll":
                rows, following = here.scroll(name, limit=body["limit"], offset=body.get("offset"), with_payload=False)
                return 200, {"points": [{"id": p.id} for p in rows], "next_page_offset": following}
            case "POST /points/count":
                return 200, {"count": here.count(name).count}
        return 404, None


@contextmanager
def played() -> Iterator[Played]:
    server = Played()
    with serving(server.server):
        yield server
