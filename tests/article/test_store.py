"""The store keeps what was shown: folds, undo over a restart, torn and damaged logs, several threads."""

import json
import os
import threading
import time
from math import isinf, isnan
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from composer.article import Article, ImageSlot, TextBlock
from composer.edits import AddBlock, AppendText, OfferImages, RemoveBlock, ReplaceText, SetTitle
from composer.errors import ConflictError, SetupError, UsageError
from composer.events import Progress, Warned
from composer.store import ArticleLog, PictureFolder, create, fold, read_log, reopen
from retrieval.picture import Candidate, Picture
from tests.article.strategies import edits_of


def with_block(folder: Path) -> ArticleLog:
    log = create(folder, "a")
    log.commit(AddBlock(block=TextBlock(id="b1", markdown=""), after=None), by="model")
    return log


@settings(max_examples=40)
@given(st.data())
def test_the_log_folds_to_the_article_and_undo_follows_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("law") / "a"
    log = create(folder, "a")
    states: list[Article] = [log.article]  # after each step that undo knows
    undone: list[Article] = []
    for _ in range(data.draw(st.integers(1, 8))):
        turn = data.draw(st.sampled_from(["edit", "edit", "undo", "redo"]))
        if turn == "edit":
            step = log.next_step()
            for _ in range(data.draw(st.integers(1, 3))):
                log.commit(data.draw(edits_of(log.article)), by="person", step=step)
            states.append(log.article)
            undone.clear()
        elif turn == "undo" and len(states) > 1:
            assert log.undo()
            undone.append(states.pop())
        elif turn == "redo" and undone:
            assert log.redo()
            states.append(undone.pop())
        assert (log.can_undo, log.can_redo) == (len(states) > 1, bool(undone))
        assert without_counter(log.article) == without_counter(states[-1])
    again = reopen(folder)
    assert again.article == log.article == fold((r.event for r in log.since(0)), "a")
    assert (again.can_undo, again.can_redo) == (log.can_undo, log.can_redo)
    for state in reversed(undone):  # a reopened article takes back and brings back as the open one would have
        assert again.redo()
        assert without_counter(again.article) == without_counter(state)
        states.append(state)
    for state in reversed(states[:-1]):
        assert again.undo()
        assert without_counter(again.article) == without_counter(state)
    assert not again.undo()


def without_counter(article: Article) -> tuple[object, ...]:
    return article.title, article.summary, article.blocks, article.plans, article.style, article.brief


def test_a_models_edits_are_not_taken_back(tmp_path: Path) -> None:
    log = with_block(tmp_path / "a")
    step = log.next_step()
    log.commit(SetTitle(title="Mine"), by="person", step=step)
    log.commit(AppendText(id="b1", text="model"), by="model")
    assert log.undo()
    assert log.article.title == ""
    assert log.article.blocks == (TextBlock(id="b1", markdown="model"),)
    assert not log.undo()


def test_an_undo_that_no_longer_fits_says_so(tmp_path: Path) -> None:
    log = with_block(tmp_path / "a")
    log.commit(ReplaceText(id="b1", markdown="x"), by="person", step=log.next_step())
    log.commit(RemoveBlock(id="b1"), by="model")
    assert log.undo()
    assert any(isinstance(r.event, Warned) for r in log.since(0))
    assert not log.can_undo


def test_an_edit_that_does_not_fit_is_not_logged(tmp_path: Path) -> None:
    log = with_block(tmp_path / "a")
    before = log.seq
    with pytest.raises(ConflictError):
        log.commit(RemoveBlock(id="b7"), by="model")
    assert log.seq == before
    assert reopen(tmp_path / "a").seq == before


def test_progress_is_not_logged(tmp_path: Path) -> None:
    log = with_block(tmp_path / "a")
    before = log.seq
    log.emit(Progress(stage="write", done=1, total=2))
    assert log.seq == before


def test_a_torn_last_line_is_dropped_and_the_log_goes_on(tmp_path: Path) -> None:
    log = with_block(tmp_path / "a")
    log.commit(AppendText(id="b1", text="kept"), by="model")
    path = tmp_path / "a" / "events.jsonl"
    with path.open("ab") as file:
        file.write(b'{"seq": 3, "time": 1, "event": {"kind": "edi')
    again = reopen(tmp_path / "a")
    assert again.article == log.article
    again.commit(AppendText(id="b1", text=" more"), by="model")
    assert reopen(tmp_path / "a").article == again.article


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [lines[0], b"{}", *lines[1:]], "line 2"),
        (lambda lines: [b'{"format": "other"}', *lines[1:]], "not an article log"),
        (lambda lines: [lines[0].replace(b'"version": 1', b'"version": 99'), *lines[1:]], "99"),
        (lambda lines: [b"\x00\x01"], "not an article log"),
        (lambda lines: [lines[0].replace(b"interleave-article-log", b"diary"), *lines[1:]], "not an article log"),
        (lambda lines: lines[:1], "not an article log"),
        (lambda lines: [lines[0], *lines[2:]], "line 2: record 1 was expected, 2 came"),
        (lambda lines: [lines[0], lines[1], lines[1], b""], "line 3: record 2 was expected, 1 came"),
        (
            lambda lines: [lines[0], lines[1].replace(b'"after":null', b'"after":"b9"'), *lines[2:]],
            "do not fit together",
        ),
    ],
)
def test_a_damaged_log_is_refused_with_the_reason(tmp_path: Path, change: object, said: str) -> None:
    with_block(tmp_path / "a").commit(AppendText(id="b1", text="x"), by="model")
    path = tmp_path / "a" / "events.jsonl"
    path.write_bytes(b"\n".join(change(path.read_bytes().split(b"\n"))))  # type: ignore[operator]
    with pytest.raises(UsageError, match=said):
        reopen(tmp_path / "a")


def test_a_score_that_is_no_number_does_not_cost_the_article(tmp_path: Path) -> None:
    log = create(tmp_path / "a", "a")
    log.commit(AddBlock(block=ImageSlot(id="b1", purpose="", query=""), after=None), by="model")
    found = Picture(digest="0" * 64, media_type="image/png", width=1, height=1)
    odd = Candidate(picture=found, source="s", score=float("nan"), relevance=float("inf"))
    log.commit(OfferImages(id="b1", candidates=(odd,)), by="model")
    slot = reopen(tmp_path / "a").article.slots()[0]
    assert isnan(slot.candidates[0].score)
    assert isinf(slot.candidates[0].relevance)


def test_characters_that_no_file_can_hold_are_refused_and_the_log_goes_on(tmp_path: Path) -> None:
    log = with_block(tmp_path / "a")
    with pytest.raises(UsageError, match="broken characters"):
        log.commit(SetTitle(title="half \ud83d"), by="person")
    log.commit(SetTitle(title="whole 😀"), by="person")
    assert reopen(tmp_path / "a").article == log.article
    assert log.article.title == "whole 😀"


def test_a_log_that_grows_while_it_is_opened_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = with_block(tmp_path / "a")
    read = Path.read_bytes

    def read_and_meanwhile(self: Path) -> bytes:
        data = read(self)
        monkeypatch.undo()
        log.commit(AppendText(id="b1", text="meanwhile"), by="model")
        return data

    monkeypatch.setattr(Path, "read_bytes", read_and_meanwhile)
    reopen(tmp_path / "a")
    log.commit(AppendText(id="b1", text=", and later"), by="model")
    assert reopen(tmp_path / "a").article == log.article


def test_a_folder_is_not_taken_twice(tmp_path: Path) -> None:
    with_block(tmp_path / "a")
    with pytest.raises(UsageError, match="--resume"):
        create(tmp_path / "a", "b")


def test_a_log_that_another_process_wrote_is_not_written_over(tmp_path: Path) -> None:
    log = with_block(tmp_path / "a")
    other = reopen(tmp_path / "a")
    other.commit(AppendText(id="b1", text="theirs"), by="model")
    with pytest.raises(SetupError, match="another process"):
        log.commit(AppendText(id="b1", text="mine"), by="model")
    assert reopen(tmp_path / "a").article == other.article


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SetupError, match="Cannot write"):
        create(tmp_path / "file" / "a", "a")


def test_two_threads_lose_nothing(tmp_path: Path) -> None:
    log = with_block(tmp_path / "a")

    def work(letter: str) -> None:
        for _ in range(60):
            log.commit(AppendText(id="b1", text=letter), by="model")

    threads = [threading.Thread(target=work, args=(letter,)) for letter in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    block = reopen(tmp_path / "a").article.blocks[0]
    assert isinstance(block, TextBlock)
    assert sorted(block.markdown) == ["a"] * 60 + ["b"] * 60


def test_who_waits_is_told(tmp_path: Path) -> None:
    log = with_block(tmp_path / "a")
    seq = log.seq
    timer = threading.Timer(0.05, lambda: log.commit(SetTitle(title="T"), by="model"))
    timer.start()
    begin = time.monotonic()
    assert [r.seq for r in log.wait(seq, 5.0)] == [seq + 1]
    assert time.monotonic() - begin < 4
    timer.join()


def test_pictures_are_kept_by_digest_and_strange_names_find_nothing(tmp_path: Path) -> None:
    pictures = PictureFolder(tmp_path)
    pictures.put("a" * 64, "image/png", b"data")
    assert pictures.read("a" * 64) == b"data"
    assert pictures.path("../" + "a" * 61) is None
    assert pictures.path("*" * 64) is None


def test_the_snapshot_is_the_article(tmp_path: Path) -> None:
    log = with_block(tmp_path / "a")
    log.snapshot()
    assert json.loads((tmp_path / "a" / "article.json").read_text())["blocks"][0]["id"] == "b1"
    assert read_log(tmp_path / "a" / "events.jsonl")[0] == "a"
    assert os.listdir(tmp_path / "a").count("article.part") == 0
