"""Who leads whom: the article's first drawn picture of a size, else the first that is asked for."""

from dataclasses import replace
from pathlib import Path

from composer.article import Article
from composer.drawing.alike import alike
from composer.drawing.ask import Wanted, asked, look_of
from composer.drawing.request import Abilities
from composer.drawing.stage import draw_open
from composer.edits import OfferImages
from composer.store import ArticleLog
from composer.toolkit import Toolkit
from retrieval.images import decode_rgb
from tests.composer.kit import picture, run
from tests.drawing.kit import article_with, drawing, wanting
from tests.fakes import FlatGenerator

SHARES = Abilities(shared=True, start=True, negative=True)


def wishes(article: Article, toolkit: Toolkit) -> list[Wanted]:
    assert toolkit.generator is not None
    look = look_of(article, None)
    return [asked(article, s, look, toolkit.generator.abilities, px=64) for s in article.slots()]


def following(log: ArticleLog, **settings: bool) -> Toolkit:
    return drawing(log, FlatGenerator(abilities=SHARES), **{"draw_alike": True, **settings})


def test_the_first_wish_leads_all_and_itself(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("a lamp"), wanting("a lens"))
    toolkit = following(log)
    led = alike(toolkit, log.article, wishes(log.article, toolkit))
    leads = [w.drawing.lead for w in led]
    assert leads[0] == leads[1]
    assert leads[0] is not None
    assert (leads[0].prompt, leads[0].seed) == ("a lamp", led[0].drawing.seed)
    assert leads[0].lead is None


def test_nobody_follows_where_it_is_not_wanted_or_not_possible(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("a lamp"), wanting("a lens"))
    off, other = following(log, draw_alike=False), drawing(log, FlatGenerator(), draw_alike=True)
    for toolkit in (off, other):
        wanted = wishes(log.article, toolkit)
        assert alike(toolkit, log.article, wanted) == wanted


def test_a_picture_that_begins_from_another_follows_nobody(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("a lamp"), wanting("a lens"))
    toolkit = following(log)
    first, second = wishes(log.article, toolkit)
    begun = replace(first, drawing=replace(first.drawing, start=decode_rgb(picture("a lamp")[1])))
    led = alike(toolkit, log.article, [begun, second])
    assert led[0].drawing.lead is None
    assert led[1].drawing.lead is not None
    assert led[1].drawing.lead.prompt == "a lens"


def test_a_later_picture_follows_what_the_article_has(tmp_path: Path) -> None:
    log = article_with(tmp_path, wanting("a lamp"), wanting("a lens"))
    toolkit = following(log)
    lamp, lens = log.article.slots()
    article = run(log, lambda tk, a: draw_open(tk, a, [lamp.id]), toolkit)
    (drawn,) = article.slots()[0].candidates
    assert drawn.picture.recipe is not None
    recipe = replace(drawn.picture.recipe, lead_prompt="a lamp, ink", lead_negative="text", lead_seed=7)
    kept = replace(drawn, picture=replace(drawn.picture, recipe=recipe))
    log.commit(OfferImages(id=lamp.id, candidates=(kept,)), by="model")
    (wish,) = [w for w in alike(toolkit, log.article, wishes(log.article, toolkit)) if w.slot == lens.id]
    assert wish.drawing.lead is not None
    assert (wish.drawing.lead.prompt, wish.drawing.lead.negative, wish.drawing.lead.seed) == ("a lamp, ink", "text", 7)
