"""Pictures in the text: dragged, cut, copied, pasted; their words chosen by a key at once; nothing moves when they load."""

import time

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.kit import block, caret, compose, document, markdown, saved

pytestmark = pytest.mark.browser
CHOOSE = """(id) => {
    const editor = window.interleaveEditor;
    editor.view.focus();
    editor.state.doc.forEach((n, pos) => { if (n.attrs.id === id) editor.commands.setNodeSelection(pos); });
}"""


def choose(page: Page, number: int = 0) -> str:
    """Select a whole figure; its id."""
    name = page.locator("figure.il-slot").nth(number).get_attribute("data-block") or ""
    page.evaluate(CHOOSE, name)
    expect(page.locator("figure.il-selected")).to_have_count(1)
    expect(page.locator(".il-text")).to_be_focused()
    return name


def order(page: Page) -> list[str]:
    return [n["attrs"]["id"] for n in document(page) if n["type"] == "figure" or n.get("content")]


def test_a_figure_is_dragged_by_the_mouse(page: Page, address: str) -> None:
    compose(page, address)
    figure = page.locator("figure.il-slot").first
    name, target = figure.get_attribute("data-block"), block(page, "Electric bulbs")
    goal = target.get_attribute("data-block")
    assert name
    assert goal
    before = order(page)
    assert before.index(name) > before.index(goal)
    figure.hover()
    handle = page.locator(".il-drag")
    expect(handle).to_be_visible()
    grip, place = handle.bounding_box(), target.bounding_box()
    assert grip
    assert place
    page.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2)
    page.mouse.down()
    page.mouse.move(place["x"] + 200, place["y"] + place["height"] / 2, steps=8)
    page.mouse.move(place["x"] + 200, place["y"] + 2, steps=4)
    page.mouse.up()
    saved(page)
    after = order(page)
    assert sorted(after) == sorted(before)
    assert after.index(name) < after.index(goal)
    page.reload()
    expect(page.locator("figure.il-slot")).to_have_count(2)
    assert order(page) == after


def test_a_figure_is_cut_and_pasted_with_all_it_has(page: Page, address: str) -> None:
    compose(page, address)
    words = page.locator("figure.il-slot .il-caption").first.inner_text()
    source = page.locator("figure.il-slot img").first.get_attribute("src")
    alt = page.locator("figure.il-slot img").first.get_attribute("alt")
    name = choose(page)
    page.keyboard.press("Control+x")
    expect(page.locator("figure.il-slot")).to_have_count(1)
    saved(page)
    caret(page, "Ships far out")
    page.keyboard.press("Control+v")
    expect(page.locator("figure.il-slot")).to_have_count(2)
    moved = page.locator(f'figure.il-slot:has(img[src="{source}"])')
    expect(moved).to_have_count(1)
    expect(moved.locator(".il-caption")).to_have_text(words)
    expect(moved.locator("img")).to_have_attribute("alt", alt or "")
    assert moved.get_attribute("data-block") != name
    text = markdown(page)
    assert text.index("Ships far out") < text.rindex("![")
    page.locator("[data-do=undo]").click()
    expect(page.locator("figure.il-slot")).to_have_count(1)


def test_a_copied_figure_stands_twice_and_text_with_it_comes_along(page: Page, address: str) -> None:
    compose(page, address)
    page.evaluate(
        """() => {
            const editor = window.interleaveEditor;
            editor.view.focus();
            editor.commands.setTextSelection({ from: 1, to: editor.state.doc.content.size - 1 });
        }"""
    )
    page.keyboard.press("Control+c")
    caret(page, "Ships far out")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+v")
    expect(page.locator("figure.il-slot")).to_have_count(4)
    expect(page.locator("figure.il-slot img")).to_have_count(4)
    saved(page)
    assert markdown(page).count("Electric bulbs") == 2
    ids = order(page)
    assert len(ids) == len(set(ids))


def test_a_key_right_after_a_click_acts_on_the_caption(page: Page, address: str) -> None:
    compose(page, address)
    expect(page.locator("figure.il-slot .il-caption").first).not_to_be_empty()
    for number in range(5):
        caret(page, "Electric bulbs")
        page.locator("figure.il-slot .il-caption").first.click()
        page.keyboard.press("Control+a")
        page.keyboard.type(f"Words {number}")
        expect(page.locator("figure.il-slot .il-caption").first).to_have_text(f"Words {number}")
        expect(page.locator(".il-body")).to_contain_text("Electric bulbs")
    assert "Keepers trim the wick" in markdown(page)


def test_nothing_moves_when_pictures_load(page: Page, address: str) -> None:
    compose(page, address)
    held: list[Route] = []
    page.route("**/pictures/*", lambda route: held.append(route))
    page.reload()
    expect(page.locator("figure.il-slot img")).to_have_count(2)
    expect(page.locator(".il-body")).to_contain_text("Ships far out")
    page.locator("figure.il-slot").last.scroll_into_view_if_needed()
    end = time.monotonic() + 20
    while len(held) < 2 and time.monotonic() < end:
        page.wait_for_timeout(20)
    assert len(held) == 2
    places = (
        "[...document.querySelectorAll('.il-text > *')].map((n) => Math.round(n.getBoundingClientRect().top + scrollY))"
    )
    before = page.evaluate(places)
    for route in held:
        route.continue_()
    page.wait_for_function(
        "[...document.querySelectorAll('figure.il-slot img')].every((i) => i.complete && i.naturalWidth > 0)"
    )
    assert page.evaluate(places) == before


def test_a_focal_point_is_chosen_by_click_or_slider(page: Page, address: str) -> None:
    compose(page, address)
    slot = page.locator("figure.il-slot").first
    for way in ("click", "keys"):
        slot.hover()
        slot.locator("[data-do=look]").click()
        page.locator("[data-act=focus]").click()
        picture = page.locator("dialog .il-focus img")
        page.wait_for_function("document.querySelector('dialog .il-focus img').complete")
        box = picture.bounding_box()
        assert box
        if way == "click":
            page.mouse.click(box["x"] + 1, box["y"] + box["height"] / 2)
        else:
            page.locator("dialog input[name=x]").focus()
            page.keyboard.press("End")
        page.locator("dialog [data-do=focus]").click()
        expect(page.locator("dialog")).to_have_count(0)
        expected = "100%" if way == "keys" else "2%"
        page.wait_for_function(
            "(x) => document.querySelector('figure.il-slot').style.getPropertyValue('--focus').startsWith(x)",
            arg=expected,
        )
    page.reload()
    expect(slot.locator("img")).to_be_visible()
    assert str(slot.evaluate("(node) => node.style.getPropertyValue('--focus')")).startswith("100%")
