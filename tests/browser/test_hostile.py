"""A model, a library or a file that means harm: nothing of what they say runs, in the editor or in an export."""

import io
import json
import zipfile

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import EVIL, HOSTILE
from tests.browser.kit import SAVED, arrive, block, bring, caret, markdown
from tests.composer.kit import picture

pytestmark = pytest.mark.browser
HARMLESS = (
    "['script', 'img[src=x]', '[onerror]', '[onclick]', 'a[href^=javascript]', 'iframe'].map((s) => `.il ${s}`).join()"
)


def unharmed(page: Page) -> None:
    """Nothing ran, and nothing stands there that could."""
    assert page.evaluate("window.hacked") is None
    assert page.evaluate(f"document.querySelectorAll({HARMLESS}).length") == 0


def test_what_the_model_writes_is_text(page: Page, address: str) -> None:
    arrive(page, address)
    page.locator("#brief textarea").fill(f"{HOSTILE}, for visitors")
    page.locator("#write-now").click()
    expect(page.locator(".il-title")).to_contain_text("onerror")
    expect(page.locator(".il-body figure img")).to_have_count(1)
    expect(page.locator(".il-stop")).to_be_hidden()
    expect(page.locator(SAVED)).to_be_visible()
    expect(page.locator(".il-body h2").first).to_contain_text("onerror")
    expect(page.locator(".il-body")).to_contain_text("window.hacked=1")
    expect(page.locator(".il-caption").first).to_contain_text("onerror")
    unharmed(page)
    for panel in ("outline", "checks"):
        page.locator(f".il-bar [data-do={panel}]").click()
        expect(page.locator(f".il-panel-{panel} > *").first).to_be_visible()
        unharmed(page)
    slot = page.locator("figure.il-slot").first
    slot.hover()
    slot.locator("[data-do=tray]").click()
    expect(page.locator(".il-candidate img").first).to_be_visible()
    unharmed(page)
    page.keyboard.press("Escape")
    caret(page, "Bad text")
    page.keyboard.press("Control+j")
    page.locator("[data-act=rewrite]").click()
    expect(page.locator(".il-proposal [data-do=accept]")).to_be_visible()
    unharmed(page)
    page.locator(".il-proposal [data-do=accept]").click()
    expect(page.locator(".il-proposal")).to_be_hidden()
    unharmed(page)
    html = page.evaluate("fetch(`articles/${window.interleavePage.id}/download/html`).then((r) => r.text())")
    other = page.context.new_page()
    other.set_content(html)
    assert other.evaluate("window.hacked") is None
    assert other.evaluate("document.querySelectorAll('script, [onerror], a[href^=javascript], iframe').length") == 0
    other.close()


def test_a_file_with_hostile_credits_and_links_is_text(page: Page, address: str) -> None:
    data, buffer = picture("lamp")[1], io.BytesIO()
    credits = [{"file": "images/lamp.png", "title": EVIL, "author": EVIL, "source": EVIL, "licence": EVIL}]
    credits[0] |= {"url": "javascript:window.hacked=1", "licence_url": "javascript:window.hacked=1"}
    text = f"# {EVIL}\n\n## Part\n\nHello {EVIL} [x](javascript:window.hacked=1)\n\n![{EVIL}](images/lamp.png)\n"
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("article.md", text)
        archive.writestr("images/lamp.png", data)
        archive.writestr("credits.json", json.dumps(credits))
    bring(page, address, "hostile.zip", buffer.getvalue())
    expect(block(page, "Hello")).to_be_visible()
    expect(page.locator("figure .il-credit").first).to_be_visible()
    unharmed(page)
    assert r"[x\](javascript:" in markdown(page)
