"""The command `draw`: what it decides in the author's name, what it draws and judges, and what it says to bad input."""

from dataclasses import replace
from pathlib import Path

import pytest

import composer.__main__ as cli
from composer.article import Article, Way
from composer.draw_command import decide, drawn
from composer.drawing import gate
from composer.edits import ChooseImage, OfferImages, SetStyle
from composer.errors import UsageError
from composer.export.containers import xmp_of
from composer.store import ArticleLog, reopen
from retrieval.picture import Candidate
from tests.browser.conftest import script
from tests.composer.kit import picture, run
from tests.drawing.kit import article_with, drawing, wanting
from tests.drawing.test_stage import Judge, Shades
from tests.fakes import FlatGenerator


def found_in(log: ArticleLog, slot: str, caption: str) -> None:
    """A found picture, chosen for a slot."""
    made, data = picture(caption)
    log.pictures.put(made.digest, made.media_type, data)
    log.commit(
        OfferImages(id=slot, candidates=(Candidate(picture=made, source="s", score=1, relevance=1),)), by="model"
    )
    log.commit(ChooseImage(id=slot, digest=made.digest), by="model")


def both(article: Article, number: int) -> list[bool]:
    """Whether each candidate of a slot was drawn."""
    return [c.picture.recipe is not None for c in article.slots()[number].candidates]


def test_what_the_author_names_is_drawn_and_stands_beside_what_was_found(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("brass lamp, a lamp"), wanting("glass lens, a lens"), wanting("oil can"))
    lamp, lens, can = (s.id for s in log.article.slots())
    for slot, caption in ((lamp, "brass lamp"), (lens, "glass lens")):
        found_in(log, slot, caption)
    log.commit(SetStyle(style="old words\nkeeper = an old man"), by="person")
    assert decide(log, ["LAMP"], "flat emoji") == [lamp]
    assert log.article.style == "flat emoji\nkeeper = an old man"
    article = run(log, lambda tk, a: drawn(tk, a, [lamp], tries=1), drawing(log))
    assert (both(article, 0), both(article, 1), both(article, 2)) == ([True, False], [False], [])
    filled = article.slots()[0]
    assert (filled.way, filled.way_by, filled.chosen) == (Way.DRAWN, "person", filled.candidates[0].picture.digest)
    assert filled.alt, "it is worded anew"
    assert decide(log, [], "") == [lamp, lens, can]


@pytest.mark.parametrize(("tries", "offered"), [(1, False), (3, True)])
def test_what_cannot_be_recognised_is_tried_with_other_seeds_and_else_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tries: int, offered: bool
) -> None:
    monkeypatch.setattr(gate, "judge_of", lambda name: Judge())
    log = article_with(tmp_path, wanting("a light"))
    (slot,) = log.article.slots()
    found_in(log, slot.id, "a light")
    toolkit = drawing(log, Shades(light_from=101_500), draw_gate=0.9)
    ids = decide(log, ["light"], "")
    article = run(log, lambda tk, a: drawn(tk, a, ids, tries=tries), toolkit)
    assert both(article, 0) == ([True, False] if offered else [False])
    assert article.slots()[0].chosen == article.slots()[0].candidates[0].picture.digest


def test_words_that_no_query_has_are_answered_with_those_there_are(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("brass lamp"))
    before = log.seq
    with pytest.raises(UsageError, match="“brass lamp”"):
        decide(log, ["lamp", "whale"], "ink")
    assert log.seq == before, "nothing is decided by half"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INTERLEAVE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("INTERLEAVE_TEXT_MODEL", f"scripted:{script(tmp_path)}")
    monkeypatch.setenv("INTERLEAVE_SENTENCE_ENCODER", "none")
    monkeypatch.setenv("INTERLEAVE_DRAW_GATE", "0")
    return tmp_path


def test_the_folder_is_written_anew_with_marked_pictures(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("composer.engines.image_generator", lambda spec, options: FlatGenerator())
    log = article_with(home, wanting("brass lamp"), wanting("glass lens"))
    assert cli.main(["draw", str(log.folder), "--only", "lamp", "--style", "ink"]) == 0
    lamp, lens = reopen(log.folder).article.slots()
    assert lamp.picture
    assert lamp.picture.recipe
    assert "ink" in lamp.picture.recipe.prompt
    assert lens.picture is None
    (file,) = (log.folder / "images").iterdir()
    assert b"trainedAlgorithmicMedia" in xmp_of(file.read_bytes())
    assert "AI-generated" in (log.folder / "article.html").read_text()
    assert "brass lamp: 1 drawn, 0 found; a drawn picture is chosen" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere"], 2, "no article"),
        (["{folder}", "--tries", "99"], 2, "--tries takes 1 to 8"),
        (["{folder}", "--only", "whale"], 2, "No picture's query"),
    ],
)
def test_bad_input_is_said(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.setattr("composer.engines.image_generator", lambda spec, options: FlatGenerator())
    folder = article_with(home, wanting("brass lamp")).folder
    assert cli.main(["draw", *(a.format(folder=folder) for a in arguments)]) == code
    assert said in capsys.readouterr().err


def test_without_a_generator_it_says_what_it_takes(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = article_with(home, wanting("brass lamp")).folder
    monkeypatch.setenv("INTERLEAVE_GENERATOR", "none")
    assert cli.main(["draw", str(folder), "--preset", "starter"]) == 1
    assert "docs/generation.md" in capsys.readouterr().err


def test_a_slot_that_a_person_filled_stays_as_it_is(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("brass lamp"))
    (slot,) = log.article.slots()
    found_in(log, slot.id, "brass lamp")
    log.commit(ChooseImage(id=slot.id, digest=log.article.slots()[0].chosen), by="person")
    ids = decide(log, ["lamp"], "")
    toolkit = replace(drawing(log), generator=FlatGenerator())
    assert both(run(log, lambda tk, a: drawn(tk, a, ids, tries=3), toolkit), 0) == [False]
