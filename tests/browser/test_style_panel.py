"""The panel of the look: references come and go, the card follows, colours and strength are kept with the article."""

import re
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from tests.browser.kit import compose

pytestmark = pytest.mark.browser


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    image = Image.new("RGB", (120, 90), "white")
    ImageDraw.Draw(image).ellipse((20, 10, 90, 80), fill="#cc2222")
    path = tmp_path / "red.png"
    image.save(path)
    return path


def test_a_reference_makes_a_card_that_can_be_changed(page: Page, address: str, reference: Path) -> None:
    compose(page, address)
    page.locator("[data-do=style]").click()
    panel = page.locator(".il-panel-style")
    panel.locator("input[type=file]").set_input_files(reference)
    expect(panel.locator(".il-references img")).to_have_count(1)
    colours = panel.locator("input[type=color]")
    expect(colours.nth(1)).to_have_value(re.compile("#c[b-d]2[0-4]2[0-4]"))
    count = colours.count()
    panel.get_by_role("button", name="Add a colour").click()
    expect(colours).to_have_count(count + 1)
    panel.get_by_label("How much the style counts").fill("40")
    page.reload()
    page.locator("[data-do=style]").click()
    expect(panel.get_by_label("How much the style counts")).to_have_value("40")
    expect(colours).to_have_count(count + 1)
    panel.get_by_role("button", name="Not a reference any more").click()
    expect(panel.locator(".il-references")).to_have_count(0)
    expect(colours).to_have_count(0)


def test_words_for_the_look_are_kept(page: Page, address: str) -> None:
    compose(page, address)
    page.locator("[data-do=style]").click()
    panel = page.locator(".il-panel-style")
    panel.get_by_label("The look of the pictures").fill("etching,  fine lines\n\nkeeper = an old man with a beard")
    panel.get_by_role("button", name="Save").click()
    page.reload()
    page.locator("[data-do=style]").click()
    expect(panel.get_by_label("The look of the pictures")).to_have_value(
        "etching, fine lines\nkeeper = an old man with a beard"
    )
    page.locator("[data-do=undo]").click()
    expect(panel.get_by_label("The look of the pictures")).to_have_value("")
