"""Any article can be brought to how any other one stands, as one step that undo takes back."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given

from composer.apply import apply
from composer.article import Article
from composer.restore import restoring
from composer.store import create
from tests.article.strategies import articles
from tests.article.test_edits import same


@given(articles(), articles())
def test_restoring_gives_the_wanted_article(present: Article, wanted: Article) -> None:
    made = present
    for edit in restoring(present, wanted):
        made = apply(made, edit, by="person")
    assert same(made) == same(replace(wanted, brief=present.brief))


@given(articles())
def test_what_stands_already_needs_no_edit(article: Article) -> None:
    assert restoring(article, article) == []


def test_a_restored_version_is_one_step(tmp_path: Path) -> None:
    log = create(tmp_path / "a", "a")
    old = replace(log.article, title="Old", blocks=())
    log.commit_all(restoring(log.article, old), step=log.next_step())
    before = log.seq
    log.commit_all(restoring(log.article, replace(old, title="New")), step=log.next_step())
    assert log.article.title == "New"
    assert log.at(before).title == "Old"
    log.undo()
    assert log.article.title == "Old"
