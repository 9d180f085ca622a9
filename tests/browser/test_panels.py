"""The model at hand, the outline, the tray, the checks, the versions and the shelf."""

import io
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.kit import arrive, block, caret, compose, markdown, saved, select
from tests.composer.kit import picture

pytestmark = pytest.mark.browser


def ask_model(page: Page, task: str) -> None:
    page.keyboard.press("Control+j")
    page.locator(f".il-menu [data-act={task}]").click()


def test_a_proposal_is_shown_as_a_diff_and_accepted(page: Page, address: str) -> None:
    compose(page, address)
    old = markdown(page)
    caret(page, "Electric bulbs")
    ask_model(page, "rewrite")
    expect(page.locator(".il-proposal [data-do=accept]")).to_be_visible()
    expect(page.locator(".il-proposal ins").first).to_be_visible()
    assert markdown(page) == old
    page.locator(".il-proposal [data-do=accept]").click()
    expect(page.locator(".il-proposal")).to_be_hidden()
    expect(page.locator(".il-body")).not_to_contain_text("Electric bulbs")
    assert "It says the same in other words." in markdown(page)
    page.keyboard.press("Control+z")
    expect(page.locator(".il-body")).to_contain_text("Electric bulbs")
    assert markdown(page) == old


def test_a_proposal_is_discarded_or_taken_in_part(page: Page, address: str) -> None:
    compose(page, address)
    old = markdown(page)
    select(page, "They need no trimming")
    ask_model(page, "rewrite")
    page.locator(".il-proposal [data-do=discard]").click()
    expect(page.locator(".il-proposal")).to_be_hidden()
    assert markdown(page) == old
    select(page, "They need no trimming")
    ask_model(page, "rewrite")
    expect(page.locator(".il-proposal [data-do=accept]")).to_be_visible()
    for change in page.locator(".il-proposal .il-diff button").all():
        change.click()
    page.locator(".il-proposal [data-do=accept]").click()
    assert markdown(page) == old
    select(page, "They need no trimming")
    ask_model(page, "rewrite")
    page.locator(".il-proposal [data-do=accept]").click()
    expect(block(page, "Electric bulbs")).to_contain_text("watch. A new text stands here now. It says the same")
    expect(block(page, "Electric bulbs")).to_contain_text("and a spare one swings")


def test_the_model_goes_on_and_inserts(page: Page, address: str) -> None:
    compose(page, address)
    caret(page, "Electric bulbs")
    ask_model(page, "insert")
    page.locator("dialog [name=instruction]").fill("fog horns")
    page.locator("dialog button[type=submit]").click()
    page.locator(".il-proposal [data-do=accept]").click()
    expect(page.locator(".il-body")).to_contain_text("Fog horns sound where no light reaches.")
    text = markdown(page)
    assert text.index("Electric bulbs") < text.index("Fog horns") < text.index("Night after night")


def test_text_changed_meanwhile_is_not_overwritten(page: Page, address: str) -> None:
    compose(page, address)
    caret(page, "Electric bulbs")
    ask_model(page, "rewrite")
    expect(page.locator(".il-proposal [data-do=accept]")).to_be_visible()
    caret(page, "Electric bulbs")
    page.keyboard.type(" Mine.")
    page.locator(".il-proposal [data-do=accept]").click()
    text = markdown(page)
    assert "by itself. Mine." in text
    assert "A new text stands here now." in text


def test_the_outline_before_and_after_writing(page: Page, address: str) -> None:
    arrive(page, address)
    page.get_by_label("Brief", exact=True).fill("How lighthouses work, for visitors")
    page.get_by_role("button", name="Plan first").click()
    expect(page.locator(".il-body h2")).to_have_count(2)
    page.locator("[data-do=outline]").click()
    rows = page.locator(".il-side li")
    expect(rows).to_have_count(2)
    rows.first.locator("[data-do=edit]").click()
    page.locator("dialog [name=title]").fill("The old lamp")
    page.locator("dialog [name=purpose]").fill("what burned in it")
    page.locator("dialog [name=words]").fill("60")
    page.locator("dialog [name=images]").fill("2")
    page.locator("dialog button[type=submit]").click()
    expect(page.locator(".il-body h2").first).to_have_text("The old lamp")
    expect(rows.first).to_contain_text("what burned in it")
    rows.first.locator("[data-do=down]").click()
    expect(page.locator(".il-body h2")).to_have_text(["The lens", "The old lamp"])
    page.locator(".il-side [data-do=add_section]").click()
    page.locator("dialog [name=title]").fill("The keeper")
    page.locator("dialog button[type=submit]").click()
    expect(page.locator(".il-body h2")).to_have_text(["The lens", "The old lamp", "The keeper"])
    rows.nth(2).locator("[data-do=more]").click()
    page.locator("[data-act=remove]").click()
    expect(page.locator(".il-body h2")).to_have_count(2)
    rows.nth(1).locator("[data-do=more]").click()
    page.locator("[data-act=lock]").click()
    expect(rows.nth(1)).to_contain_text("locked")
    rows.nth(1).locator("[data-do=more]").click()
    page.locator("[data-act=merge]").click()
    expect(page.locator(".il-body h2")).to_have_text(["The lens"])
    page.keyboard.press("Escape")
    page.locator("[data-do=undo]").click()
    expect(page.locator(".il-body h2")).to_have_text(["The lens", "The old lamp"])


def test_one_section_written_and_split(page: Page, address: str) -> None:
    compose(page, address)
    page.locator("[data-do=outline]").click()
    row = page.locator(".il-side li").first
    row.locator("[data-do=more]").click()
    page.locator("[data-act=split]").click()
    page.locator("dialog [name=title]").fill("Bulbs")
    page.locator("dialog button[type=submit]").click()
    expect(page.locator(".il-body h2")).to_have_text(["The lamp", "Bulbs", "The lens"])
    expect(page.locator(".il-side li")).to_have_count(3)
    assert "## Bulbs\n\nElectric bulbs" in markdown(page)


def test_a_place_for_a_picture_anywhere(page: Page, address: str) -> None:
    compose(page, address)
    caret(page, "Ships far out")
    page.keyboard.press("Control+Enter")
    page.locator("[data-act=find]").click()
    page.locator("dialog [name=text]").fill("old brass lamp")
    page.locator("dialog button[type=submit]").click()
    expect(page.locator(".il-body figure img")).to_have_count(3)
    page.locator("[data-do=outline]").click()
    page.locator(".il-side li").first.locator("[data-do=more]").click()
    page.locator("[data-act=picture]").click()
    expect(page.locator(".il-body figure")).to_have_count(4)


def test_a_dropped_picture_gets_a_place(page: Page, address: str) -> None:
    compose(page, address)
    data = list(picture("harbour at dusk")[1])
    page.evaluate(
        """(bytes) => {
            const file = new File([new Uint8Array(bytes)], "harbour-at-dusk.png", { type: "image/png" });
            const data = new DataTransfer();
            data.items.add(file);
            const editor = window.interleaveEditor, box = editor.view.dom.children[1].getBoundingClientRect();
            const where = { clientX: box.left + 50, clientY: box.top + 10, dataTransfer: data, bubbles: true, cancelable: true };
            editor.view.dom.children[1].dispatchEvent(new DragEvent("drop", where));
        }""",
        data,
    )
    expect(page.locator(".il-body figure")).to_have_count(3)
    expect(page.locator(".il-body figure img").first).to_have_attribute("alt", re.compile("harbour", re.IGNORECASE))


def test_crop_makes_another_picture_of_the_same_maker(page: Page, address: str) -> None:
    compose(page, address)
    slot = page.locator("figure.il-slot").first
    slot.hover()
    slot.locator("[data-do=tray]").click()
    page.locator("dialog [data-do=crop]").click()
    page.locator("dialog input[name=right]").fill("50")
    page.locator("dialog button[type=submit].il-main").click()
    expect(slot.locator("img")).to_have_attribute("width", "24")
    expect(slot.locator(".il-credit")).to_contain_text("Ann")


def test_words_suggested_are_applied_or_dismissed(page: Page, address: str) -> None:
    compose(page, address)
    slot = page.locator("figure.il-slot").first
    slot.hover()
    slot.locator("[data-do=alt]").click()
    page.locator("dialog textarea[name=alt]").fill("")
    page.locator("dialog [data-do=suggest]").click()
    expect(page.locator(".il-suggestion")).to_contain_text("A lamp of brass")
    page.locator(".il-suggestion button", has_text="Apply").click()
    expect(page.locator("dialog textarea[name=alt]")).to_have_value("A lamp of brass")
    page.locator("dialog [data-do=words]").click()
    expect(page.locator("dialog")).to_be_hidden()


def test_checks_find_and_fix(page: Page, address: str) -> None:
    compose(page, address)
    caret(page, "Ships far out")
    page.keyboard.press("Enter")
    page.keyboard.type("#### Too deep")
    saved(page)
    page.locator("[data-do=checks]").click()
    finding = page.locator("[data-code=level_skipped]")
    expect(finding).to_contain_text("Too deep")
    finding.locator("[data-do=fix]").click()
    expect(page.locator(".il-text h3")).to_have_text("Too deep")
    expect(finding).to_be_hidden()
    expect(page.locator("[data-code=too_small]")).to_have_count(2)
    expect(page.locator(".il-side")).to_contain_text("Words: ")


def test_a_named_version_is_compared_and_restored(page: Page, address: str) -> None:
    compose(page, address)
    page.locator("[data-do=versions]").click()
    page.locator("[data-do=name_version]").click()
    page.locator("dialog [name=name]").fill("First draft")
    page.locator("dialog button[type=submit]").click()
    expect(page.locator(".il-side")).to_contain_text("First draft")
    before = markdown(page)
    caret(page, "Electric bulbs")
    page.keyboard.type(" Added later.")
    saved(page)
    page.locator("[data-do=compare]").click()
    expect(page.locator("dialog ins")).to_contain_text("Added later.")
    page.keyboard.press("Escape")
    page.locator("[data-do=restore]").click()
    expect(page.locator(".il-body")).not_to_contain_text("Added later.")
    assert markdown(page) == before
    page.locator("[data-do=undo]").click()
    expect(page.locator(".il-body")).to_contain_text("Added later.")


def test_a_zip_is_brought_in_copied_deleted_and_brought_back(page: Page, address: str, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("my.md", "# Brought\n\nHello **there**.\n\n![A lamp](lamp.png)\n")
        archive.writestr("lamp.png", picture("lamp")[1])
    file = tmp_path / "mine.zip"
    file.write_bytes(buffer.getvalue())
    arrive(page, address)
    page.get_by_role("button", name="Begin without a brief").click()
    page.locator("input[type=file]").last.set_input_files(file)
    expect(page.locator(".il-title")).to_have_text("Brought")
    expect(page.locator(".il-body strong")).to_have_text("there")
    expect(page.locator(".il-body figure img")).to_have_count(1)
    page.get_by_role("button", name="Duplicate").click()
    expect(page.locator(".il-title")).to_have_text("Brought (2)")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Move it to the trash").click()
    expect(page.locator(".il")).to_be_hidden()
    page.get_by_role("button", name=re.compile("^Trash")).click()
    page.get_by_label("Deleted articles").click()
    page.get_by_role("option", name=re.compile(r"Brought \(2\)")).first.click()
    page.get_by_role("button", name="Bring it back").click()
    expect(page.locator(".il-title")).to_have_text("Brought (2)")


def test_the_example_article_opens(page: Page, address: str) -> None:
    arrive(page, address)
    page.locator("#welcome-example").click()
    expect(page.locator(".il-body figure img").first).to_be_visible()
    expect(page.locator(".il-title")).not_to_be_empty()
    expect(page.locator(".il-summary")).not_to_be_empty()
    expect(page.locator(".il-credit").first).to_contain_text("Openclipart")
