"""Texts that come in: Markdown, HTML and zips, with their pictures and nobody's scripts."""

import base64
import io
import json
import zipfile
from pathlib import Path

import pytest

from composer.article import ImageSlot, TextBlock
from composer.bring import bring
from composer.errors import UsageError
from composer.html_text import html_to_markdown
from composer.store import ArticleLog
from composer.toolkit import Toolkit
from composer.workspace import Workspace
from tests.composer.kit import picture

MARKDOWN = """---
title: x
---
# Lamps

*How they burn.*

Oil **burns**.

![A lamp of brass](images/lamp.png)

*It burned all night.* “Lamp” by Ann, CC0 1.0

# Second

- a
- b
"""


def no_toolkit(log: ArticleLog) -> Toolkit:
    raise AssertionError("bringing needs no engine")


def zipped(text: str, name: str = "article.md") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, text)
        archive.writestr("images/lamp.png", picture("lamp")[1])
        credit = {"file": "images/lamp.png", "author": "Ann", "licence": "CC0 1.0", "source": "Pack", "title": "Lamp"}
        archive.writestr("credits.json", json.dumps({"pictures": [credit]}))
    return buffer.getvalue()


def test_markdown_becomes_blocks() -> None:
    made = bring("lamps.md", MARKDOWN.encode())
    assert (made.title, made.summary) == ("Lamps", "How they burn.")
    texts = [b.markdown for b in made.blocks if isinstance(b, TextBlock)]
    assert texts[0] == "Oil **burns**."
    assert "## Second" in texts
    assert "- a\n- b" in texts
    assert any("images/lamp.png" in t for t in texts)  # no picture came along: the link stays


def test_a_zip_brings_its_pictures_with_caption_alt_and_credit(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, no_toolkit)
    name, warnings = workspace.take_in("lamps.zip", zipped(MARKDOWN))
    log = workspace.open(name)
    slot = log.article.slots()[0]
    assert warnings == []
    assert (slot.alt, slot.caption) == ("A lamp of brass", "It burned all night.")
    assert slot.picture is not None
    assert slot.picture.attribution.author == "Ann"
    assert log.pictures.read(slot.picture.digest) is not None
    assert "Ann" not in "".join(b.markdown for b in log.article.blocks if isinstance(b, TextBlock))


def test_a_page_brings_text_and_pictures_inside_it_and_no_scripts() -> None:
    html = """<html><head><title>t</title><style>p{}</style></head><body><h1>Lamps</h1><script>bad()</script>
    <p>Oil <b>burns </b>and <i>smokes</i> &amp; <a href="https://e.org/a b">more</a><a href="javascript:x()">no</a></p>
    <ul><li>one<li>two</ul><ol start=3><li>three</ol><blockquote><p>said</p></blockquote><pre>a  b</pre>
    <figure><img src="data:image/png;base64,DATA" alt="A lamp">
    <figcaption><span>Caption</span> <small>by Ann</small></figcaption></figure>
    <table><tr><th>a<th>b</tr><tr><td>1|2</td><td>3</td></tr></table></body></html>"""

    html = html.replace("DATA", base64.b64encode(picture("lamp")[1]).decode()).replace(
        "<th>a<th>b", "<th>a</th><th>b</th>"
    )
    made = bring("page.html", html.encode())
    texts = [b.markdown for b in made.blocks if isinstance(b, TextBlock)]
    slots = [b for b in made.blocks if isinstance(b, ImageSlot)]
    assert made.title == "Lamps"
    assert texts[0] == "Oil **burns** and *smokes* & [more](<https://e.org/a b>)no"
    assert "- one\n- two" in texts
    assert "> said" in texts
    assert any("1\\|2" in t for t in texts)
    assert [(s.alt, s.caption) for s in slots] == [("A lamp", "Caption")]
    assert "bad" not in "".join(texts)


def test_what_is_no_article_is_refused() -> None:
    for name, data in (("a.docx", b"x"), ("a.md", b"\xff\xfe"), ("a.zip", b"PK no"), ("a.zip", zipped("x", "a.rtf"))):
        with pytest.raises(UsageError):
            bring(name, data)


def test_any_html_gives_markdown() -> None:
    for html in ("", "<p", "</ul></li>", "<table><td>x", "<b><i>x</b></i>", "<li>x", "<pre>", "<a href>x"):
        assert isinstance(html_to_markdown(html), str)


def test_copies_and_the_trash(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, no_toolkit)
    name, _ = workspace.take_in("lamps.zip", zipped(MARKDOWN))
    copy = workspace.open(workspace.duplicate(name))
    original = workspace.open(name)
    assert copy.article.blocks == original.article.blocks
    digest = original.article.slots()[0].chosen or ""
    assert copy.pictures.read(digest) == original.pictures.read(digest)
    workspace.delete(name)
    assert [e.id for e in workspace.entries()] == [copy.article.id]
    [deleted] = workspace.trashed()
    assert workspace.untrash(deleted.id) == name
    assert workspace.open(name).article.title == "Lamps"
    with pytest.raises(UsageError):
        workspace.untrash(deleted.id)
    with pytest.raises(UsageError):
        workspace.untrash("../x")
