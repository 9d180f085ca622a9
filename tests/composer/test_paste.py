"""A picture copied in one article and pasted into another comes with its file, its candidates and its words."""

from pathlib import Path

import pytest

from composer.article import ImageSlot, with_id
from composer.brief import Wishes, make_brief
from composer.edits import AddBlock, RemoveBlock
from composer.errors import UsageError
from composer.store import ArticleLog
from composer.ui.actions import act
from composer.workspace import Workspace
from tests.composer.kit import WordSource
from tests.drawing.kit import drawing


def desk(tmp_path: Path) -> tuple[Workspace, ArticleLog, ArticleLog]:
    workspace = Workspace(tmp_path, drawing)
    return workspace, *(workspace.create(make_brief(name, Wishes())) for name in ("Lamps", "Lenses"))  # type: ignore[return-value]


def illustrated(log: ArticleLog) -> ImageSlot:
    """A slot with two candidates, of which only the first one's file is there."""
    source = WordSource(["red lamp", "red lens"])
    one, two = source.find("red", 2)
    log.pictures.put(one.picture.digest, one.picture.media_type, source.read(one.picture.digest))
    slot = ImageSlot(
        id="", purpose="why", query="red", candidates=(one, two), chosen=one.picture.digest, caption="C", alt="A"
    )
    log.commit(AddBlock(block=with_id(log.article, slot), after=None), by="person")
    return log.article.slots()[-1]


@pytest.mark.parametrize("cut", [False, True])
def test_a_picture_of_another_article_comes_with_all_it_has(tmp_path: Path, cut: bool) -> None:
    workspace, here, there = desk(tmp_path)
    slot = illustrated(there)
    if cut:
        there.commit(RemoveBlock(id=slot.id), by="person")
    act(workspace, here.article.id, {"action": "paste", "id": slot.id, "article": there.article.id, "after": ""})
    (pasted,) = here.article.slots()
    assert (pasted.caption, pasted.alt, pasted.query, pasted.author) == ("C", "A", "red", "person")
    assert pasted.chosen == slot.chosen
    assert [c.picture for c in pasted.candidates] == [slot.candidates[0].picture]
    assert here.pictures.read(pasted.chosen or "") == there.pictures.read(slot.chosen or "")
    assert here.undo()
    assert not here.article.slots()


def test_an_article_that_is_not_here_is_told(tmp_path: Path) -> None:
    workspace, here, _ = desk(tmp_path)
    for article, name in (("gone", "b1"), ("../x", "b1"), ("", "b1")):
        with pytest.raises(UsageError, match=r"not here any more|not in the article"):
            act(workspace, here.article.id, {"action": "paste", "id": name, "article": article, "after": ""})
    assert not here.article.blocks
