"""A browser that wants Chinese sees Chinese: no English word is left in any view, but for names and what authors wrote."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.kit import arrive, bring, caret

pytestmark = pytest.mark.browser
PARTS = [
    "# 灯塔",
    "## 灯",
    "油灯整夜燃烧。守塔人修剪灯芯。",
    "#### 灯芯",
    "灯芯用棉线做成。",
    "## 透镜",
    "玻璃环成束。",
]
ARTICLE = "\n\n".join(PARTS)
NAMES = {
    "interleave",
    "markdown",
    "html",
    "zip",
    "ai",
    "ctrl",
    "alt",
    "shift",
    "enter",
    "tab",
    "openverse",
    "wikimedia",
    "commons",
}
NAMES |= {
    "interleave_web_contact",
    "docs",
    "md",
    "txt",
    "web-sources",
    "engines",
    "hugging",
    "face",
    "gb",
    "starter",
    "json",
}
WORDS = """() => {
    const found = [], skipped = ".il-text, .il-title, .il-summary, .il-candidate, #installed, .il-crop";
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode, parent = node.parentElement;
        if (parent.closest(`script, style, ${skipped}`)) continue;
        if (parent.checkVisibility({ visibilityProperty: true })) found.push(node.data);
    }
    for (const node of document.querySelectorAll(".il [aria-label], .il [title], .il [placeholder], [aria-label]"))
        if (!node.closest(".il-candidate") && node.checkVisibility({ visibilityProperty: true }))
            found.push(node.getAttribute("aria-label") || "", node.title, node.placeholder || "");
    return found;
}"""


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
    tab = context.new_page()
    tab.set_default_timeout(45_000)
    yield tab
    context.close()


def english(page: Page) -> list[str]:
    """The words in Latin letters that the view shows or says, but for names."""
    told = page.evaluate(WORDS)
    words = {w for text in told for w in re.findall(r"[A-Za-z][A-Za-z_-]+", text)}
    return sorted(w for w in words if w.lower() not in NAMES)


def test_every_view_is_chinese(page: Page, address: str) -> None:
    arrive(page, address)
    expect(page.locator("#write-now")).to_have_text("立即撰写")
    folded = page.locator("button.label-wrap:not(.open)")
    while folded.count():
        folded.first.click()
    expect(page.get_by_text("回收站").first).to_be_visible()
    assert english(page) == []
    page.locator("#write-now").click()
    expect(page.get_by_text("写作要求是空的")).to_be_visible()
    bring(page, address, "灯塔.md", ARTICLE)
    expect(page.locator(".il-title")).to_have_text("灯塔")
    assert english(page) == []
    for panel in ("outline", "checks", "versions", "style"):
        page.locator(f".il-bar [data-do={panel}]").click()
        expect(page.locator(f".il-panel-{panel} > *").first).to_be_visible()
        assert english(page) == [], panel
    page.keyboard.press("Escape")
    page.locator(".il-bar [data-do=keys]").click()
    expect(page.locator("dialog table")).to_be_visible()
    assert english(page) == []


def test_menus_trays_and_proposals_are_chinese(page: Page, address: str) -> None:
    bring(page, address, "灯塔.md", ARTICLE)
    caret(page, "油灯整夜")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".il-menu[role=menu]")).to_be_visible()
    assert english(page) == []
    page.locator("[data-act=find]").click()
    page.locator("dialog [name=text]").fill("brass lamp")
    page.locator("dialog button[type=submit]").click()
    slot = page.locator("figure.il-slot").first
    expect(slot.locator("img")).to_be_visible()
    expect(page.locator(".il-stop")).to_be_hidden()
    slot.hover()
    slot.locator("[data-do=tray]").click()
    expect(page.locator(".il-candidate .il-badges").first).to_contain_text("本人提供")
    assert english(page) == []
    page.keyboard.press("Escape")
    slot.hover()
    slot.locator("[data-do=look]").click()
    assert english(page) == []
    page.keyboard.press("Escape")
    caret(page, "油灯整夜")
    page.keyboard.press("Control+j")
    assert english(page) == []
    page.locator("[data-act=rewrite]").click()
    expect(page.locator(".il-proposal [data-do=accept]")).to_be_visible()
    assert english(page) == []
    page.locator(".il-proposal [data-do=discard]").click()
    page.keyboard.type("/")
    expect(page.locator(".il-slash [role=option]").first).to_be_visible()
    assert english(page) == []
