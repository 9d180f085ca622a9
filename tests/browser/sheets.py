"""The pictures of every view in docs/images, light and dark, on a desk and on a phone: `python -m tests.browser.sheets`.

Needs Chromium. The text is the scripted model's; the pictures are those of docs/examples, which are in the public domain.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import views
from tests.browser.conftest import CHROMIUM, FLAGS, ROOT, application, index
from tests.browser.kit import compose

IMAGES = ROOT / "docs" / "images"
SHOWN = {"brass lamp": "lamp-e5bf1b70.png", "glass lens of a lighthouse": "a-lighthouse-8154babe.png"}
SIZES = {"": (1280, 860, 3), "phone-": (390, 844, 7)}  # width, height, views in a row
GAP, SCALE = 10, 0.5


def fill(home: Path) -> None:
    """A library of pictures that look like some."""
    folder = home / "pictures"
    folder.mkdir(parents=True)
    for name, file in SHOWN.items():
        source = ROOT / "docs" / "examples" / "lighthouses" / "images" / file
        shutil.copy(source, folder / f"{name.replace(' ', '-')}.png")
    index(home, folder)


def shots(page: Page, address: str) -> Iterator[Image.Image]:
    """Every view in turn."""
    for opened in (views.start, views.settings, views.plan):
        opened(page, address)
        yield taken(page)
    compose(page, address)
    article = page.url
    for view in views.OF_AN_ARTICLE.values():
        page.goto(article)
        views.article(page)
        if (left := page.locator(".il-proposal [data-do=discard]")).count():
            left.click()
        view(page)
        yield taken(page)


def taken(page: Page) -> Image.Image:
    page.wait_for_timeout(500)  # what moves comes to rest
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        page.screenshot(path=file.name)
        image = Image.open(file.name).convert("RGB")
    return image.resize((round(image.width * SCALE), round(image.height * SCALE)), Image.Resampling.LANCZOS)


def sheet(images: list[Image.Image], columns: int) -> Image.Image:
    """The views in rows."""
    width, height = images[0].size
    rows = -(-len(images) // columns)
    made = Image.new("RGB", (columns * (width + GAP) - GAP, rows * (height + GAP) - GAP), "#888")
    for number, image in enumerate(images):
        made.paste(image, (number % columns * (width + GAP), number // columns * (height + GAP)))
    return made


def draw(browser: Browser, address: str, scheme: str, device: str) -> None:
    """One sheet, as a file of docs/images."""
    width, height, columns = SIZES[device]
    options = {"width": width, "height": height}
    context = browser.new_context(viewport=options, color_scheme="dark" if scheme == "dark" else "light")  # type: ignore[arg-type]
    page = context.new_page()
    made = sheet(list(shots(page, address)), columns)
    made.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        IMAGES / f"editor-views-{device}{scheme}.png", optimize=True
    )
    context.close()


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as home,
        application(Path(home) / "home", fill=fill) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for device in SIZES:
            for scheme in ("light", "dark"):
                draw(browser, address, scheme, device)
        browser.close()


if __name__ == "__main__":
    main()
