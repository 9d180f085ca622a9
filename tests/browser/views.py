"""Every view of the page by name, each opened as a person would open it: for checks and pictures of all of them."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.kit import SAVED, arrive, caret, saved, select

PLANNED = "How lighthouses work, for visitors"


def start(page: Page, address: str) -> None:
    """The start page as it is met, with nothing open."""
    arrive(page, address)
    expect(page.locator("#write-now")).to_be_visible()


def settings(page: Page, address: str) -> None:
    """The start page with all its folds open: specification, material, shelf, trash, what is installed."""
    start(page, address)
    folded = page.locator("button.label-wrap:not(.open)")
    while folded.count():
        folded.first.click()
    expect(page.locator("#installed")).to_be_visible()


def plan(page: Page, address: str) -> None:
    """An outline before it is written."""
    arrive(page, address)
    page.locator("#brief textarea").fill(PLANNED)
    page.locator("#plan-first").click()
    expect(page.locator(".il-plan")).to_have_count(2)
    expect(page.locator("[data-do=write]")).to_be_visible()
    expect(page.locator(SAVED)).to_be_visible()


def panel(name: str) -> Callable[[Page], None]:
    """One of the panels beside the article."""

    def opened(page: Page) -> None:
        page.locator(f".il-bar [data-do={name}]").click()
        expect(page.locator(f".il-panel-{name} > *").first).to_be_visible()

    return opened


def versions(page: Page) -> None:
    panel("versions")(page)
    page.locator("[data-do=name_version]").click()
    page.locator("dialog [name=name]").fill("First draft")
    page.locator("dialog button[type=submit]").click()
    expect(page.locator(".il-side [data-do=compare]").first).to_be_visible()


def compare(page: Page) -> None:
    versions(page)
    page.locator(".il-bar [data-do=versions]").click()
    caret(page, "Electric bulbs")
    page.keyboard.type(" Added later.")
    saved(page)
    panel("versions")(page)
    page.locator("[data-do=compare]").first.click()
    expect(page.locator("dialog ins").first).to_be_visible()


def tools(page: Page, name: str) -> None:
    slot = page.locator("figure.il-slot").first
    slot.hover()
    slot.locator(f"[data-do={name}]").click()


def tray(page: Page) -> None:
    tools(page, "tray")
    expect(page.locator(".il-candidate img").first).to_be_visible()
    page.locator("dialog details summary").click()


def alt(page: Page) -> None:
    tools(page, "alt")
    expect(page.locator("dialog textarea")).to_be_visible()


def credit(page: Page) -> None:
    tools(page, "menu")
    page.locator("[data-act=credit]").click()
    expect(page.locator("dialog [name=licence]")).to_be_visible()


def crop(page: Page) -> None:
    tray(page)
    page.locator("dialog [data-do=crop]").click()
    expect(page.locator(".il-crop-frame")).to_be_visible()


def look(page: Page) -> None:
    tools(page, "look")
    expect(page.locator(".il-menu[role=menu]")).to_be_visible()


def focus(page: Page) -> None:
    look(page)
    page.locator("[data-act=focus]").click()
    expect(page.locator(".il-focus-point")).to_be_visible()


def block_menu(page: Page) -> None:
    caret(page, "The lens")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".il-menu[role=menu]")).to_be_visible()


def assist_menu(page: Page) -> None:
    caret(page, "Electric bulbs")
    page.keyboard.press("Control+j")
    expect(page.locator(".il-menu[role=menu]")).to_be_visible()


def proposal(page: Page) -> None:
    assist_menu(page)
    page.locator("[data-act=rewrite]").click()
    expect(page.locator(".il-proposal [data-do=accept]")).to_be_visible()


def toolbar(page: Page) -> None:
    select(page, "Electric bulbs")
    expect(page.locator(".il-toolbar")).to_be_visible()


def slash(page: Page) -> None:
    caret(page, "Electric bulbs")
    page.keyboard.press("Enter")
    page.keyboard.type("/")
    expect(page.locator(".il-slash [role=option]").first).to_be_visible()


def keys(page: Page) -> None:
    page.locator(".il-bar [data-do=keys]").click()
    expect(page.locator("dialog table")).to_be_visible()


def article(page: Page) -> None:
    """Nothing more than the article."""
    expect(page.locator(".il-body figure img").first).to_be_visible()


OF_AN_ARTICLE: dict[str, Callable[[Page], None]] = {
    "article": article,
    "outline": panel("outline"),
    "checks": panel("checks"),
    "style": panel("style"),
    "versions": versions,
    "compare": compare,
    "tray": tray,
    "alt": alt,
    "credit": credit,
    "crop": crop,
    "look": look,
    "focus": focus,
    "block-menu": block_menu,
    "assist": assist_menu,
    "proposal": proposal,
    "toolbar": toolbar,
    "slash": slash,
    "keys": keys,
}
