"""The arranging generator in the program: credits, marks, doubts, and what it cannot show."""

import json
from dataclasses import replace
from pathlib import Path

import exiv2
import pytest

from composer.article import ImageSlot
from composer.backends.arranged import ArrangedGenerator
from composer.backends.load import Options, image_generator
from composer.drawing.ask import Wanted
from composer.drawing.enlarge import enlarged
from composer.drawing.redraw import again
from composer.drawing.request import Drawing, Drawn, Undrawn
from composer.drawing.stage import draw_open, draw_wanted
from composer.errors import SetupError, UsageError
from composer.export import ExportOptions, bundle, write_bundle
from composer.export.metadata import ARRANGED
from composer.store import ArticleLog
from composer.toolkit import Toolkit
from tests.arranging.kit import Synonyms, pack_in
from tests.composer.kit import run, warnings
from tests.drawing.kit import article_with, drawing, refer, wanting


@pytest.fixture
def generator(tmp_path: Path) -> ArrangedGenerator:
    return ArrangedGenerator("openmoji", pack_in(tmp_path / "packs"), Synonyms())


def toolkit_of(log: ArticleLog, generator: ArrangedGenerator) -> Toolkit:
    return replace(drawing(log, draw_gate=0.95), generator=generator)


def drawn_for(log: ArticleLog, generator: ArrangedGenerator) -> tuple[ImageSlot, ...]:
    return run(log, lambda tk, a: draw_open(tk, a, [s.id for s in a.slots()]), toolkit_of(log, generator)).slots()


def told(data: bytes) -> dict[str, str]:
    """The XMP that Exiv2 finds."""
    image = exiv2.ImageFactory.open(data)
    image.readMetadata()
    return {datum.key(): str(datum.value()) for datum in image.xmpData()}


def test_an_open_slot_is_filled_credited_and_marked_as_what_it_is_through_export(
    tmp_path: Path, generator: ArrangedGenerator
) -> None:
    log = article_with(tmp_path / "a", wanting("a house and two trees at night"))
    (slot,) = drawn_for(log, generator)
    picture = slot.picture
    assert picture is not None
    assert picture.caption == "house, deciduous tree (three)"
    credit = picture.attribution
    assert (credit.author, credit.licence, credit.generated) == ("OpenMoji project", "CC BY-SA 4.0", False)
    assert credit.title == "house, deciduous tree"
    write_bundle(bundle(log.article, log.pictures.read, options=ExportOptions()), tmp_path / "out")
    html = (tmp_path / "out" / "article.html").read_text(encoding="utf-8")
    assert "OpenMoji project" in html
    assert "arranged on a background" in html
    assert "AI-generated" not in html
    (entry,) = json.loads((tmp_path / "out" / "credits.json").read_text(encoding="utf-8"))
    assert (entry["generated"], entry["licence"]) == (False, "CC BY-SA 4.0")
    said = told((tmp_path / "out" / entry["file"]).read_bytes())
    assert said["Xmp.iptcExt.DigitalSourceType"] == ARRANGED
    assert "Xmp.iptcExt.AISystemUsed" not in said
    assert {k.rpartition(".")[2]: v for k, v in said.items()}["parts"] == "house, deciduous tree (three)"


def test_what_it_is_about_must_be_there_and_most_of_the_words(tmp_path: Path, generator: ArrangedGenerator) -> None:
    queries = (
        "a lighthouse beside a house",
        "a house with cellar, attic and chimney",
        "a lighthouse",
        "an apple on a table",
    )
    log = article_with(tmp_path / "a", *map(wanting, queries))
    slots = drawn_for(log, generator)
    assert [s.chosen is not None for s in slots] == [False, False, False, True]
    said = warnings(log)
    assert any("lighthouse beside a house” is not shown: no drawing shows “lighthouse”" in w for w in said)
    assert any("“cellar”, “attic”, “chimney”" in w for w in said)
    assert any("no drawing of OpenMoji shows any of it" in w for w in said)
    assert len(said) == 3


def test_who_asks_sees_what_there_is(tmp_path: Path, generator: ArrangedGenerator) -> None:
    log = article_with(tmp_path / "a", wanting("a lighthouse beside a house"))
    slot, toolkit = log.article.slots()[0], toolkit_of(log, generator)
    wanted = Wanted(slot=slot.id, query=slot.query, drawing=Drawing(prompt=slot.query, width=128, height=96))
    run(log, lambda tk, a: draw_wanted(tk, a, [wanted], judged=False), toolkit)
    picture = log.article.slots()[0].picture
    assert picture is not None
    assert picture.caption == "house"


def test_the_recipe_draws_the_same_file_again_with_its_references(tmp_path: Path, generator: ArrangedGenerator) -> None:
    log = article_with(tmp_path / "a", wanting("a house on a hill"))
    refer(log, "red wall")
    (slot,) = drawn_for(log, generator)
    assert slot.picture is not None
    recipe = slot.picture.recipe
    assert recipe is not None
    assert recipe.references
    toolkit = toolkit_of(log, generator)
    wanted = again(toolkit, slot, recipe)
    run(log, lambda tk, a: draw_wanted(tk, a, wanted, judged=False), toolkit)
    assert [c.picture.digest for c in log.article.slots()[0].candidates] == [slot.picture.digest]


def test_an_enlarged_one_keeps_the_mark(tmp_path: Path, generator: ArrangedGenerator) -> None:
    log = article_with(tmp_path / "a", wanting("a house on a hill"))
    (slot,) = drawn_for(log, generator)
    assert slot.picture is not None
    _, made = enlarged(slot.picture, log.pictures.read(slot.picture.digest) or b"", px=256)
    said = told(made)
    assert said["Xmp.iptcExt.DigitalSourceType"] == ARRANGED
    assert "Xmp.photoshop.Credit" not in said


def test_nothing_to_show_is_an_answer_and_the_others_come(generator: ArrangedGenerator) -> None:
    said = list(generator.draw_all([Drawing(prompt="freedom"), Drawing(prompt="a house")]))
    assert [type(s) for s in said if isinstance(s, Drawn | Undrawn)] == [Undrawn, Drawn]


def test_without_the_pack_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="retrieval packs install openmoji"):
        list(ArrangedGenerator("openmoji", tmp_path).draw_all([Drawing(prompt="a house")]))


def test_it_is_chosen_by_name() -> None:
    assert isinstance(image_generator("arranged:openmoji", Options()), ArrangedGenerator)
    with pytest.raises(UsageError, match="openmoji"):
        image_generator("arranged:openmojis", Options())
