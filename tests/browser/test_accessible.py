"""Every view obeys WCAG 2.2 AA as far as axe-core can tell: light and dark, wide and on a phone, nothing runs off the side."""

from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import views
from tests.browser.kit import SAVED, compose

pytestmark = pytest.mark.browser
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
STILL = """() => document.head.append(Object.assign(document.createElement("style"),
    { textContent: "*, *::before, *::after { transition: none !important; animation: none !important; }" }))"""
DARK = "(dark) => { for (const n of [document.documentElement, document.body]) n.classList.toggle('dark', dark); }"


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["wide", "phone"])
def page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    width, height = request.param
    context = chromium.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    tab = context.new_page()
    tab.set_default_timeout(45_000)
    yield tab
    context.close()


def violations(page: Page) -> list[str]:
    """What axe-core objects to, in light and dark."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE)
    page.evaluate(STILL)  # a colour on its way to another is neither
    found: list[str] = []
    for dark in (False, True):
        page.evaluate(DARK, dark)
        answer: dict[str, Any] = page.evaluate(
            f"axe.run(document, {{ runOnly: {RULES}, resultTypes: ['violations'] }})"
        )
        found += [
            f"{'dark' if dark else 'light'}: {v['id']}: {n['html'][:200]}: {n['failureSummary']}"
            for v in answer["violations"]
            for n in v["nodes"]
        ]
    page.evaluate(DARK, False)
    return found


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("view", [views.start, views.settings, views.plan], ids=lambda v: v.__name__)
def test_views_without_an_article(page: Page, address: str, view: Callable[[Page, str], None]) -> None:
    view(page, address)
    assert violations(page) == []
    assert fits(page)


def test_views_of_an_article(page: Page, address: str) -> None:
    compose(page, address)
    here = page.url
    found: dict[str, list[str]] = {}
    for name, view in views.OF_AN_ARTICLE.items():
        page.goto(here)
        expect(page.locator(".il-body figure img")).to_have_count(2)
        expect(page.locator(SAVED)).to_be_visible()
        view(page)
        found[name] = violations(page) + ([] if fits(page) else ["runs off the side"])
        page.evaluate("document.querySelectorAll('.il-proposal [data-do=discard]').forEach((b) => b.click())")
        page.evaluate("window.interleavePage.sync.settled()")
    assert {name: told for name, told in found.items() if told} == {}
