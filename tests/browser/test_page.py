"""What a person does on the page: write, watch, change, choose, take back, reload, take away."""

import io
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.composer.kit import picture

pytestmark = pytest.mark.browser


def compose(page: Page, address: str, brief: str = "How lighthouses work, in 120 words") -> None:
    """Write an article to its end."""
    page.goto(address)
    page.get_by_label("Brief", exact=True).fill(brief)
    page.get_by_role("button", name="Write at once").click()
    expect(page.locator(".il-title")).to_have_text("Lighthouses")
    expect(page.locator(".il-stop")).to_be_hidden()
    expect(page.locator(".il-body figure")).to_have_count(2)


def block(page: Page, text: str) -> str:
    """A selector of the block that holds a text."""
    node = page.locator("[data-block]", has_text=text).first
    return f"[data-block={node.get_attribute('data-block')}]"


def press(page: Page, selector: str, act: str) -> None:
    """Press a tool of a block."""
    page.locator(selector).hover()
    page.locator(f"{selector} [data-do={act}]").first.click()


def test_compose_edit_and_take_away(page: Page, address: str) -> None:
    compose(page, address)
    expect(page.locator(".il-body h2")).to_have_text(["The lamp", "The lens"])
    paragraph = block(page, "Electric bulbs")
    press(page, paragraph, "edit")
    page.locator(f"{paragraph} textarea").fill("Electric bulbs came, and **the watch** ended.")
    page.locator(f"{paragraph} [data-do=save]").click()
    expect(page.locator(f"{paragraph} strong")).to_have_text("the watch")
    with page.expect_download() as waiting:
        page.locator("[data-form=markdown]").click()
    markdown = Path(waiting.value.path()).read_text(encoding="utf-8")
    assert markdown.startswith("# Lighthouses")
    assert "**the watch**" in markdown
    with page.expect_download() as waiting:
        page.locator("[data-form=zip]").click()
    with zipfile.ZipFile(io.BytesIO(Path(waiting.value.path()).read_bytes())) as archive:
        assert {"article.md", "article.html", "credits.json"} <= set(archive.namelist())
        assert sum(n.startswith("images/") for n in archive.namelist()) == 2
    with page.expect_download() as waiting:
        page.locator("[data-form=html]").click()
    assert "data:image/png;base64," in Path(waiting.value.path()).read_text(encoding="utf-8")


def test_undo_and_redo(page: Page, address: str) -> None:
    compose(page, address)
    paragraph = block(page, "Electric bulbs")
    before = page.locator(f"{paragraph} .il-content").inner_text()
    press(page, paragraph, "edit")
    page.locator(f"{paragraph} textarea").fill("Something else.")
    page.locator(f"{paragraph} [data-do=save]").click()
    expect(page.locator(f"{paragraph} .il-content")).to_have_text("Something else.")
    page.locator("[data-do=undo]").click()
    expect(page.locator(f"{paragraph} .il-content")).to_have_text(before)
    page.locator("[data-do=redo]").click()
    expect(page.locator(f"{paragraph} .il-content")).to_have_text("Something else.")


def test_another_picture_and_own_words(page: Page, address: str) -> None:
    compose(page, address)
    slot = "[data-block].il-slot >> nth=0"
    chosen = page.locator(slot).locator("figure img").get_attribute("src")
    page.locator(slot).hover()
    page.locator(slot).locator("[data-do=tray]").click()
    other = page.locator(slot).locator(".il-candidate[aria-pressed=false]").first
    other.click()
    expect(page.locator(slot).locator("figure img")).not_to_have_attribute("src", chosen or "")
    page.locator(slot).locator("textarea[name=caption]").fill("My caption <b>here</b>")
    page.locator(slot).locator("textarea[name=alt]").fill('My alt "text"')
    page.locator(slot).locator("[data-do=words]").click()
    expect(page.locator(slot).locator("figcaption")).to_contain_text("My caption <b>here</b>")
    expect(page.locator(slot).locator("figure img")).to_have_attribute("alt", 'My alt "text"')
    page.locator(slot).locator("input[name=query]").fill("glass lens")
    page.locator(slot).locator("[data-do=seek]").click()
    expect(page.locator(slot).locator(".il-cards")).to_contain_text("yours")


def test_upload_a_picture_for_a_slot(page: Page, address: str, tmp_path: Path) -> None:
    compose(page, address)
    file = tmp_path / "harbour-at-dusk.png"
    file.write_bytes(picture("harbour at dusk")[1])
    slot = page.locator("[data-block].il-slot").first
    slot.hover()
    slot.locator("[data-do=tray]").click()
    slot.locator("[data-file]").set_input_files(file)
    expect(slot.locator("figcaption")).to_contain_text("harbour at dusk", ignore_case=True)
    bad = tmp_path / "no-picture.png"
    bad.write_bytes(b"this is text")
    slot.locator("[data-file]").set_input_files(bad)
    expect(page.locator(".il-note.il-error")).to_contain_text("not a picture")


def test_rewrite_a_section_and_take_it_back(page: Page, address: str) -> None:
    compose(page, address)
    heading = block(page, "The lamp")
    press(page, heading, "model")
    page.locator(f"{heading} [data-task=rewrite]").click()
    expect(page.locator(".il-body")).to_contain_text("A new text stands here now.")
    expect(page.locator(".il-stop")).to_be_hidden()
    expect(page.locator(".il-body")).not_to_contain_text("Keepers trim the wick")
    page.locator("[data-do=undo]").click()
    expect(page.locator(".il-body")).to_contain_text("Keepers trim the wick")


def test_plan_first_then_change_the_outline_then_write(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Brief", exact=True).fill("How lighthouses work, in 120 words")
    page.get_by_role("button", name="Plan first").click()
    expect(page.locator(".il-body h2")).to_have_text(["The lamp", "The lens"])
    expect(page.locator("[data-do=write]")).to_be_visible()
    heading = block(page, "The lamp")
    press(page, heading, "edit")
    page.locator(f"{heading} [name=markdown]").fill("The old lamp")
    page.locator(f"{heading} [name=purpose]").fill("what burned in it")
    page.locator(f"{heading} [data-do=save]").click()
    expect(page.locator(".il-body h2").first).to_have_text("The old lamp")
    page.locator("[data-do=write]").click()
    expect(page.locator(".il-body")).to_contain_text("Keepers trim the wick")
    expect(page.locator(".il-body h2").first).to_have_text("The old lamp")


def test_a_reload_in_the_middle_loses_nothing(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Brief", exact=True).fill("How lighthouses work, in 120 words")
    page.get_by_role("button", name="Write at once").click()
    expect(page.locator(".il-body p").first).to_be_visible()
    page.reload()
    expect(page.locator(".il-title")).to_have_text("Lighthouses")
    expect(page.locator(".il-stop")).to_be_hidden()
    expect(page.locator(".il-body figure")).to_have_count(2)


def test_stop_stops(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Brief", exact=True).fill("How lighthouses work, in 120 words")
    page.get_by_role("button", name="Write at once").click()
    expect(page.locator(".il-body p").first).to_be_visible()
    page.locator(".il-stop").click()
    expect(page.locator(".il-stop")).to_be_hidden(timeout=5000)
    expect(page.locator("[data-do=write]")).to_be_visible()


def test_two_tabs_do_not_mix_their_articles(page: Page, chromium: Browser, address: str) -> None:
    compose(page, address)
    other = chromium.new_context().new_page()
    other.goto(address)
    expect(other.locator(".il")).to_be_hidden()
    other.get_by_label("Brief", exact=True).fill("How lighthouses work, told anew, in 120 words")
    other.get_by_role("button", name="Write at once").click()
    expect(other.locator(".il-title")).to_have_text("Lighthouses")
    assert re.search(r"article=([\w-]+)", other.url) != re.search(r"article=([\w-]+)", page.url)
    paragraph = block(page, "Electric bulbs")
    press(page, paragraph, "remove")
    expect(page.locator(".il-body")).not_to_contain_text("Electric bulbs")
    expect(other.locator(".il-body")).to_contain_text("Electric bulbs")
    other.context.close()


def test_one_article_in_two_tabs_stays_one(page: Page, chromium: Browser, address: str) -> None:
    compose(page, address)
    other = chromium.new_context().new_page()
    other.goto(page.url)
    expect(other.locator(".il-body")).to_contain_text("Electric bulbs")
    press(page, block(page, "Electric bulbs"), "remove")
    expect(other.locator(".il-body")).not_to_contain_text("Electric bulbs")
    other.context.close()


def test_what_is_wrong_with_a_brief_is_said(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name="Write at once").click()
    expect(page.get_by_text("The brief is empty.")).to_be_visible()


def test_nothing_that_is_typed_runs(page: Page, address: str) -> None:
    compose(page, address)
    payload = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>[x](javascript:window.hacked=1)'
    paragraph = block(page, "Electric bulbs")
    press(page, paragraph, "edit")
    page.locator(f"{paragraph} textarea").fill(payload)
    page.locator(f"{paragraph} [data-do=save]").click()
    expect(page.locator(f"{paragraph} .il-content")).to_contain_text("onerror")
    page.locator("[data-do=retitle]").click()
    page.locator(".il-head input").fill(payload)
    page.locator("[data-do=savetitle]").click()
    expect(page.locator(".il-title")).to_contain_text("onerror")
    assert page.evaluate("window.hacked") is None
    assert page.locator(f"{paragraph} a").count() == 0


def test_saved_articles_are_listed_opened_and_deleted(page: Page, address: str) -> None:
    compose(page, address)
    here = page.url
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Move it to the trash").click()
    expect(page.locator(".il")).to_be_hidden()
    page.goto(here)
    expect(page.get_by_text("Nothing is open yet")).to_be_visible()
