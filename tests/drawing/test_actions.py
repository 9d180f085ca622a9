"""What a person does in the tray: drawn anew, again, changed, brushed, enlarged, charted; and what the tray tells."""

import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from composer.article import ImageSlot, TextBlock, with_id
from composer.brief import Wishes, make_brief
from composer.drawing.enlarge import PRINT_PX
from composer.drawing.request import Abilities
from composer.edits import AddBlock
from composer.errors import UsageError
from composer.events import Progress
from composer.export.containers import xmp_of
from composer.export.xmp import properties_of
from composer.store import ArticleLog
from composer.ui.actions import act
from composer.ui.picture_actions import take_upload
from composer.ui.tray import tray, under_way
from composer.workspace import Workspace
from retrieval.images import decode_rgb, encode
from retrieval.picture import Picture
from tests.drawing.kit import drawing
from tests.drawing.test_charts import MARKDOWN
from tests.fakes import FlatGenerator

SOURCE_TYPE = "Iptc4xmpExt:DigitalSourceType"


class Desk:
    """An article with one slot, and a person at it."""

    def __init__(self, tmp: Path, generator: FlatGenerator | None, query: str = "a brass lamp") -> None:
        self.generator = generator
        self.workspace = Workspace(tmp, lambda log: replace(drawing(log), generator=generator))
        self.log: ArticleLog = self.workspace.create(make_brief("Lamps", Wishes()))
        for block in (TextBlock(id="", markdown=MARKDOWN), ImageSlot(id="", purpose="shows", query=query)):
            after = self.log.article.blocks[-1].id if self.log.article.blocks else None
            self.log.commit(AddBlock(block=with_id(self.log.article, block), after=after), by="person")

    @property
    def slot(self) -> ImageSlot:
        return self.log.article.slots()[0]

    @property
    def picture(self) -> Picture:
        assert self.slot.picture is not None
        return self.slot.picture

    def do(self, action: str, **fields: Any) -> Picture:  # noqa: ANN401 - fields of a request
        act(self.workspace, self.log.article.id, {"action": action, "id": self.slot.id, **fields})
        run = self.workspace.running(self.log.article.id)
        assert run is None or run.wait(20)
        return self.picture

    def upload(self, colour: str = "red") -> None:
        data = encode(Image.new("RGB", (96, 64), colour), "PNG")
        take_upload(self.workspace, self.log.article.id, self.slot.id, "mine.png", data)

    def said(self) -> dict[str, Any]:
        return tray(self.workspace, self.log.article.id, self.slot.id)

    def bytes_of(self, picture: Picture) -> bytes:
        data = self.log.pictures.read(picture.digest)
        assert data is not None
        return data


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, FlatGenerator())


def brushed(*box: int) -> str:
    mask = Image.new("RGB", (48, 32), "black")
    mask.paste("white", (box[0], box[1], box[2], box[3]))
    return "data:image/png;base64," + base64.b64encode(encode(mask, "PNG")).decode()


def test_a_persons_words_and_seed_are_what_is_drawn(desk: Desk) -> None:
    picture = desk.do("draw", prompt="a copper lamp", seed="77", negative="smoke")
    assert picture.recipe is not None
    assert (picture.recipe.query, picture.recipe.seed, picture.recipe.negative) == ("a copper lamp", 77, "smoke")
    assert picture.recipe.prompt == "a copper lamp"
    assert desk.said()["candidates"][0]["recipe"]["seed"] == 77


def test_variations_differ_in_their_seeds_and_stand_beside_the_first(desk: Desk) -> None:
    first = desk.do("draw", seed="5", count="3")
    assert first.recipe is not None
    assert first.recipe.seed == 5
    recipes = [c.picture.recipe for c in desk.slot.candidates]
    assert len({r.seed for r in recipes if r}) == 3


def test_the_same_recipe_draws_the_same_file(desk: Desk) -> None:
    first = desk.do("draw", seed="5")
    desk.do("draw", seed="6")
    again = desk.do("redraw", digest=first.digest)
    assert again.digest == first.digest
    assert len(desk.slot.candidates) == 2


def test_another_generator_does_not_pretend_to_draw_it_again(desk: Desk) -> None:
    first = desk.do("draw", seed="5")
    assert desk.generator is not None
    desk.generator.name = "another"
    with pytest.raises(UsageError, match="Set INTERLEAVE_GENERATOR back"):
        desk.do("redraw", digest=first.digest)


def test_a_changed_picture_begins_from_the_chosen_one_and_is_a_composite(desk: Desk) -> None:
    desk.upload()
    mine = desk.picture
    made = desk.do("change", prompt="a green lamp", strength="0.3", seed="2")
    assert desk.generator is not None
    asked = desk.generator.asked[-1]
    assert asked.start is not None
    assert asked.strength == 0.3
    assert asked.width / asked.height == pytest.approx(1.5, rel=0.4)
    assert made.recipe is not None
    assert made.recipe.start == mine.digest
    said = properties_of(xmp_of(desk.bytes_of(made)))
    assert str(said[SOURCE_TYPE]).endswith("compositeWithTrainedAlgorithmicMedia")
    assert desk.do("redraw", digest=made.digest).digest == made.digest


def test_brushing_changes_the_brushed_part_alone(desk: Desk) -> None:
    desk.upload()
    made = desk.do("change", prompt="a door", mask=brushed(0, 0, 24, 32), seed="2")
    image = decode_rgb(desk.bytes_of(made))
    assert image.size == (96, 64)
    assert image.getpixel((90, 32)) == (255, 0, 0)
    assert image.getpixel((5, 32)) != (255, 0, 0)
    assert made.recipe is not None
    assert made.recipe.mask
    assert desk.said()["candidates"][0]["recipe"]["again"]
    assert desk.do("redraw", digest=made.digest).digest == made.digest


def test_a_brushed_part_whose_mask_is_gone_is_not_drawn_as_a_whole(desk: Desk) -> None:
    desk.upload()
    made = desk.do("change", prompt="a door", mask=brushed(0, 0, 24, 32), seed="2")
    assert made.recipe is not None
    mask = desk.log.pictures.path(made.recipe.mask)
    assert mask is not None
    mask.unlink()
    assert not desk.said()["candidates"][0]["recipe"]["again"]
    with pytest.raises(UsageError, match="brushed part"):
        desk.do("redraw", digest=made.digest)


@pytest.mark.parametrize("mask", ["data:image/png;base64,???", "x", brushed(0, 0, 0, 0)])
def test_a_mask_that_says_nothing_is_refused(desk: Desk, mask: str) -> None:
    desk.upload()
    with pytest.raises(UsageError, match=r"[Bb]rush"):
        desk.do("change", prompt="a door", mask=mask)


def test_a_generator_that_cannot_begin_from_a_picture_says_so(tmp_path: Path) -> None:
    desk = Desk(tmp_path, FlatGenerator(abilities=Abilities()))
    desk.upload()
    with pytest.raises(UsageError, match="cannot begin from a picture"):
        desk.do("change")


@pytest.mark.parametrize("action", ["draw", "redraw", "change"])
def test_without_a_generator_it_is_said_what_it_takes(tmp_path: Path, action: str) -> None:
    with pytest.raises(UsageError, match=r"docs/generation\.md"):
        Desk(tmp_path, None).do(action)


def test_an_enlarged_picture_keeps_its_mark_and_maker(desk: Desk) -> None:
    drawn = desk.do("draw", seed="5")
    larger = desk.do("enlarge")
    assert (larger.width, larger.attribution.author) == (8 * drawn.width, drawn.attribution.author)
    assert larger.recipe == drawn.recipe
    assert SOURCE_TYPE in properties_of(xmp_of(desk.bytes_of(larger)))
    assert "resized to" in larger.attribution.changes
    desk.upload()
    assert "xmp" not in Image.open(io.BytesIO(desk.bytes_of(desk.do("enlarge")))).info
    assert larger.width <= PRINT_PX


def test_a_cropped_drawn_picture_keeps_its_mark(desk: Desk) -> None:
    desk.do("draw", seed="5")
    part = desk.do("crop", left=0, top=0, right=50, bottom=50)
    assert SOURCE_TYPE in properties_of(xmp_of(desk.bytes_of(part)))


def test_a_chart_is_made_where_a_table_is_and_a_stop_takes_a_drawing_back(tmp_path: Path) -> None:
    desk = Desk(tmp_path, None, "the heights of lighthouses")
    assert desk.said()["chart"]
    assert not desk.do("chart").attribution.generated
    slow = Desk(tmp_path / "other", FlatGenerator(pause=0.2))
    act(slow.workspace, slow.log.article.id, {"action": "draw", "id": slow.slot.id, "count": "4"})
    act(slow.workspace, slow.log.article.id, {"action": "stop"})
    assert slow.workspace.running(slow.log.article.id) is None
    assert slow.slot.chosen is None


def test_the_tray_says_what_can_be_drawn_and_what_references_do(desk: Desk) -> None:
    said = desk.said()
    assert said["drawing"]["model"] == "flat"
    assert said["drawing"]["references_do"] == "They change the colour."
    assert said["drawing"]["can"] == {"start": True, "mask": True, "negative": True}
    assert said["way"] == "either"
    assert said["now"] is None
    assert said["said"] == ""


def test_the_person_says_how_a_slot_is_filled_and_can_take_it_back(desk: Desk) -> None:
    for said, way in (("drawn", "drawn"), ("found", "found"), ("chart", "chart"), ("", "either")):
        act(desk.workspace, desk.log.article.id, {"action": "fill_by", "id": desk.slot.id, "way": said})
        assert (desk.said()["said"], desk.said()["way"]) == (said, way)
    act(desk.workspace, desk.log.article.id, {"action": "undo"})
    assert desk.said()["said"] == "chart"
    with pytest.raises(UsageError, match="found, either, drawn, chart"):
        act(desk.workspace, desk.log.article.id, {"action": "fill_by", "id": desk.slot.id, "way": "painted"})


def test_the_tray_shows_how_far_a_picture_is() -> None:
    progress = Progress(stage="draw", done=2, total=4, unit="steps", block="b2", preview="data:x")
    assert under_way(progress, "b2") == {"doing": "draw", "done": 2, "total": 4, "unit": "steps", "preview": "data:x"}
    assert under_way(progress, "b3") is None
    assert under_way(None, "b2") is None


def test_a_refused_prompt_is_said_and_nothing_is_drawn(desk: Desk) -> None:
    act(desk.workspace, desk.log.article.id, {"action": "draw", "id": desk.slot.id, "prompt": "a nude on a sofa"})
    run = desk.workspace.running(desk.log.article.id)
    assert run is None or run.wait(20)
    assert desk.slot.candidates == ()
    assert desk.generator is not None
    assert desk.generator.asked == []


def test_the_entity_sheet_keeps_its_lines(tmp_path: Path) -> None:
    desk = Desk(tmp_path, None)
    request = {"action": "style", "style": "  etching,   fine\n\n\nkeeper =  an old man\r\nlamp = brass  "}
    act(desk.workspace, desk.log.article.id, request)
    assert desk.log.article.style == "etching, fine\nkeeper = an old man\nlamp = brass"
    with pytest.raises(UsageError, match="2,000"):
        act(desk.workspace, desk.log.article.id, {"action": "style", "style": "x" * 3000})
