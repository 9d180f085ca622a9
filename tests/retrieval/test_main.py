import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from retrieval import __main__ as cli
from retrieval import packs
from retrieval.__main__ import main
from retrieval.errors import SetupError
from retrieval.fetch import Progress
from retrieval.home import home
from tests.retrieval.fakes import as_bytes, drawing, put
from tests.retrieval.test_encoder import tiny_clip

ROOT = Path(__file__).parents[2]
Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INTERLEAVE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(("red fox.png", "grey wolf.png", "snow owl.jpg")):
        put(tmp_path / "woods" / name, number)
    return tmp_path / "woods"


def test_where_everything_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert home() == tmp_path / "home"
    monkeypatch.setenv("INTERLEAVE_HOME", "")
    assert home() == Path.home() / ".local" / "share" / "interleave"
    assert not (tmp_path / "home").exists()


def test_index_and_find(folder: Path, capsys: Output, at_home: Path) -> None:
    (folder / "torn.png").write_bytes(as_bytes(drawing(1))[:90])
    assert main(["index", str(folder), "--yes-mine", "--author", "Ada", "--source", "My woods"]) == 0
    said = capsys.readouterr()
    assert said.out == "3 added, 0 unchanged, 0 removed, 1 broken\n"
    assert "broken: " in said.err
    assert "torn.png" in said.err
    assert (at_home / "library.sqlite").is_file()
    assert main(["find", "a red fox", "-k", "1", "--json"]) == 0
    said = capsys.readouterr()
    (found,) = json.loads(said.out)
    assert found.keys() == {"digest", "path", "caption", "keywords", "score", "attribution"}
    assert found["attribution"] == {
        "title": "red fox", "author": "Ada", "source": "My woods", "licence": "yours", "url": ""
    }  # fmt: skip
    assert found["path"] == str(folder / "red fox.png")
    assert (found["caption"], found["keywords"]) == ("red fox", ["woods"])
    assert "found by words alone" in said.err
    assert main(["find", "a red fox", "-k", "1"]) == 0
    assert "red fox  [My woods, yours]" in capsys.readouterr().out
    assert main(["find", "nothing of this kind", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_an_unknown_licence_is_said(folder: Path, capsys: Output) -> None:
    main(["index", str(folder)])
    assert "licence is unknown" in capsys.readouterr().err
    main(["index", str(folder), "--licence", "CC BY 4.0"])
    assert "licence is unknown" not in capsys.readouterr().err


def test_a_library_of_ones_own_choice(folder: Path, tmp_path: Path, capsys: Output) -> None:
    library = str(tmp_path / "mine.sqlite")
    assert main(["index", str(folder), "--library", library]) == 0
    assert main(["find", "owl", "--library", library, "--json"]) == 0
    assert main(["find", "owl"]) == 1
    assert "There is no picture index" in capsys.readouterr().err


def test_pixels_are_searched_with_the_encoder_that_indexed(folder: Path, tmp_path: Path, capsys: Output) -> None:
    encoder = str(tiny_clip(tmp_path / "clip"))
    assert main(["index", str(folder), "--image-encoder", encoder]) == 0
    capsys.readouterr()
    assert main(["find", "an elephant", "--image-encoder", encoder, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3
    other = str(tiny_clip(tmp_path / "other"))
    Path(other, "open_clip_config.json").write_text(Path(other, "open_clip_config.json").read_text() + " ")
    assert main(["find", "an elephant", "--image-encoder", other, "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == []
    assert "holds no vectors of" in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["index", "nowhere"], 2, "There is no folder"),
        (["find", "x"], 1, "There is no picture index"),
        (["find", "x", "-k", "0"], 2, "-k must be at least 1"),
        (["packs", "list", "clips"], 2, "There is no pack 'clips'"),
        (["packs", "install", "clips"], 2, "There is no pack 'clips'"),
    ],
)
def test_errors_are_told_by_words_and_code(arguments: list[str], code: int, says: str, capsys: Output) -> None:
    assert main(arguments) == code
    said = capsys.readouterr()
    assert says in said.err
    assert said.out == ""


@pytest.mark.parametrize("arguments", [[], ["fly"], ["find"], ["packs", "remove"], ["find", "x", "-k", "many"]])
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: Output) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2


def test_a_pack_that_cannot_be_had_is_skipped_and_the_others_are_installed(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def install(name: str, folder: Path, progress: Progress) -> int:
        if name != "openmoji":
            raise SetupError(f"{name} is a Debian package, and apt-get is not on this system.")
        (folder / name).mkdir(parents=True)
        (folder / name / "0.png").write_bytes(as_bytes(drawing(1)))
        line = {"file": "0.png", "caption": "fox", "keywords": [], "captions": {}, "attribution": {}}
        (folder / name / "pictures.jsonl").write_text(json.dumps(line) + "\n")
        (folder / name / "ready").write_text(f"{packs.VERSION} 1")
        return 1

    monkeypatch.setattr(cli, "install", install)
    assert main(["packs", "install"]) == 0
    said = capsys.readouterr().err
    assert "MB to download: OpenMoji, Openclipart, Tux Paint stamps" in said
    assert said.count("skipped") == 2
    assert "OpenMoji: 1 pictures ready" in said
    assert main(["packs", "list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == ["openmoji", "openclipart", "tuxpaint"]
    assert "1 pictures" in listed[0]
    assert "not installed, 161 MB" in listed[2]
    assert main(["packs", "install", "tuxpaint"]) == 1


def test_it_runs_as_a_module(folder: Path, at_home: Path) -> None:
    environment = os.environ | {"INTERLEAVE_HOME": str(at_home)}
    command = [sys.executable, "-m", "retrieval", "index", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "3 added, 0 unchanged, 0 removed, 0 broken\n")
