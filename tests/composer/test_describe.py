"""Caption and alt of a chosen picture: in the article's own script where anything is."""

import json
from pathlib import Path

import pytest

from composer.article import ImageSlot, TextBlock, with_id
from composer.brief import Wishes
from composer.describe import describe
from composer.edits import AddBlock, ChooseImage, OfferImages
from composer.store import ArticleLog
from retrieval.picture import Candidate
from tests.composer.kit import kit, picture, run, start


def with_picture(tmp: Path, planned: str, language: str = "zh") -> ArticleLog:
    log = start(tmp, "灯塔是怎样工作的", Wishes(words=120, language=language))
    shown, data = picture("brass lamp")
    log.pictures.put(shown.digest, shown.media_type, data)
    slot = ImageSlot(id="", purpose="让读者看到灯的样子", query="brass lamp", caption=planned)
    for block in (TextBlock(id="", markdown="灯整夜燃烧。"), slot):
        after = log.article.blocks[-1].id if log.article.blocks else None
        log.commit(AddBlock(block=with_id(log.article, block), after=after), by="model")
    place = log.article.slots()[0].id
    log.commit(
        OfferImages(id=place, candidates=(Candidate(picture=shown, source="test", score=1.0, relevance=1.0),)),
        by="model",
    )
    log.commit(ChooseImage(id=place, digest=shown.digest), by="model")
    return log


@pytest.mark.parametrize(
    ("said", "planned", "alt"),
    [
        ("一盏铜灯", "灯与守灯人", "一盏铜灯"),
        ("A brass lamp", "灯与守灯人", "灯与守灯人"),
        ("A brass lamp", "灯整夜燃烧", "让读者看到灯的样子"),  # the planned caption is the caption already
    ],
)
def test_a_chinese_article_has_chinese_alt_texts(tmp_path: Path, said: str, planned: str, alt: str) -> None:
    log = with_picture(tmp_path, planned)
    reply = json.dumps({"alt": said, "caption": "灯整夜燃烧。"}, ensure_ascii=False)
    (slot,) = run(log, describe, kit(log, [reply])).slots()
    assert (slot.alt, slot.caption) == (alt, "灯整夜燃烧。")


@pytest.mark.parametrize(
    ("said", "alt"),
    [
        ("A brass lamp is shown in the section 'The lamp'.", "A brass lamp"),
        ("Image of a brass lamp, seen in this picture", "A brass lamp"),
        ("A brass lamp as seen in the dark", "A brass lamp as seen in the dark"),
    ],
)
def test_an_alt_text_does_not_speak_of_the_article(tmp_path: Path, said: str, alt: str) -> None:
    log = with_picture(tmp_path, "The keeper's lamp", "en")
    reply = json.dumps({"alt": said, "caption": "It burned all night."})
    assert run(log, describe, kit(log, [reply])).slots()[0].alt == alt


@pytest.mark.parametrize(
    ("said", "caption"),
    [
        ("The picture introduces the topic of lamps.", "The keeper's lamp"),
        ("This photo is used to make the text lively.", "The keeper's lamp"),
        ("A lamp, the subject of the section on lamps.", "The keeper's lamp"),
        ("The picture of 1910 gives it away.", "The picture of 1910 gives it away."),
        ("The picture shows the lamp's core, which is hot.", "The lamp's core, which is hot."),
        ("This photo shows that lamps burn.", "This photo shows that lamps burn."),
        ("The picture shows a", "The picture shows a"),
    ],
)
def test_a_caption_tells_neither_what_a_picture_is_for_nor_that_it_is_one(
    tmp_path: Path, said: str, caption: str
) -> None:
    log = with_picture(tmp_path, "The keeper's lamp", "en")
    reply = json.dumps({"alt": "A brass lamp", "caption": said})
    (slot,) = run(log, describe, kit(log, [reply])).slots()
    assert (slot.alt, slot.caption) == ("A brass lamp", caption)


def test_a_chinese_caption_does_not_begin_with_the_picture(tmp_path: Path) -> None:
    log = with_picture(tmp_path, "灯与守灯人")
    reply = json.dumps({"alt": "一盏铜灯", "caption": "图片展示了整夜燃烧的灯。"}, ensure_ascii=False)
    assert run(log, describe, kit(log, [reply])).slots()[0].caption == "整夜燃烧的灯。"
