"""Every export keeps every picture, caption, alt text and credit, and lets nothing through that runs."""

import errno
import io
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from composer.article import Align, Article, ImageSlot, Size, TextBlock
from composer.errors import SetupError
from composer.export import ExportOptions, bundle, write_bundle, zip_bundle
from composer.export.credits import credit_line
from composer.export.figures import file_name
from composer.markdown import parser
from composer.store import ARTICLE
from retrieval.picture import Attribution, Picture
from tests.article.strategies import articles
from tests.export.kit import Page, illustrated

names = st.text(max_size=60) | st.text("ab -", min_size=50, max_size=120)
PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "](javascript:alert(1))",
    "[click](javascript:alert(1))",
    "*bold* `code` | pipe | ![x](y)",
    "line\nbreak\r\n# heading",
    "{{ 7*7 }} {% raw %} ${x}",
    "\u202eright to left\u202c 中文 العربية",
    "&lt;b&gt; &amp;",
]


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("inside", [False, True])
def test_nothing_runs_and_nothing_is_lost(payload: str, inside: bool) -> None:
    article, files = illustrated(payload)
    made = bundle(article, files.get, options=ExportOptions(self_contained=inside, front_matter=True))
    for page in (Page(made.html), Page(parser().render(made.markdown))):
        assert not page.all("script")
        assert all(not name.startswith("on") for _, attributes in page.tags for name in attributes)
        addresses = [a.get("href") or a.get("src") or "" for _, a in page.tags]
        assert not any(re.match(r"\s*(javascript|vbscript|file):", a or "", re.IGNORECASE) for a in addresses)
        images = page.all("img")
        shown = [i.get("alt") for i in images if str(i.get("src")).startswith(("images/", "data:image/"))]
        assert shown == [
            " ".join(f"alt {n} {payload}".split()) if page.all("html") == [] else f"alt {n} {payload}" for n in (3, 4)
        ]
        words = " ".join(page.text.split())
        for n in (3, 4):
            assert " ".join(f"caption {n} {payload}".split()) in words


@pytest.mark.parametrize("language", ["en", "zh", "fr"])
def test_every_credit_survives_every_export(language: str) -> None:
    credit = Attribution(
        title="Old lamp", author="Ann B.", source="Openclipart", licence="CC BY-SA 4.0", url="https://example.org/lamp"
    )
    credit = replace(credit, licence_url="https://creativecommons.org/licenses/by-sa/4.0/", changes="resized")
    article, files = illustrated(language=language, credit=credit)
    made = bundle(article, files.get)
    for page in (Page(made.html), Page(parser().render(made.markdown))):
        words = " ".join(page.text.split())
        assert words.count(" ".join(credit_line(credit, language).split())) == 2
        links = [a.get("href") for a in page.all("a")]
        assert links.count(credit.url) == 2
        assert links.count(credit.licence_url) == 2
    entry = made.credits[0]
    assert {k: entry[k] for k in ("title", "author", "source", "licence", "licence_url", "url")} == {
        k: getattr(credit, k) for k in ("title", "author", "source", "licence", "licence_url", "url")
    }
    assert {str(e["file"]) for e in made.credits} == set(made.files)


def test_a_drawn_picture_says_so() -> None:
    credit = Attribution(title="a storm", author="SD-Turbo", source="AI-generated", licence="CC0 1.0", generated=True)
    assert "AI-generated (SD-Turbo)" in credit_line(credit, "en")
    assert "AI 生成" in credit_line(credit, "zh")


def test_a_picture_without_licence_says_so() -> None:
    assert "licence unknown" in credit_line(Attribution(), "en")
    assert credit_line(Attribution(licence="yours", author="Ann"), "en") == "by Ann, by the author of this article"


def test_the_page_is_semantic_and_asks_for_nothing() -> None:
    article, files = illustrated()
    page = Page(bundle(article, files.get).html)
    assert page.all("html") == [{"lang": "en", "dir": "ltr"}]
    assert len(page.all("figure")) == len(page.all("figcaption")) == 2
    for image in page.all("img"):
        assert (image["loading"], image["width"], image["height"]) == ("lazy", "48", "36")
    assert page.all("link") == page.all("script") == page.all("iframe") == []
    assert Page(bundle(*illustrated(language="ar")[:1], lambda d: None).html).all("html")[0]["dir"] == "rtl"
    html = bundle(article, files.get).html
    assert "@media print" in html
    assert "prefers-color-scheme: dark" in html


def test_an_open_slot_is_left_out_and_a_lost_file_is_reported() -> None:
    article, files = illustrated()
    files.popitem()
    made = bundle(article, files.get)
    assert len(made.warnings) == 1
    assert len(made.files) == made.html.count("<figure>") == made.markdown.count("![") == 1
    slot = article.slots()[0]
    emptied = replace(article, blocks=(replace(slot, chosen=None),))
    assert "figure>" not in bundle(emptied, files.get).html


def test_self_contained_html_carries_its_pictures() -> None:
    article, files = illustrated()
    html = bundle(article, files.get, options=ExportOptions(self_contained=True)).html
    assert html.count("data:image/png;base64,") == 2
    assert "images/" not in html


def test_text_blocks_stand_as_they_are() -> None:
    table = "| a | b |\n|---|---|\n| 1 | 2 |"
    article = Article(
        id="a", blocks=(TextBlock(id="b1", markdown=table), TextBlock(id="b2", markdown="```py\nx = '<b>'\n```"))
    )
    made = bundle(article, lambda d: None)
    assert made.markdown == f"{table}\n\n```py\nx = '<b>'\n```\n"
    assert len(Page(made.html).all("td")) == 2
    assert "&lt;b&gt;" in made.html


def test_front_matter_is_what_yaml_reads() -> None:
    article, files = illustrated('a "quoted": title')
    head = bundle(article, files.get, options=ExportOptions(front_matter=True)).markdown.split("---")[1]
    lines = dict(line.split(": ", 1) for line in head.strip().splitlines())
    assert json.loads(lines["title"]) == 'a "quoted": title'


def test_written_and_zipped_it_is_the_same(tmp_path: Path) -> None:
    article, files = illustrated()
    made = bundle(article, files.get, log=b"the log")
    write_bundle(made, tmp_path)
    with zipfile.ZipFile(io.BytesIO(zip_bundle(made))) as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    outside = {str(p.relative_to(tmp_path)): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert ARTICLE.validate_json(inside.pop("article.json")) == article
    assert inside.pop("events.jsonl") == b"the log"
    assert inside == outside
    for image in Page(made.html).all("img"):
        assert (tmp_path / str(image["src"])).is_file()
    assert zip_bundle(made) == zip_bundle(made)
    assert "events.jsonl" not in bundle(article, files.get).record


def test_an_export_removes_its_own_old_pictures_and_nobody_elses(tmp_path: Path) -> None:
    article, files = illustrated()
    (tmp_path / "images" / "holiday").mkdir(parents=True)
    (tmp_path / "images" / "mine.png").write_bytes(b"x")
    first = bundle(article, files.get)
    write_bundle(first, tmp_path)
    write_bundle(bundle(replace(article, blocks=article.blocks[:3]), files.get), tmp_path)
    left = {f"images/{p.name}" for p in (tmp_path / "images").iterdir()}
    assert left == {"images/holiday", "images/mine.png", min(first.files, key=list(first.files).index)}


@pytest.mark.parametrize(
    "listed", ['[{"file": "../kept.png"}]', '[{"file": "images/../../kept.png"}]', "{", "[1]", "5"]
)
def test_a_list_of_credits_that_is_not_ours_removes_nothing(tmp_path: Path, listed: str) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / "kept.png").write_bytes(b"x")
    (folder / "credits.json").write_text(listed)
    write_bundle(bundle(*illustrated()[:1], lambda d: None), folder)
    assert (tmp_path / "kept.png").exists()
    assert (folder / "credits.json").read_text() == "[]"


def test_a_refused_file_leaves_the_old_one_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    article, files = illustrated()
    write_bundle(bundle(article, files.get), tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}

    def full(self: Path, data: bytes) -> int:
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(SetupError, match=r"No space left.*Make room"):
        write_bundle(bundle(replace(article, title="New"), files.get), tmp_path)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SetupError, match="Cannot write"):
        write_bundle(bundle(*illustrated()[:1], lambda d: None), tmp_path / "file")


@settings(max_examples=60, deadline=None)
@given(articles())
def test_any_article_can_be_exported(article: Article) -> None:
    made = bundle(article, lambda digest: b"x")
    page = Page(made.html)
    assert len(page.all("figure")) == sum(s.picture is not None for s in article.slots())
    assert page.open == []


@given(names, names)
def test_file_names_are_safe_everywhere(caption: str, alt: str) -> None:
    found = Picture(digest="ab" * 32, media_type="image/png", width=1, height=1, caption=caption)
    name = file_name(ImageSlot(id="b1", purpose="", query="", alt=alt), found, "image/png")
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,79}\.png", name)


@pytest.mark.parametrize("size", ["small", "column", "wide"])
@pytest.mark.parametrize("align", ["start", "center", "end"])
def test_a_figure_leaves_as_it_was_arranged(size: Size, align: Align) -> None:
    article, files = illustrated()
    slots = [replace(b, size=size, align=align) if isinstance(b, ImageSlot) else b for b in article.blocks]
    page = Page(bundle(replace(article, blocks=tuple(slots)), files.get).html)
    wanted = {name for name in (size, align) if name not in ("column", "center")}
    assert [set((f.get("class") or "").split()) - {"clear"} for f in page.all("figure")] == [wanted, wanted]


def test_a_decorative_picture_is_not_described() -> None:
    article, files = illustrated()
    first = next(b for b in article.blocks if isinstance(b, ImageSlot))
    blocks = tuple(
        replace(b, decorative=True) if b is first and isinstance(b, ImageSlot) else b for b in article.blocks
    )
    made = bundle(replace(article, blocks=blocks), files.get)
    assert [i["alt"] for i in Page(made.html).all("img")] == ["", "alt 4 lamp"]
    assert "![](images/" in made.markdown
    assert "![alt 4 lamp](images/" in made.markdown


def test_a_wide_picture_is_cut_around_its_focal_point() -> None:
    article, files = illustrated()
    slots = [replace(b, size="wide", focus=(0.25, 1.0)) if isinstance(b, ImageSlot) else b for b in article.blocks]
    page = Page(bundle(replace(article, blocks=tuple(slots)), files.get).html)
    assert ["--focus:25% 100%" in str(i["style"]) for i in page.all("img")] == [True, True]
    assert "--focus" not in str(Page(bundle(article, files.get).html).all("img"))
