"""Two versions side by side: what is gone stands where it stood, what was moved is marked, pictures are shown as pictures."""

from dataclasses import replace
from pathlib import Path

from composer.article import Block, ImageSlot, TextBlock, with_id
from composer.edits import AddBlock, ChooseImage, MoveBlock, OfferImages, RemoveBlock
from composer.store import ArticleLog
from composer.ui.desk import compared
from retrieval.picture import Candidate
from tests.composer.kit import picture, start


def article(tmp: Path, *blocks: Block) -> ArticleLog:
    log = start(tmp)
    for block in blocks:
        after = log.article.blocks[-1].id if log.article.blocks else None
        log.commit(AddBlock(block=with_id(log.article, block), after=after), by="person")
    return log


def said(rows: list[dict[str, object]]) -> list[str]:
    """The text of each row, with what is gone in [] and what is new in {}."""
    around = {"same": "{}", "gone": "[{}]", "new": "{{{}}}"}
    return ["".join(around[kind].format(text) for kind, text in row["pieces"]) for row in rows]  # type: ignore[attr-defined]


def test_what_is_gone_stands_where_it_stood(tmp_path: Path) -> None:
    log = article(tmp_path, *(TextBlock(id="", markdown=word) for word in ("One", "Two", "Three", "Four")))
    seq, first, _, third = log.seq, *(b.id for b in log.article.blocks[:3])
    for name in (first, third):
        log.commit(RemoveBlock(id=name), by="person")
    assert said(compared(log, seq))[-4:] == ["[One]", "Two", "[Three]", "Four"]


def test_a_moved_block_is_marked_and_only_that_one(tmp_path: Path) -> None:
    log = article(tmp_path, *(TextBlock(id="", markdown=word) for word in ("One", "Two", "Three", "Four")))
    seq = log.seq
    log.commit(MoveBlock(id=log.article.blocks[0].id, after=log.article.blocks[2].id), by="person")
    rows = [r for r in compared(log, seq) if r["kind"] == "text"]
    assert [(r["pieces"][0][1], r["moved"]) for r in rows] == [
        ("Two", False),
        ("Three", False),
        ("One", True),
        ("Four", False),
    ]


def test_another_picture_is_shown_beside_the_one_before(tmp_path: Path) -> None:
    offered = tuple(
        Candidate(picture=picture(name)[0], source="uploads", score=1.0, relevance=1.0) for name in ("lamp", "lens")
    )
    slot = ImageSlot(id="", purpose="", query="lamp", candidates=offered, chosen=offered[0].picture.digest)
    log = article(tmp_path, TextBlock(id="", markdown="One"), slot)
    seq, name = log.seq, log.article.slots()[0].id
    old, new = (c.picture.digest for c in offered)
    assert compared(log, seq)[-1]["pictures"] == [["same", old]]
    log.commit(OfferImages(id=name, candidates=tuple(replace(c, score=0.5) for c in offered)), by="person")
    log.commit(ChooseImage(id=name, digest=new), by="person")
    row = compared(log, seq)[-1]
    assert (row["pictures"], row["changed"]) == ([["gone", old], ["new", new]], True)
    log.commit(RemoveBlock(id=name), by="person")
    row = compared(log, seq)[-1]
    assert row["pictures"] == [["gone", old]]
