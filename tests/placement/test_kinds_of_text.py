"""What `illustrate` promises for texts of every kind: long, without headings, Chinese, with pictures of its own, all kinds
of Markdown; and for pools of every size."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from composer.article import Article
from composer.compose import Driver
from composer.illustrate_article import place_own, run
from composer.illustrate_command import as_document
from composer.placement.deliver import Illustrated, illustrated
from composer.placement.job import Job, Order, take_in
from composer.placement.scorer import gap_chances, reason_of, weights
from composer.placement.text import blocks_of
from composer.settings import load_settings
from composer.store import create
from composer.toolkit import Toolkit
from retrieval.lettering import LetterReader
from retrieval.picture import Picture
from tests.composer.kit import WordSource, picture
from tests.fakes import ScriptedTextModel, ScriptedVisionModel
from tests.placement.test_illustrate import is_kept, work

ZH = "西湖的早晨很安静。\n\n湖上有一座小岛，形状如下图：\n\n春天，柳树在岸边发芽。\n\n傍晚，人们在湖边散步。\n"
EVERYTHING = """---
title: All
---

Ships unload timber at noon.[^1]

| a | b |
|---|---|
| 1 | 2 |

```python
![not a picture](x.png)
```

<div align="center">
  <b>raw</b>
</div>

The crane lifts timber. It looks like this:

![stands already](own.png)

In the evening the market square fills with music.

[^1]: A note.
"""


def pool(*captions: str) -> tuple[Picture, ...]:
    return tuple(picture(c)[0] for c in captions)


@pytest.mark.parametrize("wanted", [0, 1, 2, 3, 7])
def test_of_a_pool_as_many_as_said_and_each_once(tmp_path: Path, wanted: int) -> None:
    text = "\n\n".join(f"Paragraph {n} speaks of ships and of many other things here." for n in range(12)) + "\n"
    own = pool("A mill by the river", "Music on the market square", "Ships in the harbour")
    log, job, made = work(tmp_path, text, Order(images=wanted, pool=own, words=False), [])
    shown = [slot.chosen for slot in log.article.slots() if slot.chosen]
    assert len(shown) == len(set(shown)) == len(made.figures) == min(wanted, 3)
    assert len(set(job.gaps.values())) == len(job.gaps)
    assert is_kept(text, made)


def test_a_pool_larger_than_the_text_fills_what_is_open(tmp_path: Path) -> None:
    own = pool(*(f"Picture number {n}" for n in range(6)))
    _, _, made = work(tmp_path, "One.\n\nTwo.\n", Order(images=6, pool=own, words=False), [])
    assert len(made.figures) == 3


def test_chinese_without_headings(tmp_path: Path) -> None:
    log, job, made = work(tmp_path, ZH, Order(images=1, pool=pool("湖上的小岛"), words=False), [])
    assert log.article.brief.language.startswith("zh")
    assert list(job.gaps.values()) == [2]
    assert job.decisions(log.article)[0]["reason"] == "evidence"
    assert is_kept(ZH, made)


def test_everything_that_markdown_holds_survives_with_pictures_in_it(tmp_path: Path) -> None:
    _, job, made = work(
        tmp_path, EVERYTHING, Order(images=3, words=False), ["ships", "timber", "crane", "market square"]
    )
    assert made.figures
    assert is_kept(EVERYTHING, made)
    document = job.document
    standing = next(i for i, b in enumerate(document.blocks) if "stands already" in b.raw)
    assert not {standing, standing + 1} & set(job.gaps.values())
    for kept in (
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "```python\n![not a picture](x.png)\n```",
        '<div align="center">\n  <b>raw',
    ):
        assert kept in made.text
    assert made.text.rstrip().endswith("[^1]: A note.")


def test_twenty_thousand_words_are_one_decision(tmp_path: Path) -> None:
    parts = []
    for n in range(100):
        parts += [f"## Part {n}", "word " * 198, "It looks like this:" if n % 10 == 5 else "More words follow here."]
    text = "\n\n".join(parts) + "\n"
    document = as_document(text.encode(), "long.md")
    log = create(tmp_path / "out", "a1")
    own = pool(*(f"Picture {n}" for n in range(10)))
    job = take_in(log, document, Order(images=10, pool=own, words=False), "long", ())
    assert sum(len(b.plain.split()) for b in document.blocks) > 20_000
    job.chance = gap_chances(document.blocks, weights())
    places = sorted(place_own(job))
    assert len(places) == 10
    assert [document.blocks[g - 1].plain for g in places] == ["It looks like this:"] * 10
    assert min(b - a for a, b in pairwise(places)) > 1


@pytest.mark.parametrize(
    ("pieces", "gap", "reason"),
    [
        (["One.", "The harbour is old.", "Ships come."], 2, "explain"),
        (["One.", "The screen looks like this:", "End."], 2, "evidence"),
        (["One.", "Two."], 0, "mood"),
        (["One.", "Two."], 1, "mood"),
        (["One.", "Two.", "1. Open the lid."], 2, "steps"),
        (["One.", "Rent rose by 12 % and wages by 3 %.", "End."], 2, "data"),
        (["One.", "Dr. Ann Example was born in a village.", "End."], 2, "portrait"),
        (["一。", "房租涨了12％，工资涨了3％。", "完。"], 2, "data"),
    ],
)
def test_every_place_has_its_reason(pieces: list[str], gap: int, reason: str) -> None:
    assert reason_of(blocks_of(pieces), gap) == reason


def test_a_vision_model_takes_another_of_the_top_candidates(tmp_path: Path) -> None:
    text = "The harbour.\n\nThe old crane lifts timber.\n\nEnd of it.\n"
    log = create(tmp_path / "out", "a1")
    job = take_in(log, as_document(text.encode(), "a.md"), Order(images=1), "a", ())
    source = WordSource(["crane", "old crane", "crane timber"])
    for shown, data in source.pictures.values():
        log.pictures.put(shown.digest, shown.media_type, data)
    eyes = ScriptedVisionModel(
        lambda images, prompt: json.dumps({"best": 2, "alt": "A crane seen", "caption": "It lifts."})
    )
    wants = '{"main_thing": "crane", "what_is_visible": "crane", "why_here": "It shows the crane."}'
    toolkit = Toolkit(
        settings=load_settings(), text=ScriptedTextModel(lambda p: wants), vision=eyes, sources=(source,), pictures=log.pictures
    )  # fmt: skip
    made: list[Illustrated] = []

    def deliver(article: Article, job: Job) -> None:
        made.append(illustrated(job.document, article, job.gaps, log.pictures.read))

    assert Driver(log).run(run(toolkit, log.article, job, deliver))
    (slot,) = log.article.slots()
    assert len(eyes.seen[0]) >= 2
    assert slot.chosen == slot.candidates[1].picture.digest
    assert slot.alt == "A crane seen"
    assert len(made[0].figures) == 1


class Signs(LetterReader):
    """Reads what a test says that stands in a picture."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.asked = 0

    def read(self, image: Image.Image) -> str:
        self.asked += 1
        return self.words[self.asked - 1]


def test_a_camera_s_numbers_are_read_and_described_pictures_are_not(tmp_path: Path) -> None:
    text = "The harbour lies there.\n\nClick on the webhook form.\n\nThe market square has music.\n\nEnd of all.\n"
    log = create(tmp_path / "out", "a1")
    given = [picture(c) for c in ("IMG 0381", "Music on the market square")]
    for shown, data in given:
        log.pictures.put(shown.digest, shown.media_type, data)
    order = Order(images=2, pool=tuple(shown for shown, _ in given), words=False)
    job = take_in(log, as_document(text.encode(), "a.md"), order, "a", ())
    job.chance = np.full(5, 0.1)
    signs = Signs(["Add webhook"])
    unread = place_own(replace(job), log.pictures)
    places = place_own(replace(job, letters=signs), log.pictures)
    assert signs.asked == 1
    assert {picture: gap for gap, picture in places.items()}[0] == 2
    assert len(unread) == 2
