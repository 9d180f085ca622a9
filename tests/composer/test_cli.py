"""The command line: what it writes, how it ends, and what it says to bad input."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import composer.__main__ as cli
from composer.store import reopen
from tests.browser.conftest import script
from tests.composer.kit import picture

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, a scripted model, words alone."""
    monkeypatch.setenv("INTERLEAVE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("INTERLEAVE_TEXT_MODEL", f"scripted:{script(tmp_path)}")
    monkeypatch.setenv("INTERLEAVE_SENTENCE_ENCODER", "none")
    return tmp_path


def compose(tmp_path: Path, *arguments: str) -> int:
    return cli.main(["compose", *arguments, "--out", str(tmp_path / "out")])


BRIEF = "How lighthouses work, in 120 words"


def test_compose_writes_every_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "brass-lamp.png").write_bytes(picture("brass lamp")[1])
    (folder / "glass-lens.png").write_bytes(picture("glass lens")[1])
    assert compose(tmp_path, BRIEF, "--library", str(folder)) == 0
    out = tmp_path / "out"
    assert {p.name for p in out.iterdir()} >= {
        "article.md",
        "article.html",
        "article.json",
        "credits.json",
        "events.jsonl",
        "images",
    }
    assert len(list((out / "images").iterdir())) == len(json.loads((out / "credits.json").read_text())) == 2
    said = capsys.readouterr()
    assert "# Lighthouses" in said.out
    assert "Keepers trim the wick each night" in said.out
    assert "write 1/2 sections" in said.err
    assert "Keepers" not in said.err


def test_a_replayed_log_is_the_article(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compose(tmp_path, BRIEF) == 0
    out = tmp_path / "out"
    capsys.readouterr()
    assert cli.main(["replay", str(out / "events.jsonl")]) == 0
    assert capsys.readouterr().out == (out / "article.md").read_text(encoding="utf-8")
    assert cli.main(["replay", str(out / "events.jsonl"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((out / "article.json").read_text(encoding="utf-8"))


def test_json_prints_the_events(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compose(tmp_path, BRIEF, "--json") == 0
    kinds = [json.loads(line)["kind"] for line in capsys.readouterr().out.splitlines() if line]
    assert {"stage_started", "edited", "progress", "finished"} <= set(kinds)


def test_an_article_is_not_overwritten_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compose(tmp_path, BRIEF) == 0
    assert compose(tmp_path, BRIEF) == 2
    assert "--resume" in capsys.readouterr().err
    assert compose(tmp_path, BRIEF, "--overwrite") == 0
    assert any(p.name.startswith("out.before-") for p in tmp_path.iterdir())


def test_a_killed_run_is_continued(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "composer", "compose", BRIEF, "--out", str(tmp_path / "out")]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        assert run.stdout is not None
        seen = b""
        while b"Lamps burn" not in seen:
            seen += run.stdout.read(1)
        run.kill()
    before = reopen(tmp_path / "out").article
    assert before.title == "Lighthouses"
    assert not all(p.written for p in before.plans)
    assert compose(tmp_path, "", "--resume") == 0
    after = reopen(tmp_path / "out").article
    assert all(p.written for p in after.plans)
    assert [b.id for b in after.blocks if b.id in {x.id for x in before.blocks}] == [b.id for b in before.blocks]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([""], 2, "brief is empty"),
        (["x" * 2_000_000], 2, "2,000,000 characters"),
        (["@missing.md"], 2, "Cannot read missing.md"),
        (["@{tmp}/latin.md"], 2, "not UTF-8"),
        (["x", "--material", "{tmp}/paper.pdf"], 2, "is a PDF"),
        (["x", "--material", "{tmp}/office.docx"], 2, "office or zip"),
        (["x", "--reference", "{tmp}/latin.md"], 2, "latin.md"),
        (["x", "--reference", "{tmp}/bomb.png"], 2, "bomb.png"),
        (["x", "--reference", "{tmp}/torn.png"], 2, "torn.png"),
        (["x", "--library", "{tmp}/nowhere"], 2, "nowhere"),
        (["x", "--images", "many"], 2, "auto or a number"),
        (["x", "--images", "999"], 2, "0 to 40 pictures"),
        (["x", "--words", "7"], 2, "50 to 20,000"),
        (["x", "--kind", "sonnet"], 2, "no kind 'sonnet'"),
        (["x", "--lang", "klingonese"], 2, "no language code"),
        (["x", "--preset", "nix"], 1, "no preset 'nix'"),
        (["x", "--out", "{tmp}/latin.md/out"], 1, "Cannot write"),
    ],
)
def test_bad_input_is_refused_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    (tmp_path / "latin.md").write_bytes("Übung macht den Meister".encode("latin-1"))
    (tmp_path / "paper.pdf").write_bytes(b"%PDF-1.7\n...")
    with zipfile.ZipFile(tmp_path / "office.docx", "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    (tmp_path / "torn.png").write_bytes(picture("torn")[1][:60])
    header = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    (tmp_path / "bomb.png").write_bytes(header + b"\x00\x00\x00\x00" + b"\x00\x00\x00\x00IDAT\x00\x00\x00\x00")
    words = [a.replace("{tmp}", str(tmp_path)) for a in arguments]
    out = [] if "--out" in words else ["--out", str(tmp_path / "out")]
    assert cli.main(["compose", *words, *out]) == code
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err


def test_a_server_that_is_not_there_is_said_and_the_article_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLEAVE_TEXT_MODEL", "openai:any")
    monkeypatch.setenv("INTERLEAVE_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setattr("composer.backends.server.time.sleep", lambda seconds: None)
    assert compose(tmp_path, BRIEF) == 1
    said = capsys.readouterr().err
    assert "127.0.0.1:9" in said
    assert "--resume" in said
    assert (tmp_path / "out" / "events.jsonl").exists()


@pytest.mark.parametrize("arguments", [["compose"], ["nix"], [], ["compose", "x"]])
def test_wrong_usage_ends_with_two(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
