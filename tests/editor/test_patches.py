"""Patches: taken once, in one step, merged with what others did, never against a person."""

from pathlib import Path
from typing import Any

import pytest

from composer.article import Author, ImageSlot, TextBlock
from composer.edits import AddBlock, AppendText, ReplaceText
from composer.errors import UsageError
from composer.store import ArticleLog, create, reopen
from composer.ui.document import paragraph
from composer.ui.patches import Taken, parsed, take


@pytest.fixture
def log(tmp_path: Path) -> ArticleLog:
    """Three paragraphs of the model's and a slot."""
    made = create(tmp_path / "a", "a")
    for number, text in enumerate(("one old lamp", "two", "three"), start=1):
        block = TextBlock(id=f"b{number}", markdown=text)
        made.commit(AddBlock(block=block, after=f"b{number - 1}" if number > 1 else None), by="model")
    made.commit(AddBlock(block=ImageSlot(id="b4", purpose="", query="lamp", alt="a lamp"), after="b3"), by="model")
    return made


def send(log: ArticleLog, *changes: dict[str, Any], name: str = "patch-one", **more: Any) -> Taken:  # noqa: ANN401
    return take(log, parsed({"id": name, "changes": list(changes)}), **more)


def said(block: str, text: str, base: int) -> dict[str, Any]:
    return {"kind": "text", "id": block, "node": paragraph(text), "base": base}


def texts(log: ArticleLog) -> list[str]:
    return [b.markdown if isinstance(b, TextBlock) else b.caption for b in log.article.blocks]


def test_a_patch_of_every_kind_is_one_step(log: ArticleLog) -> None:
    before = log.article
    taken = send(
        log,
        said("b1", "one new lamp", log.seq),
        {"kind": "add", "temp": "n1", "after": "b1", "node": paragraph("fresh")},
        {"kind": "add", "temp": "n2", "after": "n1", "node": paragraph("fresher")},
        {"kind": "move", "id": "b3", "after": None},
        {"kind": "remove", "id": "b2", "base": log.seq},
        {"kind": "caption", "id": "b4", "text": "Burning"},
        {"kind": "title", "text": " A\nlamp "},
    )
    assert texts(log) == ["three", "one new lamp", "fresh", "fresher", "Burning"]
    assert log.article.title == "A lamp"
    assert taken.ids == {"n1": "b5", "n2": "b6"}
    assert {"b1", "b5", "b6", "b4"} <= set(taken.own)
    assert log.undo()
    assert [b for b in log.article.blocks] == list(before.blocks)


def test_a_repeated_patch_is_harmless_even_after_a_restart(log: ArticleLog, tmp_path: Path) -> None:
    add = {"kind": "add", "temp": "n1", "after": "b1", "node": {"type": "source", "content": [{"text": "a\n\nb"}]}}
    first = send(log, add, said("b1", "x", log.seq))
    again = send(log, add, said("b1", "x", 0))
    anew = reopen(tmp_path / "a")
    late = send(anew, add, said("b1", "x", 0))
    assert first.ids == again.ids == late.ids == {"n1": "b5"}
    assert texts(anew) == texts(log) == ["x", "a", "b", "two", "three", ""]


def test_what_the_model_appended_meanwhile_is_kept(log: ArticleLog) -> None:
    base = log.seq
    log.commit(AppendText(id="b1", text=" burns"), by="model")
    taken = send(log, said("b1", "one very old lamp", base))
    assert texts(log)[0] == "one very old lamp burns"
    assert taken.own == []
    assert taken.notes == []


@pytest.mark.parametrize("by", ["model", "person"])
def test_the_same_words_changed_twice_both_stand(log: ArticleLog, by: Author) -> None:
    base = log.seq
    log.commit(ReplaceText(id="b1", markdown="one red lamp"), by=by)
    taken = send(log, said("b1", "one blue lamp", base))
    assert texts(log)[:2] == ["one red lamp", "one blue lamp"]
    assert taken.notes == ["clash"]


def test_a_block_that_is_gone_gives_no_error_and_loses_no_text(log: ArticleLog) -> None:
    base = log.seq
    send(log, {"kind": "remove", "id": "b2", "base": base}, name="patch-two")
    taken = send(log, said("b2", "two more", base), {"kind": "move", "id": "b2", "after": "b1"})
    assert "two more" in texts(log)
    assert "gone" in taken.notes


def test_a_block_that_another_person_changed_is_not_removed(log: ArticleLog) -> None:
    base = log.seq
    send(log, said("b2", "two, reworded", base), name="patch-two")
    taken = send(log, {"kind": "remove", "id": "b2", "base": base})
    assert "two, reworded" in texts(log)
    assert taken.notes == ["kept"]


def test_typing_on_is_one_step_with_the_typing_before(log: ArticleLog) -> None:
    first = send(log, said("b1", "one old lamp b", log.seq), name="patch-one")
    take(
        log,
        parsed({"id": "patch-two", "changes": [said("b1", "one old lamp burns", log.seq)], "more": True}),
        last_step=first.step,
    )
    log.undo()
    assert texts(log)[0] == "one old lamp"


def test_what_is_no_patch_is_refused(log: ArticleLog) -> None:
    values: list[Any] = [{}, [], {"id": "x" * 8, "changes": [{"kind": "no"}]}, {"id": "short", "changes": []}]
    for value in values:
        with pytest.raises(UsageError):
            parsed(value)
    with pytest.raises(UsageError):
        send(log, {"kind": "text", "id": "b1", "node": {"type": "script"}, "base": 0})
