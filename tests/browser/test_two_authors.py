"""Two at once: a person and the model, two tabs, a connection that breaks, a browser that crashes. Nothing is lost."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.kit import SAVED, arrive, block, caret, compose, converged, markdown, saved

pytestmark = pytest.mark.browser
WORDS = "the quick brown fox writes while the model writes another section and loses no letter of it "


def plan(page: Page, address: str) -> None:
    arrive(page, address)
    page.get_by_label("Brief", exact=True).fill("How lighthouses work, for visitors")
    page.get_by_role("button", name="Plan first").click()
    expect(page.locator(".il-body h2")).to_have_text(["The lamp", "The lens"])
    expect(page.locator("[data-do=write]")).to_be_visible()


def test_the_person_writes_while_the_model_writes(page: Page, address: str) -> None:
    plan(page, address)
    caret(page, "The lens")
    page.keyboard.press("Enter")
    page.keyboard.type("My own: ")
    saved(page)
    page.locator("[data-do=write]").click()
    expect(page.locator(".il-body")).to_contain_text("Lamps burn oil")
    caret(page, "My own:")
    page.keyboard.type(WORDS, delay=15)
    before = page.evaluate("window.interleaveEditor.state.selection.$head.parent.textContent")
    assert before == f"My own: {WORDS}"
    expect(page.locator(".il-stop")).to_be_hidden()
    text = markdown(page)
    assert f"My own: {WORDS.strip()}" in text
    assert "Keepers trim the wick" in text


def test_a_block_that_the_person_takes_over_stays_the_persons(page: Page, address: str) -> None:
    plan(page, address)
    page.locator("[data-do=write]").click()
    expect(page.locator(".il-body")).to_contain_text("Lamps burn oil")
    caret(page, "Lamps burn oil", at_end=False)
    page.keyboard.type("MINE ", delay=10)
    expect(page.locator(".il-stop")).to_be_hidden()
    text = markdown(page)
    assert "MINE Lamps burn oil" in text
    assert text.count("Lamps burn oil") == 1


def test_two_tabs_typing_in_one_paragraph_converge(page: Page, chromium: Browser, address: str) -> None:
    compose(page, address)
    other = chromium.new_context().new_page()
    other.goto(page.url)
    expect(block(other, "Electric bulbs")).to_be_visible()
    caret(page, "Electric bulbs", at_end=False)
    caret(other, "Electric bulbs")
    for left, right in zip("START ", " FINIS", strict=True):
        page.keyboard.type(left)
        other.keyboard.type(right)
    saved(page)
    saved(other)
    assert converged(page, other)
    for number in range(3):  # patches that cross: the answer to one comes after the news of the other
        page.keyboard.type(f"L{number} ")
        other.keyboard.type(f" R{number}")
        for tab in (page, other):
            tab.evaluate("window.interleavePage.sync.flush()")
        assert converged(page, other)
    text = markdown(page)
    assert "START L0 L1 L2 Electric bulbs" in text
    assert "by itself. FINIS R0 R1 R2" in text
    assert text.count("FINIS") == text.count("R1") == 1
    other.context.close()


def test_the_same_words_in_two_tabs_both_stand_and_one_is_told(page: Page, chromium: Browser, address: str) -> None:
    compose(page, address)
    other = chromium.new_context().new_page()
    other.goto(page.url)
    expect(block(other, "Electric bulbs")).to_be_visible()
    other.context.set_offline(True)
    other.evaluate("window.interleavePage.sync.cut()")
    for tab, word in ((page, "Gas"), (other, "Arc")):
        caret(tab, "Electric bulbs")
        tab.evaluate(
            """(word) => {
                const editor = window.interleaveEditor;
                editor.state.doc.descendants((node, pos) => {
                    if (node.isText && node.text.startsWith("Electric"))
                        editor.view.dispatch(editor.state.tr.insertText(word, pos, pos + 8));
                });
            }""",
            word,
        )
    saved(page)
    other.context.set_offline(False)
    expect(other.locator(".il-note.il-warning")).to_contain_text("Both versions stand")
    expect(page.locator(".il-body")).to_contain_text("Arc bulbs ended")
    text = markdown(page)
    assert "Gas bulbs ended" in text
    assert "Arc bulbs ended" in text
    assert converged(page, other)
    other.context.close()


def test_a_lost_connection_queues_and_sends_later(page: Page, address: str) -> None:
    compose(page, address)
    caret(page, "Electric bulbs")
    page.context.set_offline(True)
    page.evaluate("window.interleavePage.sync.cut()")
    expect(page.locator(".il-saved[data-state=offline]")).to_be_visible()
    page.keyboard.type(" Written without a line.")
    page.keyboard.press("Enter")
    page.keyboard.type("A whole new paragraph.")
    page.wait_for_timeout(1200)
    page.context.set_offline(False)
    expect(page.locator(SAVED)).to_be_visible()
    text = markdown(page)
    assert text.count("Written without a line.") == 1
    assert text.count("A whole new paragraph.") == 1


def test_a_crash_while_offline_loses_nothing(page: Page, address: str) -> None:
    compose(page, address)
    caret(page, "Electric bulbs")
    page.context.set_offline(True)
    page.evaluate("window.interleavePage.sync.cut()")
    page.keyboard.type(" Nearly lost.")
    page.wait_for_timeout(900)
    page.context.set_offline(False)
    page.goto("about:blank")
    page.go_back()
    expect(page.locator(".il-body")).to_contain_text("Nearly lost.")
    assert markdown(page).count("Nearly lost.") == 1


def test_an_answer_that_never_came_is_asked_for_again_and_counts_once(page: Page, address: str) -> None:
    compose(page, address)
    caret(page, "Electric bulbs")
    page.keyboard.press("Enter")
    page.keyboard.type("Only once.")
    page.evaluate("window.interleavePage.sync.flush(); window.interleavePage.sync.cut()")
    expect(page.locator(SAVED)).to_be_visible()
    saved(page)
    assert markdown(page).count("Only once.") == 1
    assert page.evaluate("window.interleaveEditor.getText()").count("Only once.") == 1


def test_a_reload_comes_back_to_the_same_place(page: Page, address: str) -> None:
    compose(page, address)
    caret(page, "Ships far out", at_end=False)
    saved(page)
    page.reload()
    expect(page.locator(".il-body figure")).to_have_count(2)
    page.wait_for_function(
        "window.interleaveEditor.state.selection.$head.parent.textContent.startsWith('Ships far out')"
    )


def test_caret_and_scroll_stay_while_text_streams_in_above(page: Page, address: str) -> None:
    plan(page, address)
    caret(page, "The lens")
    page.keyboard.press("Enter")
    page.keyboard.type("Here I stand.")
    saved(page)
    page.locator("[data-do=write]").click()
    caret(page, "Here I stand.")
    expect(page.locator(".il-body")).to_contain_text("Lamps burn oil")
    place = "(({ $head }) => [$head.parent.textContent, $head.parentOffset])(window.interleaveEditor.state.selection)"
    offsets = []
    for _ in range(10):
        page.wait_for_timeout(120)
        offsets.append(page.evaluate(place))
    assert all(offset == ["Here I stand.", 13] for offset in offsets)
    expect(page.locator(".il-stop")).to_be_hidden()
