"""`python -m retrieval find --web`: the library and the web together, or the web alone."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from retrieval import __main__ as cli
from retrieval.__main__ import main
from retrieval.web.source import WebSource
from tests.retrieval.fakes import put
from tests.retrieval.web.stub import Reply, Web, as_json, openverse_page, openverse_result, photo, thumb

SEARCH = "/v1/images/"


@pytest.fixture(autouse=True)
def played(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Web:
    monkeypatch.setenv("INTERLEAVE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("INTERLEAVE_WEB_CONTACT", "ada@example.org")

    def sources(names: Sequence[str], folder: Path, **given: Any) -> list[WebSource]:  # noqa: ANN401
        assert given["contact"] == "ada@example.org"
        return [WebSource(web.openverse(), use=given["use"]) for _ in names]

    monkeypatch.setattr(cli, "web_sources", sources)
    web.stub.put(SEARCH, as_json(openverse_page(openverse_result(license="by-nc"))))
    web.stub.put(thumb(), photo())
    return web


def test_the_web_alone_and_what_it_may_be_used_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", "tree bark", "--web", "openverse", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["attribution"]["licence"] == "CC BY-NC 1.0"
    assert main(["find", "tree bark", "--web", "openverse"]) == 0
    assert "[stocksnap via Openverse, CC BY-NC 1.0]  https://stocksnap.io/photo/XNVBVXO3B1" in capsys.readouterr().out
    assert main(["find", "tree bark", "--web", "openverse", "--use", "commercial", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_the_library_and_the_web(tmp_path: Path, played: Web, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path / "woods" / "tree bark.png", 7)
    assert main(["index", str(tmp_path / "woods"), "--yes-mine"]) == 0
    capsys.readouterr()
    assert main(["find", "tree bark", "--web", "openverse", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {c["attribution"]["licence"] for c in found} == {"yours", "CC BY-NC 1.0"}
    asked = len(played.stub.asked)
    assert main(["find", "tree bark", "--json"]) == 0
    assert len(played.stub.asked) == asked
    assert len(json.loads(capsys.readouterr().out)) == 1
    played.stub.put(SEARCH, Reply(status=403))
    assert main(["find", "old tree bark", "--web", "openverse", "--json"]) == 0
    said = capsys.readouterr()
    assert [c["attribution"]["licence"] for c in json.loads(said.out)] == ["yours"]
    assert "warning: openverse gave no pictures" in said.err


def test_a_source_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", "tree", "--web", "pixabay"]) == 2
    assert "There is no web source 'pixabay'" in capsys.readouterr().err
