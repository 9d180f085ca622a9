"""Writing in the page as a person does: typing, menus, paste, keys, input methods, moving, undoing."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.kit import block, caret, compose, document, markdown, paste, saved, select

pytestmark = pytest.mark.browser


def test_markdown_while_typing_makes_every_kind_of_block(page: Page, address: str) -> None:
    compose(page, address)
    caret(page, "The lens", at_end=False)
    page.keyboard.press("Control+End")
    page.wait_for_timeout(200)  # the browser tells of a moved caret a moment later
    page.keyboard.press("Enter")
    for line in ("## New part", "Plain with **bold** and *slanted* and `code`.", "- one", "two", ""):
        page.keyboard.type(line)
        page.keyboard.press("Enter")
    page.keyboard.type("> said")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.type("```")
    page.keyboard.press("Enter")
    page.keyboard.type("x = 1")
    text = markdown(page)
    assert (
        "## New part\n\nPlain with **bold** and *slanted* and `code`.\n\n- one\n- two\n\n> said\n\n```\nx = 1\n```"
        in text
    )
    page.reload()
    expect(block(page, "said")).to_be_visible()
    assert markdown(page) == text


def test_slash_menu_by_keys_alone(page: Page, address: str) -> None:
    compose(page, address)
    caret(page, "Electric bulbs")
    page.keyboard.press("Enter")
    page.keyboard.type("/tab")
    expect(page.locator(".il-slash [role=option]")).to_have_text(["Table"])
    page.keyboard.press("Enter")
    page.keyboard.type("a")
    page.keyboard.press("Tab")
    page.keyboard.type("b|c")
    assert "| a | b\\|c |" in markdown(page)
    page.keyboard.press("Alt+F10")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".il-text th")).to_have_count(4)
    caret(page, "Electric bulbs")
    page.keyboard.press("Enter")
    page.keyboard.type("/quo")
    page.keyboard.press("Escape")
    expect(page.locator(".il-slash")).to_be_hidden()


def test_toolbar_over_a_selection(page: Page, address: str) -> None:
    compose(page, address)
    select(page, "Electric bulbs")
    page.locator(".il-toolbar [data-mark=bold]").click()
    page.keyboard.press("Control+i")
    page.locator(".il-toolbar [data-mark=link]").click()
    page.locator("dialog input[name=href]").fill("example.org/a")
    page.locator("dialog button[type=submit]").click()
    assert "[***Electric bulbs***](https://example.org/a) ended" in markdown(page)
    select(page, "Electric bulbs")
    page.locator(".il-toolbar [data-mark=h3]").click()
    expect(page.locator(".il-text h3")).to_contain_text("Electric bulbs")


def test_a_link_that_runs_code_is_refused(page: Page, address: str) -> None:
    compose(page, address)
    select(page, "Electric bulbs")
    page.locator(".il-toolbar [data-mark=link]").click()
    page.locator("dialog input[name=href]").fill("javascript:window.hacked=1")
    page.locator("dialog button[type=submit]").click()
    assert "javascript" not in markdown(page)
    assert page.locator('.il-text a[href^="javascript"]').count() == 0


def test_splitting_and_joining_keeps_ids_and_order(page: Page, address: str) -> None:
    compose(page, address)
    node = caret(page, "Electric bulbs", at_end=False)
    old = node.get_attribute("data-block")
    for _ in range(len("Electric bulbs ended that watch.")):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(200)
    page.keyboard.press("Enter")
    saved(page)
    assert block(page, "Electric bulbs").get_attribute("data-block") == old
    assert "Electric bulbs ended that watch.\n\nThey need no trimming" in markdown(page)
    page.keyboard.press("Home")
    page.wait_for_timeout(200)
    page.keyboard.press("Backspace")
    text = markdown(page)
    assert "Electric bulbs ended that watch." in text
    assert "watch.\n\nThey" not in text
    ids = [n["attrs"]["id"] for n in document(page) if n["attrs"]["id"]]
    assert len(ids) == len(set(ids))


def test_blocks_move_by_key_menu_and_drag(page: Page, address: str) -> None:
    compose(page, address)
    caret(page, "Electric bulbs")
    page.keyboard.press("Alt+ArrowUp")
    text = markdown(page)
    assert text.index("Electric bulbs") < text.index("Lamps burn oil")
    page.keyboard.press("Control+Enter")
    page.locator("[data-act=down]").click()
    text = markdown(page)
    assert text.index("Lamps burn oil") < text.index("Electric bulbs")
    source, target = block(page, "Electric bulbs"), block(page, "Glass rings")
    source.hover()
    box = target.bounding_box()
    assert box
    page.locator(".il-drag").hover()
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + box["height"] / 2, steps=8)
    page.mouse.move(box["x"] + 200, box["y"] + box["height"] - 2, steps=4)
    page.mouse.up()
    text = markdown(page)
    assert text.index("Glass rings") < text.index("Electric bulbs") < text.index("Ships far out")


def test_a_picture_moves_by_drag_and_key(page: Page, address: str) -> None:
    compose(page, address)
    figure = page.locator("figure.il-slot").first
    name = figure.get_attribute("data-block")
    caret(page, "Such lamps")
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+ArrowUp")
    saved(page)
    order = [n["attrs"]["id"] for n in document(page) if n["type"] == "figure" or n.get("content")]
    assert order.index(name) < order.index(block(page, "Electric bulbs").get_attribute("data-block"))
    page.reload()
    expect(page.locator("figure.il-slot")).to_have_count(2)
    assert [n["attrs"]["id"] for n in document(page) if n["type"] == "figure" or n.get("content")] == order


WORD = """<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style>p.MsoNormal{margin:0}</style></head><body>
<!--StartFragment--><h1>From Word</h1><p class=MsoNormal><b><span style='color:red'>Bold</span></b> and
<span style='font-style:italic'>slanted</span><o:p></o:p></p>
<p class=MsoListParagraphCxSpFirst style='mso-list:l0 level1 lfo1'><![if !supportLists]><span style='mso-list:Ignore'>·<span>
 </span></span><![endif]>First</p>
<p class=MsoListParagraphCxSpLast style='mso-list:l0 level2 lfo1'><span style='mso-list:Ignore'>o </span>Inner</p>
<p class=MsoNormal>After<img src="file:///C:/x.png" onerror="window.hacked=1"><script>window.hacked=1</script></p>
<a href="javascript:window.hacked=1">bad</a><!--EndFragment--></body></html>"""
DOCS = """<meta charset='utf-8'><b style="font-weight:normal;" id="docs-internal-guid-1">
<p><span style="font-weight:700">Heavy</span>
<span style="font-weight:400"> light</span></p><ul><li><p>one</p></li><ul><li><p>inner</p></li></ul></ul></b>"""


def test_paste_from_word_and_google_docs_is_cleaned(page: Page, address: str) -> None:
    compose(page, address)
    caret(page, "Electric bulbs")
    page.keyboard.press("Enter")
    paste(page, html=WORD, text="From Word")
    text = markdown(page)
    assert "## From Word\n\n**Bold** and *slanted*" in text
    assert "- First\n\n  - Inner" in text or "- First\n  - Inner" in text
    assert "After" in text
    caret(page, "Night after night")
    page.keyboard.press("Enter")
    paste(page, html=DOCS, text="Heavy light")
    text = markdown(page)
    assert "**Heavy** light" in text
    assert "- one" in text
    for bad in ("mso", "script", "javascript", "file:", "onerror", "style="):
        assert bad not in text
    assert page.evaluate("window.hacked") is None
    ids = [n["attrs"]["id"] for n in document(page) if n["attrs"]["id"]]
    assert len(ids) == len(set(ids))


def test_paste_of_markdown_becomes_blocks(page: Page, address: str) -> None:
    compose(page, address)
    caret(page, "Electric bulbs")
    page.keyboard.press("Enter")
    paste(page, text="## Pasted\n\nSome *text*.\n\n1. a\n2. b\n\n| x | y |\n| --- | --- |\n| 1 | 2 |")
    expect(page.locator(".il-text h2", has_text="Pasted")).to_be_visible()
    text = markdown(page)
    assert "## Pasted\n\nSome *text*.\n\n1. a\n2. b\n\n| x | y |" in text


def test_an_input_method_composes_undisturbed(page: Page, address: str) -> None:
    compose(page, address)
    caret(page, "Electric bulbs")
    client = page.context.new_cdp_session(page)
    events = "window.ended = 0; document.addEventListener('compositionend', () => { window.ended += 1; }, true)"
    page.evaluate(events)
    for part in ("n", "ni", "nih", "你好"):
        client.send("Input.imeSetComposition", {"text": part, "selectionStart": len(part), "selectionEnd": len(part)})
        page.wait_for_timeout(250)
        page.evaluate(
            """() => fetch(`articles/${window.interleavePage.id}/do`, { method: "POST", body: JSON.stringify(
               { action: "title", title: "T" + Math.random(), summary: "" }) })"""
        )
    client.send("Input.insertText", {"text": "你好"})
    assert "swings into place by itself.你好" in markdown(page)
    assert page.evaluate("window.ended") == 1


def test_right_to_left_text_stands_right(page: Page, address: str) -> None:
    compose(page, address)
    caret(page, "The lamp")
    page.keyboard.press("Enter")
    page.keyboard.type("نص عربي قصير")
    assert "نص عربي قصير" in markdown(page)
    gap = block(page, "نص عربي").evaluate(
        """(node) => {
            const range = document.createRange();
            range.selectNodeContents(node);
            const text = range.getClientRects()[0], box = node.getBoundingClientRect();
            return [text.left - box.left, box.right - text.right];
        }"""
    )
    assert gap[0] > 200
    assert gap[1] < 5


def test_undo_goes_back_across_text_pictures_and_the_model(page: Page, address: str) -> None:
    compose(page, address)
    start = markdown(page)
    caret(page, "Electric bulbs")
    page.keyboard.insert_text(" One.")
    saved(page)
    slot = page.locator("figure.il-slot").first
    slot.hover()
    slot.locator("[data-do=look]").click()
    page.locator("[data-act=wide]").click()
    expect(slot).to_have_class(re.compile("il-wide"))
    caret(page, "The lamp")
    page.keyboard.press("Control+Enter")
    page.locator("[data-act=rewrite-section]").click()
    page.locator("dialog button[type=submit]").click()
    expect(page.locator(".il-body")).to_contain_text("A new text stands here now.")
    expect(page.locator(".il-stop")).to_be_hidden()
    caret(page, "Ships far out")
    page.keyboard.press("Control+z")
    expect(page.locator(".il-body")).to_contain_text("One.")
    expect(slot).to_have_class(re.compile("il-wide"))
    page.keyboard.press("Control+z")
    expect(slot).not_to_have_class(re.compile("il-wide"))
    page.keyboard.press("Control+z")
    expect(page.locator(".il-body")).not_to_contain_text("One.")
    assert markdown(page) == start
    page.keyboard.press("Control+Shift+z")
    expect(page.locator(".il-body")).to_contain_text("One.")
