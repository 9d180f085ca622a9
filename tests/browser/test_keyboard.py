"""From a brief to an export without a mouse."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.kit import SAVED, arrive, markdown

pytestmark = pytest.mark.browser
MOST = 120  # presses of Tab: more would be too far for anybody


def tab_to(page: Page, selector: str, key: str = "Tab") -> None:
    """Press Tab until something is in focus."""
    for _ in range(MOST):
        if page.evaluate("(s) => Boolean(document.activeElement?.matches(s))", selector):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{selector} is not reached by {key}")


def test_a_whole_article_by_keys_alone(page: Page, address: str) -> None:
    arrive(page, address)
    expect(page.locator("#write-now")).to_be_visible()
    tab_to(page, "#brief textarea")
    page.keyboard.type("How lighthouses work, for visitors")
    tab_to(page, "#write-now")
    page.keyboard.press("Enter")
    expect(page.locator(".il-title")).to_have_text("Lighthouses")
    expect(page.locator(".il-stop")).to_be_hidden()
    expect(page.locator(".il-body figure img")).to_have_count(2)
    expect(page.locator(SAVED)).to_be_visible()

    tab_to(page, ".il-title")
    page.keyboard.press("End")
    page.keyboard.type(" at night")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator(".il-text")).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".il-menu[role=menu]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".il-menu[role=menu]")).to_have_count(0)

    tab_to(page, "figure [data-do=tray]")
    page.keyboard.press("Enter")
    expect(page.locator(".il-candidate").nth(1)).to_be_visible()
    tab_to(page, ".il-candidate[aria-pressed=false]")
    page.keyboard.press("Enter")
    expect(page.locator(".il-candidate").nth(1)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator("figure [data-do=tray]").first).to_be_focused()

    tab_to(page, "figure [data-do=alt]")
    page.keyboard.press("Enter")
    expect(page.locator("dialog textarea[name=alt]")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("A lamp that I chose")
    tab_to(page, "dialog [data-do=words]")
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_have_count(0)

    tab_to(page, ".il-bar [data-do=outline]", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".il-side li")).to_have_count(2)
    tab_to(page, ".il-side [data-do=down]")
    page.keyboard.press("Enter")
    expect(page.locator(".il-body h2")).to_have_text(["The lens", "The lamp"])
    page.keyboard.press("Escape")
    expect(page.locator(".il-side")).to_be_hidden()
    expect(page.locator(".il-bar [data-do=outline]")).to_be_focused()

    text = markdown(page)
    assert text.startswith("# Lighthouses at night")
    assert "![A lamp that I chose]" in text
    tab_to(page, ".il-bar [data-do=download]")
    page.keyboard.press("Enter")
    expect(page.locator(".il-menu [data-act=markdown]")).to_be_focused()
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    assert Path(waiting.value.path()).read_text(encoding="utf-8") == text
