"""The page offers the web and says when it is off."""

from pathlib import Path
from typing import Any

import pytest

from composer.engines import Engines
from composer.settings import load_settings
from composer.store import ArticleLog
from composer.toolkit import Toolkit
from composer.ui.page import installed, start
from composer.ui.web_choice import web_choice, web_state
from composer.workspace import Workspace
from tests.composer.kit import kit

CONTACT = "ada@example.org"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    def toolkit(log: ArticleLog) -> Toolkit:
        return kit(log)

    return Workspace(tmp_path / "articles", toolkit)


def given(**changed: object) -> dict[str, Any]:
    """What the form's fields give."""
    empty = dict.fromkeys(["outline", "material", "tone", "audience", "must_mention", "avoid", "references", "uploads"])
    values = {"brief": "How lighthouses work", "language": "auto", "words": 0, "automatic": True, "kind": "explainer"}
    return {**empty, **values, "seed": 0, **changed}


@pytest.mark.parametrize(("ticked", "asked"), [([], ()), (None, ()), (["commons"], ("commons",))])
def test_what_is_ticked_is_what_the_article_may_ask(workspace: Workspace, ticked: Any, asked: tuple[str, ...]) -> None:  # noqa: ANN401
    article_id = start(workspace, given(web=ticked), "plan")
    run = workspace.running(article_id)
    assert run is None or run.wait(20)
    assert workspace.open(article_id).article.brief.web == asked


def test_nothing_is_ticked_until_someone_ticks_it() -> None:
    box = web_choice(load_settings(web_contact=CONTACT))
    assert (box.value, box.interactive) == ([], True)
    assert "form.web.off" in str(box.info)
    assert web_choice(load_settings(web_contact=CONTACT, web_sources="commons")).value == ["commons"]


def test_without_a_contact_it_cannot_be_ticked_and_says_why() -> None:
    box = web_choice(load_settings(web_sources="commons"))
    assert (box.value, box.interactive) == ([], False)
    assert "form.web.closed" in str(box.info)


def test_what_is_installed_says_whether_the_web_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLEAVE_HOME", str(tmp_path))
    assert "- **Asks the web**: off" in installed(Engines(load_settings()))
    assert web_state(load_settings(web_contact=CONTACT)) == "off unless the form says otherwise"
    on = load_settings(web_contact=CONTACT, web_sources="openverse,commons")
    assert web_state(on) == "Openverse, Wikimedia Commons unless the form says otherwise"
