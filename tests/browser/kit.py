"""What the browser tests share: writing an article, finding its blocks, typing in it, knowing what was saved."""

import io
import json
import time
import zipfile
from typing import Any

from PIL import Image, ImageChops
from playwright.sync_api import Locator, Page, expect

from tests.composer.kit import picture

SAVED = ".il-saved[data-state=saved]"


def arrive(page: Page, address: str) -> None:
    """Open the start page and wait until it has asked the program for everything: what is clicked before may be late."""
    page.goto(address)
    expect(page.locator("#welcome")).to_be_visible()


def compose(page: Page, address: str, brief: str = "How lighthouses work, for visitors") -> None:
    """Write an article to its end."""
    arrive(page, address)
    page.locator("#brief textarea").fill(brief)
    page.locator("#write-now").click()
    expect(page.locator(".il-title")).to_have_text("Lighthouses")
    expect(page.locator(".il-stop")).to_be_hidden()
    expect(page.locator(".il-body figure img")).to_have_count(2)
    expect(page.locator(SAVED)).to_be_visible()


def bring(page: Page, address: str, name: str, text: str | bytes) -> None:
    """Open a text, or a zip with pictures, as an article."""
    arrive(page, address)
    data = text.encode() if isinstance(text, str) else text
    files = page.locator("#bring input[type=file]")
    if not files.count():
        page.locator("#begin button.label-wrap").click()
    files.set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": data})
    expect(page.locator(".il-body")).to_be_visible()
    expect(page.locator(SAVED)).to_be_visible()


def long_article(blocks: int, pictures: int, *, px: int = 48) -> bytes:
    """A zip with an article of so many blocks, pictures of this size among them, about 30 words a paragraph."""
    every, buffer, parts = blocks // pictures if pictures else 0, io.BytesIO(), ["# Long"]
    with zipfile.ZipFile(buffer, "w") as archive:
        for n in range(blocks):
            if every and n % every == every - 1 and n // every < pictures:
                small = picture(f"thing {n}")[1]
                archive.writestr(f"images/p{n}.png", small if px == 48 else enlarged(small, px))
                parts.append(f"![Thing {n}](images/p{n}.png)")
            else:
                parts.append(f"## Part {n}" if n % 20 == 0 else f"Paragraph {n}: {'word ' * 28}".strip())
        archive.writestr("article.md", "\n\n".join(parts) + "\n")
    return buffer.getvalue()


def enlarged(data: bytes, px: int) -> bytes:
    """A picture as large as a camera's, as a file of a few hundred kilobytes (a JPEG, whatever it is called)."""
    grain = Image.effect_noise((px, px * 3 // 4), 12).convert("RGB")
    large = Image.open(io.BytesIO(data)).convert("RGB").resize(grain.size, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    ImageChops.add(large, grain, 1, -128).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def block(page: Page, text: str) -> Locator:
    """The block of the editor that holds a text."""
    return page.locator(".il-text > [data-block]", has_text=text).first


CARET = """([text, atEnd]) => {
    const editor = window.interleaveEditor, plain = (s) => s.replace(/\\s+/g, " ");
    let found = null;
    editor?.state.doc.forEach((n, pos) => { found ??= plain(n.textContent).includes(plain(text)) ? { n, pos } : null; });
    if (!found) return "";
    editor.view.focus();
    editor.commands.setTextSelection(atEnd ? found.pos + found.n.nodeSize - 1 : found.pos + 1);
    editor.view.nodeDOM(found.pos)?.scrollIntoView?.({ block: "nearest" });
    return found.n.attrs.id;
}"""


def caret(page: Page, text: str, *, at_end: bool = True) -> Locator:
    """Put the caret into the first block that holds a text, as soon as there is one."""
    name = page.wait_for_function(CARET, arg=[text, at_end]).json_value()
    return page.locator(f'.il-text > [data-block="{name}"]')


def select(page: Page, text: str) -> None:
    """Select these words where they stand first."""
    page.evaluate(
        """(text) => {
            const editor = window.interleaveEditor;
            let found = null;
            editor.state.doc.descendants((node, pos) => {
                if (!found && node.isText && node.text.includes(text)) found = pos + node.text.indexOf(text);
            });
            editor.view.focus();
            editor.commands.setTextSelection({ from: found, to: found + text.length });
        }""",
        text,
    )


def saved(page: Page) -> None:
    """Wait until the program has everything."""
    page.evaluate("window.interleavePage.sync.settled()")
    expect(page.locator(SAVED)).to_be_visible()


def converged(page: Page, other: Page, seconds: float = 10) -> bool:
    """Whether two tabs come to show the same text, with nothing left to send."""
    end = time.monotonic() + seconds
    state = "[window.interleavePage.sync.pending, window.interleaveEditor.getText().trim()]"
    while time.monotonic() < end:
        (pending, text), (unsent, other_text) = page.evaluate(state), other.evaluate(state)
        if text == other_text and not pending and not unsent:
            return True
        page.wait_for_timeout(50)
    return False


def markdown(page: Page) -> str:
    """The article as an export gives it."""
    saved(page)
    return str(page.evaluate("fetch(`articles/${window.interleavePage.id}/download/markdown`).then(r => r.text())"))


def paste(page: Page, *, html: str = "", text: str = "") -> None:
    """What the browser would hand over on Ctrl+V."""
    page.evaluate(
        """([html, text]) => {
            const data = new DataTransfer();
            if (html) data.setData("text/html", html);
            data.setData("text/plain", text);
            const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
            window.interleaveEditor.view.dom.dispatchEvent(event);
        }""",
        [html, text],
    )


def document(page: Page) -> list[dict[str, Any]]:
    """The editor's top-level nodes."""
    nodes: list[dict[str, Any]] = json.loads(page.evaluate("JSON.stringify(window.interleaveEditor.getJSON().content)"))
    return nodes
