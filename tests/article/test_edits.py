"""Laws of edits: inverse edits undo, what does not fit is refused, the person wins."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from pydantic_core import to_json

from composer.apply import admit, apply, inverse
from composer.article import MIDDLE, Article, ImageSlot, TextBlock
from composer.edits import (
    AddBlock,
    AppendText,
    ChooseImage,
    DescribeImage,
    Edit,
    Lock,
    MoveBlock,
    OfferImages,
    PlanSection,
    RemoveBlock,
    ReplaceText,
    SetTitle,
    Targeted,
)
from composer.errors import ConflictError
from composer.events import EVENT, Edited, Event, Failed, Finished, Named, Progress, Role, StageStarted, Warned
from composer.store import ARTICLE, RECORD, Record
from tests.article.strategies import articles, authors, edits_of, text

EDIT: TypeAdapter[Edit] = TypeAdapter(Edit)
roles: st.SearchStrategy[Role] = st.sampled_from(["do", "undo", "redo"])


def same(article: Article) -> Article:
    """An article but for its counter, which only grows."""
    return replace(article, next_id=0)


@given(st.data(), articles(), st.sampled_from(["model", "person"]))
def test_inverse_edits_undo(data: st.DataObject, article: Article, by: str) -> None:
    edit = data.draw(edits_of(article))
    after = apply(article, edit, by=by)  # type: ignore[arg-type]
    for back in inverse(article, edit):
        after = apply(after, back, by="person")
    assert same(after) == same(article)


@given(st.data(), articles())
def test_inverses_of_a_row_of_edits_undo_it(data: st.DataObject, article: Article) -> None:
    present, backs = article, list[Edit]()
    for _ in range(data.draw(st.integers(1, 6))):
        edit = data.draw(edits_of(present))
        backs[:0] = inverse(present, edit)
        present = apply(present, edit)
    for back in backs:
        present = apply(present, back, by="person")
    assert same(present) == same(article)


@given(st.data(), articles())
def test_edits_and_articles_survive_json(data: st.DataObject, article: Article) -> None:
    edit = data.draw(edits_of(article))
    assert EDIT.validate_json(EDIT.dump_json(edit)) == edit
    assert ARTICLE.validate_json(ARTICLE.dump_json(article)) == article


@given(
    st.one_of(
        st.builds(StageStarted, stage=text, detail=text),
        st.builds(Warned, message=text, block=text),
        st.builds(Failed, message=text),
        st.builds(Finished, stopped=st.booleans()),
        st.builds(Named, name=text),
        st.builds(Progress, stage=text, done=st.integers(0, 9), total=st.integers(0, 9), unit=text),
        st.builds(Edited, edit=st.builds(SetTitle, title=text), by=authors, step=st.integers(0, 9), role=roles),
    )
)
def test_events_survive_json(event: Event) -> None:
    record = Record(seq=1, time=2.5, event=event)
    assert RECORD.validate_json(to_json(record, inf_nan_mode="strings")) == record
    assert EVENT.validate_json(EVENT.dump_json(event)) == event


@given(st.data(), articles())
def test_an_id_is_never_given_twice(data: st.DataObject, article: Article) -> None:
    given_ids = {b.id for b in article.blocks}
    for _ in range(4):
        edit = data.draw(edits_of(article))
        if isinstance(edit, AddBlock):
            assert edit.block.id not in given_ids
            given_ids.add(edit.block.id)
        article = apply(article, edit)


@given(st.data(), articles())
def test_a_model_changes_no_locked_block_and_no_persons_block_unasked(data: st.DataObject, article: Article) -> None:
    edit = data.draw(edits_of(article))
    if not isinstance(edit, Targeted):
        return
    block = article.block(edit.id)
    assert block is not None
    scope = frozenset({edit.id})
    assert admit(article, edit, by="person")
    if block.locked:
        assert not admit(article, edit, by="model", scope=scope)
    elif block.author == "person" and not isinstance(edit, OfferImages):
        assert not admit(article, edit, by="model")
        assert admit(article, edit, by="model", scope=scope)
    else:
        assert admit(article, edit, by="model")


@given(articles())
def test_sections_hold_every_block_once_and_in_order(article: Article) -> None:
    row = []
    for section in article.sections():
        row += [section.heading, *section.blocks] if section.heading else list(section.blocks)
    assert tuple(row) == article.blocks


def test_a_persons_edit_makes_the_block_theirs() -> None:
    article = Article(id="a", blocks=(TextBlock(id="b1", markdown="x"),), next_id=2)
    changed = apply(article, AppendText(id="b1", text="y"), by="person").text_block("b1")
    assert changed == TextBlock(id="b1", markdown="xy", author="person")


def test_a_chosen_picture_stays_when_others_are_offered(tmp_path: object) -> None:
    from tests.composer.kit import WordSource

    one, two = (c for c in WordSource(["red lamp", "red lens"]).find("red", 2))
    slot = ImageSlot(id="b1", purpose="", query="", candidates=(one,), chosen=one.picture.digest)
    article = apply(Article(id="a", blocks=(slot,)), OfferImages(id="b1", candidates=(two,)))
    after = article.slot("b1")
    assert after is not None
    assert [c.picture.digest for c in after.candidates] == [two.picture.digest, one.picture.digest]
    assert after.picture == one.picture


TEXT = TextBlock(id="b1", markdown="x")
SLOT = ImageSlot(id="b2", purpose="", query="")


@pytest.mark.parametrize(
    "edit",
    [
        RemoveBlock(id="b9"),
        MoveBlock(id="b1", after="b9"),
        MoveBlock(id="b1", after="b1"),
        AppendText(id="b2", text=""),
        ReplaceText(id="b9", markdown=""),
        ChooseImage(id="b1", digest=None),
        ChooseImage(id="b2", digest="f" * 64),
        DescribeImage(id="b9", caption="", alt=""),
        Lock(id="b9", locked=True),
        AddBlock(block=TEXT, after=None),
        AddBlock(block=replace(TEXT, id="b3"), after="b9"),
        AddBlock(block=replace(TEXT, id="heading"), after=None),
    ],
)
def test_what_does_not_fit_is_refused(edit: Edit) -> None:
    article = Article(id="a", blocks=(TEXT, SLOT), next_id=3)
    with pytest.raises(ConflictError):
        apply(article, edit)


def test_another_picture_is_cut_around_its_own_middle() -> None:
    from tests.composer.kit import WordSource

    one, two = WordSource(["red lamp", "red lens"]).find("red", 2)
    slot = ImageSlot(id="b1", purpose="", query="", candidates=(one, two), chosen=one.picture.digest, focus=(0.1, 0.9))
    article = Article(id="a", blocks=(slot,))
    for digest, focus in ((one.picture.digest, (0.1, 0.9)), (two.picture.digest, MIDDLE), (None, MIDDLE)):
        changed = apply(article, ChooseImage(id="b1", digest=digest)).slot("b1")
        assert changed is not None
        assert changed.focus == focus


def test_a_plan_needs_its_heading() -> None:
    from composer.article import SectionPlan

    with pytest.raises(ConflictError):
        apply(Article(id="a"), PlanSection(plan=SectionPlan(heading="b1")))
