"""The page's form for texts that are written: a run in the background, and the file that comes of it."""

import zipfile
from pathlib import Path

import gradio as gr
import pytest

from composer.engines import Engines
from composer.settings import load_settings
from composer.store import ArticleLog
from composer.toolkit import Toolkit
from composer.ui.illustrate import packed, start
from composer.workspace import Workspace
from tests.composer.kit import WordSource
from tests.fakes import ScriptedTextModel

EMPTY: dict[str, object] = {
    "text": "",
    "file": None,
    "images": 1,
    "automatic": False,
    "pool": None,
    "style": None,
    "web": [],
}
TEXT = "# Harbour\r\n\r\nThe crane lifts timber.\r\n\r\nA mill grinds wheat."


def workspace(tmp_path: Path) -> Workspace:
    def toolkit(log: ArticleLog) -> Toolkit:
        return Toolkit(
            settings=load_settings(),
            text=ScriptedTextModel(lambda prompt: "no"),
            sources=(WordSource(["crane", "mill"]),),
            pictures=log.pictures,
        )

    return Workspace(tmp_path / "articles", toolkit)


def engines() -> Engines:
    return Engines(load_settings(sentence_encoder="none"))


def test_a_pasted_text_comes_back_with_pictures(tmp_path: Path) -> None:
    here = workspace(tmp_path)
    article_id = start(here, engines(), {**EMPTY, "text": TEXT})
    run = here.running(article_id)
    assert run is None or run.wait(20)
    with zipfile.ZipFile(packed(here, article_id)) as archive:
        made = archive.read("article.md").decode()
        names = archive.namelist()
    rest = iter(made)
    assert all(c in rest for c in TEXT)
    assert made.count("![") == 1
    assert any(name.startswith("images/") for name in names)
    assert here.open(article_id).article.title == "Harbour"


def test_nothing_pasted_is_said(tmp_path: Path) -> None:
    with pytest.raises(gr.Error, match="no text yet"):
        start(workspace(tmp_path), engines(), EMPTY)


def test_an_article_that_was_written_here_has_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(gr.Error):
        packed(workspace(tmp_path), "20260101-0000000000")
