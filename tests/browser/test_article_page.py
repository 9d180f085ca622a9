"""The exported page opened from a folder: every picture shows, nothing is asked of anybody, nothing runs off the side."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

from composer.article import Article, TextBlock
from composer.export import ExportOptions, bundle, write_bundle
from tests.export.kit import illustrated

pytestmark = pytest.mark.browser
WIDE = TextBlock(id="b8", markdown="| " + "column | " * 30 + "\n|" + "---|" * 30 + "\n\n`" + "word" * 90 + "`")
STRAY = TextBlock(id="b9", markdown="![x](https://example.org/x.png)\n\n<img src=https://example.org/y.png>")


def article(language: str) -> tuple[Article, dict[str, bytes]]:
    made, files = illustrated('<script>document.title = "ran"</script>', language=language)
    return replace(made, title="Lamps", blocks=(*made.blocks, WIDE, STRAY)), files


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1200, "light")])
@pytest.mark.parametrize("language", ["en", "zh", "ar"])
@pytest.mark.parametrize("inside", [False, True], ids=["with images/", "self-contained"])
def test_the_page_shows_everything_and_asks_for_nothing(
    chromium: Browser, tmp_path: Path, language: str, inside: bool, width: int, scheme: Literal["dark", "light"]
) -> None:
    made, files = article(language)
    write_bundle(bundle(made, files.get, options=ExportOptions(self_contained=inside)), tmp_path)
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: said.append(message.text))
    tab.goto((tmp_path / "article.html").as_uri())
    tab.evaluate("for (const i of document.images) i.loading = 'eager'")
    tab.evaluate("Promise.all([...document.images].map(i => i.decode()))")
    assert tab.evaluate("[...document.images].map(i => i.naturalWidth)") == [48, 48]
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert [u for u in asked if not u.startswith(("file:", "data:"))] == []
    assert said == []
    assert tab.title() == "Lamps"
    context.close()
