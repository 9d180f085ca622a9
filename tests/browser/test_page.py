"""What a person does on the page: write, watch, change, choose, take back, reload, take away."""

import io
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.kit import arrive, block, caret, compose, markdown, saved
from tests.composer.kit import picture

pytestmark = pytest.mark.browser


def test_compose_edit_and_take_away(page: Page, address: str) -> None:
    compose(page, address)
    expect(page.locator(".il-body h2")).to_have_text(["The lamp", "The lens"])
    caret(page, "Electric bulbs")
    page.keyboard.type(" And **the watch** ended.")
    expect(block(page, "Electric bulbs").locator("strong")).to_have_text("the watch")
    saved(page)
    page.locator("[data-do=download]").click()
    with page.expect_download() as waiting:
        page.locator("[data-act=markdown]").click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    assert text.startswith("# Lighthouses")
    assert "**the watch**" in text
    page.locator("[data-do=download]").click()
    with page.expect_download() as waiting:
        page.locator("[data-act=zip]").click()
    with zipfile.ZipFile(io.BytesIO(Path(waiting.value.path()).read_bytes())) as archive:
        assert {"article.md", "article.html", "credits.json"} <= set(archive.namelist())
        assert sum(n.startswith("images/") for n in archive.namelist()) == 2
    page.locator("[data-do=download]").click()
    with page.expect_download() as waiting:
        page.locator("[data-act=html]").click()
    assert "data:image/png;base64," in Path(waiting.value.path()).read_text(encoding="utf-8")


def test_undo_and_redo(page: Page, address: str) -> None:
    compose(page, address)
    before = block(page, "Electric bulbs").inner_text()
    caret(page, "Electric bulbs")
    page.keyboard.insert_text(" Something else.")
    saved(page)
    page.locator("[data-do=undo]").click()
    expect(block(page, "Electric bulbs")).to_have_text(before)
    page.locator("[data-do=redo]").click()
    expect(block(page, "Electric bulbs")).to_have_text(before + " Something else.")


def test_another_picture_and_own_words(page: Page, address: str) -> None:
    compose(page, address)
    slot = page.locator("figure.il-slot").first
    chosen = slot.locator("img").get_attribute("src")
    slot.hover()
    slot.locator("[data-do=tray]").click()
    page.locator(".il-candidate[aria-pressed=false]").first.click()
    expect(slot.locator("img")).not_to_have_attribute("src", chosen or "")
    page.locator("dialog input[name=query]").fill("glass lens")
    page.locator("dialog [data-do=seek]").click()
    expect(page.locator("dialog .il-cards")).to_contain_text("yours")
    page.keyboard.press("Escape")
    expect(page.locator(".il-stop")).to_be_hidden()
    slot.hover()
    slot.locator("[data-do=alt]").click()
    page.locator("dialog textarea[name=alt]").fill('My alt "text"')
    page.locator("dialog [data-do=words]").click()
    expect(slot.locator("img")).to_have_attribute("alt", 'My alt "text"')
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.wait_for_timeout(300)  # the dialogue gives the focus back; a click before that selects in the article
    slot.locator(".il-caption").click()
    page.wait_for_timeout(300)  # nobody presses the next key within a millisecond of a click
    page.keyboard.press("Control+a")
    page.keyboard.type("My caption <b>here</b>")
    assert r"My caption \<b\>here\</b\>" in markdown(page)
    page.reload()
    expect(page.locator("figure.il-slot .il-caption").first).to_have_text("My caption <b>here</b>")


def test_upload_a_picture_for_a_slot(page: Page, address: str, tmp_path: Path) -> None:
    compose(page, address)
    file = tmp_path / "harbour-at-dusk.png"
    file.write_bytes(picture("harbour at dusk")[1])
    slot = page.locator("figure.il-slot").first
    slot.hover()
    slot.locator("[data-do=tray]").click()
    with page.expect_file_chooser() as choosing:
        page.locator("dialog [data-do=upload]").click()
    choosing.value.set_files(file)
    expect(slot.locator("img")).to_have_attribute("alt", re.compile("harbour at dusk", re.IGNORECASE))
    bad = tmp_path / "no-picture.png"
    bad.write_bytes(b"this is text")
    with page.expect_file_chooser() as choosing:
        page.locator("dialog [data-do=upload]").click()
    choosing.value.set_files(bad)
    expect(page.locator(".il-note.il-error")).to_contain_text("not a picture")


def test_rewrite_a_section_and_take_it_back(page: Page, address: str) -> None:
    compose(page, address)
    caret(page, "The lamp")
    page.keyboard.press("Control+Enter")
    page.locator("[data-act=rewrite-section]").click()
    page.locator("dialog button[type=submit]").click()
    expect(page.locator(".il-body")).to_contain_text("A new text stands here now.")
    expect(page.locator(".il-stop")).to_be_hidden()
    expect(page.locator(".il-body")).not_to_contain_text("Keepers trim the wick")
    page.locator("[data-do=undo]").click()
    expect(page.locator(".il-body")).to_contain_text("Keepers trim the wick")


def test_plan_first_then_change_the_outline_then_write(page: Page, address: str) -> None:
    arrive(page, address)
    page.get_by_label("Brief", exact=True).fill("How lighthouses work, for visitors")
    page.get_by_role("button", name="Plan first").click()
    expect(page.locator(".il-body h2")).to_have_text(["The lamp", "The lens"])
    expect(page.locator("[data-do=write]")).to_be_visible()
    caret(page, "The lamp", at_end=False)
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.type("old ")
    saved(page)
    page.locator("[data-do=write]").click()
    expect(page.locator(".il-body")).to_contain_text("Keepers trim the wick")
    expect(page.locator(".il-body h2").first).to_have_text("The old lamp")


def test_a_reload_in_the_middle_loses_nothing(page: Page, address: str) -> None:
    arrive(page, address)
    page.get_by_label("Brief", exact=True).fill("How lighthouses work, for visitors")
    page.get_by_role("button", name="Write at once").click()
    expect(page.locator(".il-body p").first).to_be_visible()
    page.reload()
    expect(page.locator(".il-title")).to_have_text("Lighthouses")
    expect(page.locator(".il-stop")).to_be_hidden()
    expect(page.locator(".il-body figure")).to_have_count(2)


def test_stop_stops(page: Page, address: str) -> None:
    arrive(page, address)
    page.get_by_label("Brief", exact=True).fill("How lighthouses work, for visitors")
    page.get_by_role("button", name="Write at once").click()
    expect(page.locator(".il-body h2").first).to_be_visible()
    page.locator(".il-stop").click()
    expect(page.locator(".il-stop")).to_be_hidden(timeout=5000)
    expect(page.locator("[data-do=write]")).to_be_visible()


def test_two_tabs_do_not_mix_their_articles(page: Page, chromium: Browser, address: str) -> None:
    compose(page, address)
    other = chromium.new_context().new_page()
    arrive(other, address)
    expect(other.locator(".il")).to_be_hidden()
    other.get_by_label("Brief", exact=True).fill("How lighthouses work, told anew, for visitors")
    other.get_by_role("button", name="Write at once").click()
    expect(other.locator(".il-title")).to_have_text("Lighthouses")
    assert re.search(r"article=([\w-]+)", other.url) != re.search(r"article=([\w-]+)", page.url)
    caret(page, "Electric bulbs")
    page.keyboard.press("Control+Enter")
    page.locator("[data-act=remove]").click()
    expect(page.locator(".il-body")).not_to_contain_text("Electric bulbs")
    expect(other.locator(".il-body")).to_contain_text("Electric bulbs")
    other.context.close()


def test_one_article_in_two_tabs_stays_one(page: Page, chromium: Browser, address: str) -> None:
    compose(page, address)
    other = chromium.new_context().new_page()
    other.goto(page.url)
    expect(other.locator(".il-body")).to_contain_text("Electric bulbs")
    caret(page, "Electric bulbs")
    page.keyboard.press("Control+Enter")
    page.locator("[data-act=remove]").click()
    expect(other.locator(".il-body")).not_to_contain_text("Electric bulbs")
    other.context.close()


def test_what_is_wrong_with_a_brief_is_said(page: Page, address: str) -> None:
    arrive(page, address)
    page.get_by_role("button", name="Write at once").click()
    expect(page.get_by_text("The brief is empty.")).to_be_visible()


def test_nothing_that_is_typed_runs(page: Page, address: str) -> None:
    compose(page, address)
    payload = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>[x](javascript:window.hacked=1)'
    caret(page, "Electric bulbs")
    page.keyboard.insert_text(payload)
    for field in (".il-title", ".il-summary", ".il-caption >> nth=0"):
        page.locator(field).click()
        page.keyboard.insert_text(payload)
    slot = page.locator("figure.il-slot").first
    slot.hover()
    slot.locator("[data-do=alt]").click()
    page.locator("dialog textarea[name=alt]").fill(payload)
    page.locator("dialog [data-do=words]").click()
    saved(page)
    page.reload()
    expect(block(page, "Electric bulbs")).to_contain_text("onerror")
    expect(page.locator(".il-title")).to_contain_text("onerror")
    expect(page.locator("figure.il-slot .il-caption").first).to_contain_text("onerror")
    assert page.evaluate("window.hacked") is None
    assert page.locator(".il-text a, .il-text img[src=x], .il script").count() == 0


def test_saved_articles_are_listed_opened_and_deleted(page: Page, address: str) -> None:
    compose(page, address)
    here = page.url
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Move it to the trash").click()
    expect(page.locator(".il")).to_be_hidden()
    page.goto(here)
    expect(page.get_by_text("Nothing is open yet")).to_be_visible()
