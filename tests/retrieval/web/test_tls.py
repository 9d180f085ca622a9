"""Over https the certificate must be the host's, though the connection goes to an address that was checked before."""

import http.server
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.errors import SourceError
from retrieval.web.client import Client
from retrieval.web.guard import Rules
from tests.serving import serving

NAME = "pictures.example"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A server with a certificate for pictures.example that it signed itself."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here, so no certificate can be made")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", f"/CN={NAME}"]
    subprocess.run([*command, "-addext", f"subjectAltName=DNS:{NAME}"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.socket = context.wrap_socket(made.socket, server_side=True)
    with serving(made):
        yield made.server_port, certificate


def test_certificates_are_checked(server: tuple[int, Path]) -> None:
    port, certificate = server
    near = Rules(
        hosts=frozenset([NAME, "other.example"]),
        port=port,
        may_reach=lambda address, port: True,
        resolve=lambda host, port: ["127.0.0.1"],
    )
    client = Client(near, "test")
    with pytest.raises(SourceError, match="self-signed certificate"):
        client.get(f"https://{NAME}:{port}/")
    client._session.verify = str(certificate)
    assert client.get(f"https://{NAME}:{port}/").body == b"ok"
    with pytest.raises(SourceError, match="Hostname mismatch"):
        client.get(f"https://other.example:{port}/")
