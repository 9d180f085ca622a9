"""The style card in an article: made of its references, kept, counted, handed on."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from composer.apply import apply
from composer.article import Article, Brief, ImageSlot
from composer.drawing.ask import sheet_of
from composer.edits import AddBlock, OfferImages, SetStyleCard
from composer.rehearse import rehearse
from composer.settings import load_settings
from composer.store import PictureFolder
from composer.styling import ensure_card, make_card, restyle, strength_of, style_words
from composer.toolkit import Toolkit
from retrieval.images import as_picture, encode
from retrieval.picture import Candidate, Picture
from tests.fakes import ScriptedTextModel


def disc(colour: str, at: int = 20) -> Image.Image:
    image = Image.new("RGB", (96, 96), "white")
    ImageDraw.Draw(image).ellipse((at, at, at + 50, at + 50), fill=colour)
    return image


@pytest.fixture
def pictures(tmp_path: Path) -> PictureFolder:
    return PictureFolder(tmp_path / "pictures")


def kept(pictures: PictureFolder, image: Image.Image) -> Picture:
    picture, data = as_picture(encode(image, "PNG"))
    pictures.put(picture.digest, picture.media_type, data)
    return picture


def toolkit(pictures: PictureFolder) -> Toolkit:
    return Toolkit(settings=load_settings(), text=ScriptedTextModel([]), pictures=pictures)


def test_the_card_follows_the_references_and_keeps_the_strength(pictures: PictureFolder) -> None:
    red, blue = kept(pictures, disc("#cc2222")), kept(pictures, disc("#2222cc"))
    tools, article = toolkit(pictures), Article(id="a", brief=Brief(instruction="x", references=(red,)))
    article = apply(article, SetStyleCard(card=None, strength=0.3))
    article, _ = rehearse(ensure_card(tools, article), article)
    assert article.card
    assert article.card.references == (red.digest,)
    assert "red" in style_words(article) or "crimson" in style_words(article)
    assert list(ensure_card(tools, article)) == []
    article = replace(article, brief=replace(article.brief, references=(red, blue)))
    article, _ = rehearse(ensure_card(tools, article), article)
    assert article.card
    assert article.card.references == (red.digest, blue.digest)
    assert strength_of(tools, article) == 0.3
    article = replace(article, brief=replace(article.brief, references=()))
    article, _ = rehearse(ensure_card(tools, article), article)
    assert article.card is None
    assert strength_of(tools, article) == 0


def test_the_authors_words_go_before_the_cards(pictures: PictureFolder) -> None:
    card = make_card(pictures, [kept(pictures, disc("#cc2222"))])
    assert style_words(Article(id="a", style="etching", card=card)) == "etching"
    assert style_words(Article(id="a")) == ""
    both = Article(id="a", style="etching\nkeeper = an old man", card=card)
    assert (style_words(both), sheet_of(both)) == ("etching", {"keeper": "an old man"})
    assert style_words(replace(both, style="keeper = an old man")) == style_words(Article(id="a", card=card)) != ""


def test_a_reference_whose_file_is_gone_makes_no_card(pictures: PictureFolder) -> None:
    gone = Picture(digest="0" * 64, media_type="image/png", width=9, height=9)
    assert make_card(pictures, [gone]) is None
    article = Article(id="a", brief=Brief(instruction="x", references=(gone,)))
    assert list(ensure_card(toolkit(pictures), article)) == []


def test_restyling_brings_the_style_up_and_changes_no_choice(pictures: PictureFolder) -> None:
    blue, red, other = (kept(pictures, disc(c, 10)) for c in ("#2222cc", "#cc2222", "#22aa22"))
    offers = tuple(Candidate(picture=p, source="s", score=1.0, relevance=0.9) for p in (blue, other, red))
    article = Article(id="a", card=make_card(pictures, [kept(pictures, disc("#cc2222", 40))]), style_strength=1.0)
    article = apply(article, AddBlock(block=ImageSlot(id="b1", purpose="", query="disc"), after=None))
    article = apply(article, OfferImages(id="b1", candidates=offers))
    article = replace(article, blocks=(replace(article.slots()[0], chosen=blue.digest),))
    made, _ = rehearse(restyle(toolkit(pictures), article), article)
    slot = made.slots()[0]
    assert slot.candidates[0].picture == red
    assert slot.chosen == blue.digest
    assert {c.picture.digest for c in slot.candidates} == {c.picture.digest for c in offers}
    assert list(restyle(toolkit(pictures), made)) == []  # weighed already: nothing goes into the log
