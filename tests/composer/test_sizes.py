import pytest

from composer.brief import Wishes, make_brief
from composer.sizes import sizes_said


@pytest.mark.parametrize(
    ("text", "words", "images"),
    [
        ("How a beehive works, for children, 250 words, 3 pictures", 250, 3),
        ("How lighthouses work, in 120 words", 120, None),
        ("A 500-word travel story with three photos", 500, 3),
        ("Write an article of about 1,200 words with no pictures", 1200, 0),
        ("about 300 words on bees and two large illustrations", 300, 2),
        ("A blog post (600 words, 4 images)", 600, 4),
        ("介绍西湖，400字，配三张图", 400, 3),
        ("写一篇关于茶的文章，800字左右，2张图片", 800, 2),
        ("100 words of Latin everyone should know", None, None),
        ("3 pictures that moved the world", None, None),
        ("The 1000 word dictionary", None, None),
        ("新华字典的历史", None, None),
        ("The history of tea", None, None),
        ("How honeybees make honey. 400 words, 3 pictures.", 400, 3),
        ("How honeybees make honey.\nAbout 1,500 words", 1500, None),
        ("Tea. 2 pictures and 300 words", 300, 2),
        ("Tea. No pictures.", None, 0),
        ("A memoir. 300 words changed my life.", None, None),
        ("Tea. 3 pictures that moved the world.", None, None),
    ],
)
def test_sizes_that_are_said_in_passing(text: str, words: int | None, images: int | None) -> None:
    assert sizes_said(text) == (words, images)


def test_what_is_asked_for_elsewhere_goes_before() -> None:
    text = "How a beehive works, 250 words, 3 pictures"
    brief = make_brief(text, Wishes())
    assert (brief.words, brief.images) == (250, 3)
    brief = make_brief(text, Wishes(words=90, images=0))
    assert (brief.words, brief.images) == (90, 0)
    brief = make_brief(f"{text}\nLength: 400 words", Wishes())
    assert brief.words == 400
    assert make_brief("How a beehive works", Wishes()).words == 800
