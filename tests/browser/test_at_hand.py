"""What a writer reaches for beside the text: proposals after a reload, pictures cropped, pasted and credited by hand."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.kit import arrive, block, bring, caret, compose, markdown, saved, select
from tests.composer.kit import picture

pytestmark = pytest.mark.browser


def propose(page: Page, task: str, instruction: str = "") -> None:
    page.keyboard.press("Control+j")
    page.locator(f".il-menu [data-act={task}]").click()
    if instruction:
        page.locator("dialog [name=instruction]").fill(instruction)
        page.locator("dialog button[type=submit]").click()
    expect(page.locator(".il-proposal [data-do=accept]")).to_be_visible()


def tools(page: Page, name: str) -> None:
    slot = page.locator("figure.il-slot").first
    slot.hover()
    slot.locator(f"[data-do={name}]").click()


@pytest.mark.parametrize("reload", [False, True])
def test_again_asks_for_the_same_with_the_same_words(page: Page, address: str, *, reload: bool) -> None:
    compose(page, address)
    select(page, "They need no trimming")
    propose(page, "with", "Say it as a sailor would.")
    if reload:
        page.reload()
        expect(page.locator(".il-proposal [data-do=accept]")).to_be_visible()
    with page.expect_request(re.compile(r"/proposals$")) as asked:
        page.locator(".il-proposal [data-do=again]").click()
    wish = asked.value.post_data_json or {}
    assert wish["task"] == "rewrite"
    assert wish["instruction"] == "Say it as a sailor would."
    assert wish["selection"]["content"][0]["text"] == "They need no trimming"


def test_a_proposal_is_accepted_in_its_place_after_a_reload(page: Page, address: str) -> None:
    compose(page, address)
    select(page, "They need no trimming")
    propose(page, "rewrite")
    page.reload()
    page.locator(".il-proposal [data-do=accept]").click()
    expect(block(page, "Electric bulbs")).to_contain_text("watch. A new text stands here now.")
    expect(block(page, "Electric bulbs")).to_contain_text("and a spare one swings")
    caret(page, "Night after night")
    propose(page, "rewrite")
    page.reload()
    page.locator(".il-proposal [data-do=accept]").click()
    expect(page.locator(".il-body")).not_to_contain_text("Night after night")
    expect(page.locator(".il-note")).to_have_count(0)
    assert markdown(page).count("It says the same in other words.") == 2


def test_a_proposal_goes_below_a_text_that_changed_before_the_reload(page: Page, address: str) -> None:
    compose(page, address)
    caret(page, "Night after night")
    propose(page, "rewrite")
    caret(page, "Night after night")
    page.keyboard.type(" Mine.")
    saved(page)
    page.reload()
    page.locator(".il-proposal [data-do=accept]").click()
    expect(page.locator(".il-body")).to_contain_text("It says the same in other words.")
    text = markdown(page)
    assert text.index("over the water. Mine.") < text.index("A new text stands here now.")


def test_a_picture_is_cropped_by_the_mouse(page: Page, address: str) -> None:
    compose(page, address)
    tools(page, "tray")
    page.locator("dialog [data-do=crop]").click()
    box = page.locator(".il-crop img").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 1)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5, steps=4)
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] - 1, steps=4)
    page.mouse.up()
    expect(page.locator("dialog input[name=left]")).to_have_value(re.compile(r"2[3-7]"))
    expect(page.locator("dialog input[name=right]")).to_have_value(re.compile(r"7[3-7]"))
    page.locator("dialog button[type=submit].il-main").click()
    expect(page.locator("figure.il-slot img").first).to_have_attribute("width", re.compile(r"2[3-5]"))


def test_a_version_shows_the_picture_before_and_now(page: Page, address: str) -> None:
    compose(page, address)
    page.locator("[data-do=versions]").click()
    page.locator("[data-do=name_version]").click()
    page.locator("dialog [name=name]").fill("First draft")
    page.locator("dialog button[type=submit]").click()
    expect(page.locator("[data-do=compare]")).to_be_visible()
    tools(page, "tray")
    page.locator(".il-candidate[aria-pressed=false]").first.click()
    expect(page.locator(".il-candidate[aria-pressed=true]")).to_have_count(1)
    page.keyboard.press("Escape")
    caret(page, "Electric bulbs")
    page.keyboard.press("Alt+ArrowUp")
    saved(page)
    page.locator("[data-do=compare]").click()
    expect(page.locator("dialog img.il-gone")).to_have_count(1)
    expect(page.locator("dialog img.il-new")).to_have_count(1)
    expect(page.locator("dialog img.il-same")).to_have_count(1)
    assert page.locator("dialog img.il-gone").evaluate("i => i.decode().then(() => i.naturalWidth)") > 0
    expect(page.locator("dialog .il-moved")).to_have_count(1)


def test_a_missing_credit_is_stated_from_the_checks(page: Page, address: str) -> None:
    bring(page, address, "mine.html", "<h1>Mine</h1><p>Text.</p>")
    caret(page, "Text.")
    data = list(picture("lamp")[1])
    page.evaluate(
        """(bytes) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "lamp.png", { type: "image/png" }));
            const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
            window.interleaveEditor.view.dom.dispatchEvent(event);
        }""",
        data,
    )
    expect(page.locator("figure.il-slot img")).to_have_count(1)
    tools(page, "menu")
    page.locator("[data-act=credit]").click()
    page.locator("dialog [name=licence]").select_option("unknown")
    page.locator("dialog [name=author]").fill("")
    page.locator("dialog [data-do=credit]").click()
    page.locator(".il-bar [data-do=checks]").click()
    finding = page.locator("[data-code=credit_missing]")
    finding.locator("[data-do=credit]").click()
    page.locator("dialog [name=author]").fill("Eve <b>Evans</b>")
    page.locator("dialog [name=licence]").select_option("CC BY 4.0")
    page.locator("dialog [name=source]").fill("Her page")
    page.locator("dialog [data-do=credit]").click()
    expect(page.locator(".il-credit")).to_contain_text("Eve <b>Evans</b>")
    expect(page.locator(".il-credit")).to_contain_text("CC BY 4.0")
    expect(finding).to_be_hidden()
    assert "CC BY 4.0" in markdown(page)


def test_a_fact_that_is_missing_is_written_by_the_model(page: Page, address: str) -> None:
    arrive(page, address)
    page.locator("#brief textarea").fill("How lighthouses work, for visitors")
    page.get_by_role("button", name="Outline and specification").click()
    page.get_by_label("Must mention, one fact a line").fill("fog horns")
    page.locator("#plan-first").click()
    expect(page.locator("[data-do=write]")).to_be_visible()  # the plan is done
    page.locator(".il-bar [data-do=checks]").click()
    finding = page.locator("[data-code=fact_missing]")
    finding.locator("[data-do=write_fact]").click()
    page.locator(".il-proposal [data-do=accept]").click()
    expect(page.locator(".il-body")).to_contain_text("Fog horns sound where no light reaches.")
    expect(finding).to_be_hidden()


def test_the_model_writes_in_a_new_paragraph_behind_a_picture(page: Page, address: str) -> None:
    compose(page, address)
    page.evaluate("window.interleaveEditor.view.focus(); window.interleaveEditor.commands.focus('end')")
    propose(page, "insert", "fog horns")
    page.locator(".il-proposal [data-do=accept]").click()
    expect(page.locator(".il-body")).to_contain_text("Fog horns sound where no light reaches.")
    text = markdown(page)
    assert text.rindex("](images/") < text.index("Fog horns")


def test_more_like_this_one_makes_it_a_reference(page: Page, address: str) -> None:
    compose(page, address)
    tools(page, "tray")
    page.locator("dialog [data-do=refine]").click()
    expect(page.locator(".il-stop")).to_be_hidden()
    page.keyboard.press("Escape")
    page.locator(".il-bar [data-do=style]").click()
    expect(page.locator(".il-references img")).to_have_count(1)


def test_an_open_place_is_not_said_to_lack_words(page: Page, address: str) -> None:
    arrive(page, address)
    page.locator("#brief textarea").fill("How lighthouses work, for visitors")
    page.locator("#plan-first").click()
    expect(page.locator("figure.il-open")).to_have_count(2)
    expect(page.locator("figure.il-open .il-warn")).to_have_count(0)
    expect(page).to_have_title(re.compile("^Lighthouses"))


def test_on_a_phone_the_state_is_seen_and_a_jump_is_not_hidden(chromium: Browser, address: str) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.set_default_timeout(45_000)
    compose(page, address)
    state = page.locator(".il-saved").bounding_box()
    assert state is not None
    assert state["x"] >= 0
    assert state["x"] + state["width"] <= 390
    page.locator("[data-do=checks]").tap()
    page.locator("[data-code=too_small] [data-key^=jump]").last.tap()
    page.wait_for_timeout(300)
    figure, panel = page.locator("figure.il-slot").last.bounding_box(), page.locator(".il-side").bounding_box()
    assert figure is not None
    assert panel is not None
    assert figure["y"] < panel["y"]
    context.set_offline(True)
    page.evaluate("window.interleavePage.sync.cut()")
    expect(page.locator(".il-saved[data-state=offline]")).to_be_visible()
    state = page.locator(".il-saved").bounding_box()
    assert state is not None
    assert state["x"] + state["width"] <= 390
    context.close()
