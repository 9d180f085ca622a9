"""The search page in a real browser: words, filters, similar pictures, a style card, the keyboard, a reload."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def captions(page: Page) -> list[str]:
    return page.locator(".il-grid p").all_inner_texts()


def test_from_the_page_to_a_picture(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("link", name="Search your pictures").click()
    expect(page.locator(".il-grid li")).to_have_count(4)
    page.get_by_label("What should be visible?").fill("brass lamp")
    page.keyboard.press("Enter")
    expect(page.locator(".il-grid p").first).to_have_text("brass lamp")
    expect(page.locator(".il-grid small").first).to_contain_text("Ann")
    page.reload()
    expect(page.get_by_label("What should be visible?")).to_have_value("brass lamp")
    expect(page.locator(".il-grid p").first).to_have_text("brass lamp")


def test_filters_and_what_cannot_be(page: Page, address: str) -> None:
    page.goto(f"{address}search")
    expect(page.locator(".il-grid li")).to_have_count(4)
    page.get_by_label("Shorter side at least (px)").fill("500")
    page.keyboard.press("Tab")
    expect(page.get_by_role("status")).to_contain_text("Nothing fits")
    page.goto(f"{address}search?like=nothing")
    expect(page.get_by_role("status")).to_contain_text("not in the library any more")


def test_a_reference_shows_its_style_card(page: Page, address: str) -> None:
    page.goto(f"{address}search")
    page.get_by_role("button", name="Style reference: glass lens", exact=True).click()
    card = page.get_by_role("region", name="Style card")
    expect(card.locator(".il-palette span").first).to_be_visible()
    expect(card).to_contain_text("Brightness")
    page.get_by_label("How much the style counts").fill("100")
    expect(page.locator(".il-grid p").first).to_have_text("glass lens")
    page.get_by_role("button", name="Without style").click()
    expect(card).to_be_hidden()


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(page: Page, address: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{address}search")
    expect(page.locator(".il-grid li")).to_have_count(4)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
