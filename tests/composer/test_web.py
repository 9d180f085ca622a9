"""The web is asked only when the author says so; what it gives is credited, and what it does not give stops nothing."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import composer.__main__ as cli
from composer.article import ImageSlot
from composer.brief import Wishes, make_brief
from composer.commands import _begin
from composer.engines import Engines
from composer.errors import SetupError, UsageError
from composer.illustrate import look_up
from composer.settings import load_settings
from composer.store import reopen
from retrieval.web.source import WebSource
from tests.browser.conftest import script
from tests.composer.kit import WordSource, kit, start, warnings
from tests.retrieval.web.conftest import stub, web
from tests.retrieval.web.stub import Reply, Web, as_json, commons_answer, commons_page, photo

__all__ = ["stub", "web"]
BRIEF = "How lighthouses work, in 120 words"
SEARCH = "/w/api.php"


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, web: Web) -> Web:
    """A scripted writer, no library, and Commons played by the stub."""
    monkeypatch.setenv("INTERLEAVE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("INTERLEAVE_TEXT_MODEL", f"scripted:{script(tmp_path)}")
    monkeypatch.setenv("INTERLEAVE_SENTENCE_ENCODER", "none")
    monkeypatch.setenv("INTERLEAVE_WEB_CONTACT", "ada@example.org")

    def played(names: Sequence[str], folder: Path, **given: Any) -> list[WebSource]:  # noqa: ANN401
        assert (list(names), given["contact"]) == (["commons"], "ada@example.org")
        return [WebSource(web.commons(), use=given["use"])]

    monkeypatch.setattr("composer.engines.web_sources", played)
    fields = {"ObjectName": "Brass lamp and glass lens of a lighthouse"}
    web.stub.put(SEARCH, as_json(commons_answer(*(commons_page(web.stub, n, fields=fields) for n in (1, 2, 3)))))
    for number in (1, 2, 3):
        web.stub.put(f"/commons/thumb/{number}.jpg/960px-{number}.jpg", photo(number, (960, 540)))
    return web


def compose(tmp_path: Path, *more: str) -> int:
    return cli.main(["compose", BRIEF, "--out", str(tmp_path / "out"), *more])


def test_a_picture_from_the_web_is_in_the_article_with_its_whole_credit(tmp_path: Path) -> None:
    assert compose(tmp_path, "--web", "commons") == 0
    listed = json.loads((tmp_path / "out" / "credits.json").read_text())
    assert listed
    for entry in listed:
        assert entry["author"] == "PtrQs"
        assert entry["licence"] == "CC BY-SA 4.0"
        assert entry["licence_url"] == "https://creativecommons.org/licenses/by-sa/4.0/"
        assert entry["author_url"] == "https://commons.wikimedia.org/wiki/User:PtrQs"
        assert entry["changes"] == "resized to 960 px"
        assert entry["retrieved"] == "2023-11-14"
        assert entry["original"] == entry["digest"]
        assert entry["url"].startswith("https://commons.wikimedia.org/wiki/File:Lighthouse_")
    page = (tmp_path / "out" / "article.html").read_text()
    assert 'href="https://commons.wikimedia.org/wiki/User:PtrQs"' in page
    assert reopen(tmp_path / "out").article.brief.web == ("commons",)


def test_off_is_off(tmp_path: Path, at_home: Web) -> None:
    assert load_settings().web_sources == "none"
    assert compose(tmp_path) == 0
    assert at_home.stub.asked == []
    assert reopen(tmp_path / "out").article.brief.web == ()


@pytest.mark.parametrize(("given", "asked"), [("", ("commons",)), ("none", ()), ("openverse", ("openverse",))])
def test_a_setting_switches_it_on_and_the_command_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, asked: tuple[str, ...]
) -> None:
    monkeypatch.setenv("INTERLEAVE_WEB_SOURCES", "commons")
    options = cli._parser().parse_args(["compose", BRIEF, "--out", str(tmp_path / "out"), "--web", given])
    assert _begin(options, load_settings()).article.brief.web == asked


def test_a_written_text_may_be_illustrated_from_the_web_too(tmp_path: Path, at_home: Web) -> None:
    text = tmp_path / "lamps.md"
    text.write_text("# Lamps\n\nA brass lamp burns oil all night.\n\nThe brass lamp is cleaned in the morning.\n")
    command = ["illustrate", str(text), "--out", str(tmp_path / "out"), "--images", "1", "--plain"]
    assert cli.main(command) == 0
    assert at_home.stub.asked == []
    assert cli.main([*command[:3], str(tmp_path / "web"), *command[4:], "--web", "commons"]) == 0
    assert at_home.stub.asked
    assert reopen(tmp_path / "web").article.brief.web == ("commons",)


@pytest.mark.parametrize(
    "reply",
    [Reply(status=500), Reply(status=429), Reply(body=b"{"), as_json({"error": {"code": "x"}}), Reply(status=403)],
)
def test_a_source_that_fails_stops_no_other(tmp_path: Path, at_home: Web, reply: Reply) -> None:
    at_home.stub.put(SEARCH, reply)
    toolkit = kit(start(tmp_path), (), WordSource(["brass lamp"]), WebSource(at_home.commons()))  # type: ignore[arg-type]
    found = look_up(toolkit, ImageSlot(id="b1", purpose="", query="brass lamp"))
    assert [c.picture.caption for c in found.candidates] == ["brass lamp"]
    (warning,) = found.warnings
    assert warning.startswith("commons gave no pictures: ")


def test_a_source_that_fails_stops_no_article(tmp_path: Path, at_home: Web) -> None:
    at_home.stub.put(SEARCH, Reply(status=429, headers={"Retry-After": "600"}))
    assert compose(tmp_path, "--web", "commons") == 0
    log = reopen(tmp_path / "out")
    assert any("commons gave no pictures: " in w for w in warnings(log))
    assert set(at_home.stub.paths()) == {SEARCH}
    assert len(at_home.stub.asked) <= 2  # both slots may have asked before the answer came
    assert "Keepers trim the wick" in (tmp_path / "out" / "article.md").read_text()


def test_without_a_contact_it_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INTERLEAVE_WEB_CONTACT", "none")
    assert compose(tmp_path, "--web", "commons") == 2
    assert "INTERLEAVE_WEB_CONTACT" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_there_is_no_unsplash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compose(tmp_path, "--web", "unsplash") == 2
    with pytest.raises(UsageError, match="no web source"):
        make_brief("Lamps", Wishes(web=("pexels",)))
    monkeypatch.setenv("INTERLEAVE_WEB_SOURCES", "pixabay")
    with pytest.raises(SetupError, match=r"web_sources.*pixabay"):
        load_settings()


def test_an_installation_without_a_contact_searches_on_without_the_web(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from retrieval.web.sources import web_sources

    monkeypatch.setattr("composer.engines.web_sources", web_sources)
    said: list[str] = []
    engines = Engines(load_settings(web_contact="none"), warn=said.append)
    log = start(tmp_path, wishes=Wishes(web=("commons",)))
    assert [s.name for s in engines.toolkit(log).sources] == []
    assert any("The web is not searched: " in text and "INTERLEAVE_WEB_CONTACT" in text for text in said)


def test_all_articles_share_a_source_and_so_its_turns(tmp_path: Path) -> None:
    engines = Engines(load_settings())
    one, two = (
        start(tmp_path / "a", wishes=Wishes(web=("commons",))),
        start(tmp_path / "b", wishes=Wishes(web=("commons",))),
    )
    assert engines.toolkit(one).sources[-1] is engines.toolkit(two).sources[-1]


def test_the_intended_use_reaches_the_library(tmp_path: Path) -> None:
    from dataclasses import replace

    from tests.retrieval.fakes import row

    engines = Engines(load_settings(intended_use="commercial"))
    found = row(1, "red fox")
    credit = replace(found.picture.attribution, licence="CC BY-NC 4.0")
    engines.library().add(
        [replace(found, picture=replace(found.picture, attribution=credit)), row(2, "red fox asleep")]
    )
    (source,) = engines.toolkit(start(tmp_path)).sources
    assert [c.picture.caption for c in source.find("red fox", 5)] == ["red fox asleep"]
    engines.library().close()
