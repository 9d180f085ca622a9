"""The tray in the page with a generator: an image server's stub draws, so that nothing is loaded."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.backends.stub_images import running
from tests.browser.conftest import application
from tests.browser.kit import compose

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def drawing_address(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[str]:
    """Where an application listens that draws."""
    with (
        running() as images,
        application(
            tmp_path_factory.mktemp("drawing"),
            INTERLEAVE_GENERATOR="openai-images:stub",
            INTERLEAVE_IMAGE_BASE_URL=images.at("good"),
            INTERLEAVE_IMAGE_SERVER="sglang",
            INTERLEAVE_DRAW_GATE="0",
        ) as url,
    ):
        yield url


def open_tray(page: Page) -> None:
    """The tray of the first figure, with its drawing part open."""
    page.locator(".il-body figure").first.hover()
    page.locator(".il-body figure [data-do=tray]").first.click()
    page.locator(".il-draw > summary").click()


def test_a_picture_is_drawn_again_changed_and_brushed(drawing_address: str, page: Page) -> None:
    compose(page, drawing_address)
    open_tray(page)
    tray = page.locator(".il-tray")
    expect(tray.locator("[data-part=way]")).not_to_be_empty()
    way = page.get_by_label("This picture is to be")
    way.select_option("drawn")
    expect(tray.locator("[data-part=way]")).to_be_empty()
    way.select_option("as proposed")
    expect(tray.locator("[data-part=way]")).not_to_be_empty()
    expect(tray.locator("[data-part=references]")).to_contain_text("openai-images:stub")
    tray.locator("[name=prompt]").fill("a copper lamp")
    tray.locator("[name=seed]").fill("7")
    tray.locator("[data-do=draw]").click()
    drawn = tray.locator(".il-candidate[aria-pressed=true] em")
    expect(drawn).to_have_count(1)
    expect(tray.locator("[data-part=recipe]")).to_contain_text("7")
    expect(page.locator(".il-stop")).to_be_hidden()
    before = tray.locator(".il-candidate").count()
    tray.locator("[data-do=redraw]").click()
    expect(page.locator(".il-stop")).to_be_hidden()
    expect(tray.locator(".il-candidate")).to_have_count(before)
    tray.locator("[data-do=use-recipe]").click()
    expect(tray.locator("[name=seed]")).to_have_value("7")
    tray.locator("[data-do=brush]").click()
    canvas = page.locator(".il-brush")
    expect(canvas).to_be_visible()
    canvas.focus()
    page.keyboard.press("Space")
    page.locator("[data-do=draw-brushed]").click()
    expect(canvas).to_have_count(0)
    expect(tray.locator(".il-candidate")).to_have_count(before + 1)
    tray.locator("[data-do=enlarge]").click()
    expect(tray.locator(".il-candidate")).to_have_count(before + 2)
