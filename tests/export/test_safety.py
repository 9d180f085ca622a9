"""What leaves the program runs nothing, fetches nothing, and says what was written, whatever was written."""

from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from PIL import Image

from composer.article import Article, Brief, ImageSlot, TextBlock
from composer.export import Bundle, ExportOptions, bundle
from composer.export.credits import credit_line, credit_parts, web_address
from composer.export.drawings import is_passive
from composer.export.figures import Figure, shows_page
from composer.export.markdown import escape_markdown
from composer.ui.document import to_node
from retrieval.images import encode
from retrieval.picture import Attribution, Candidate, Picture
from tests.composer.kit import picture
from tests.export.kit import Page, illustrated

GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="8" height="8">'
DRAWN = '<rect width="8" height="8" fill="url(#g)" style="stroke: red"/><use xlink:href="#g"/>'


def text_article(*markdown: str, title: str = "T") -> Article:
    row = tuple(TextBlock(id=f"b{n}", markdown=m) for n, m in enumerate(markdown, start=1))
    return Article(id="a", brief=Brief(instruction=""), title=title, blocks=row)


def shown_text(markdown: str) -> str:
    """What a reader of rendered Markdown sees, in one line."""
    page = Page(GITHUB.render(markdown))
    return " ".join(page.text.split())


printable = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffd"), max_size=40)


@given(printable | st.text("-+=1.)#>*_`~|[]()!<&;:$\\ a", max_size=20))
@example("1. one")
@example("- one")
@example("===")
@example("&amp; &copy;")
@example("a\\")
def test_what_is_written_in_a_line_is_what_is_read(text: str) -> None:
    line = " ".join(text.split())
    for source in (escape_markdown(text), f"# {escape_markdown(text)}"):
        page = Page(GITHUB.render(source))
        assert " ".join(page.text.split()) == line
        assert {tag for tag, _ in page.tags} <= {"p", "h1"}


@given(printable.filter(str.strip), printable)
def test_alt_and_caption_come_back_from_markdown_and_html(caption: str, alt: str) -> None:
    article, files = illustrated()
    slot = replace(article.slots()[0], caption=caption, alt=alt)
    made = bundle(replace(article, blocks=(slot,)), files.get)
    for page, seen in (
        (Page(made.html), alt),
        (Page(GITHUB.render(made.markdown.partition("\n\n*lamp*\n\n")[2])), " ".join(alt.split())),
    ):
        assert [i["alt"] for i in page.all("img")] == [seen]
        assert " ".join(caption.split()) in " ".join(page.text.split())
    assert (made.credits[0]["caption"], made.credits[0]["alt"]) == (caption, alt)


@pytest.mark.parametrize(
    "written",
    ["<script>alert(1)</script>", "a <b onclick=x>b</b> c", "<!-- open", "> <div>\n> x", "- <iframe src=x>", "<?php x"],
)
def test_raw_html_in_a_text_block_is_text_in_every_export(written: str) -> None:
    made = bundle(text_article(written, "The end."), lambda d: None)
    for html in (made.html, GITHUB.render(made.markdown)):
        page = Page(html)
        assert not {tag for tag, _ in page.tags} & {"script", "b", "div", "iframe"}
        assert "The end." in page.text
        bare = " ".join(line.lstrip("-> ") for line in written.splitlines())
        assert bare in " ".join(page.text.split())


def test_a_code_block_without_end_does_not_take_in_what_follows() -> None:
    for code in ("```py\nx = 1", "~~~~\nx", "```"):
        made = bundle(text_article(code, "The end."), lambda d: None)
        assert "<p>The end.</p>" in GITHUB.render(made.markdown)
        assert made.markdown.startswith(f"# T\n\n{code}\n{code[:3]}")
    whole = "````\n```\n````"
    assert bundle(text_article(whole), lambda d: None).markdown == f"# T\n\n{whole}\n"


def test_a_picture_by_address_becomes_a_link_and_is_reported() -> None:
    article = text_article("See ![a fox](https://example.org/fox.png) and [![x](https://e.org/y.png)](https://e.org/)")
    made = bundle(article, lambda d: None)
    page = Page(made.html)
    assert page.all("img") == []
    assert [a["href"] for a in page.all("a")] == ["https://example.org/fox.png", "https://e.org/"]
    assert "See a fox and x" in page.text
    assert "stray" in str(to_node("![a fox](https://example.org/fox.png)"))  # nor does the page fetch it
    assert len(made.warnings) == 2
    assert "https://example.org/fox.png" in made.warnings[0]


def test_the_page_itself_forbids_what_it_never_does() -> None:
    article, files = illustrated()
    for inside, images in ((True, "img-src data:;"), (False, "img-src * data: file:;")):
        html = bundle(article, files.get, options=ExportOptions(self_contained=inside)).html
        policy = next(m["content"] for m in Page(html).all("meta") if m.get("http-equiv") == "Content-Security-Policy")
        assert policy is not None
        assert policy.startswith("default-src 'none';")
        assert images in policy


# ---- structure ---------------------------------------------------------------------------------------------------


def test_sections_are_sections_and_the_title_is_the_only_h1() -> None:
    article = text_article("Before.", "## One *thing*\n\nAnd more.", "# Loud", "### Deep", "## Two")
    page = Page(bundle(article, lambda d: None).html)
    assert [s["aria-labelledby"] for s in page.all("section")] == ["b2", "b5"]
    assert [h.get("id") for h in page.all("h2")] == ["b2", "b3", "b5"]
    assert len(page.all("h1")) == len(page.all("h3")) == len(page.all("em")) == 1
    assert "And more." in page.text


def test_a_credit_in_another_language_than_the_article_says_so() -> None:
    article, files = illustrated(language="ar", credit=Attribution(title="x", author="Ann", licence="CC0"))
    page = Page(bundle(article, files.get).html)
    assert page.all("html")[0] == {"lang": "ar", "dir": "rtl"}
    assert page.all("small")[0] == {"lang": "en", "dir": "ltr"}
    assert page.all("bdi")
    article, files = illustrated(language="zh-Hans")
    assert Page(bundle(article, files.get).html).all("small")[0] == {}


def test_sizes_that_are_not_known_are_not_claimed() -> None:
    article, files = illustrated()
    slot = article.slots()[0]
    found = slot.candidates[0]
    blank = replace(slot, candidates=(replace(found, picture=replace(found.picture, width=0, height=0)),))
    image = Page(bundle(replace(article, blocks=(blank,)), files.get).html).all("img")[0]
    assert "width" not in image
    assert "height" not in image


@pytest.mark.parametrize(
    ("credit", "language", "line"),
    [
        (Attribution(title="Fox", author="Ann", source="S", licence="CC0"), "en", "“Fox” by Ann, from S, CC0"),
        (Attribution(title="Fox", author="Ann", source="S", licence="CC0"), "zh", "《Fox》，作者：Ann，来源：S，CC0"),
        (Attribution(author="{x}", licence="unknown"), "de-CH", "by {x}, licence unknown"),
        (Attribution(title="Fox", author="M", generated=True, licence="CC0"), "en", "“Fox”, AI-generated (M), CC0"),
        (Attribution(generated=True, changes="cut"), "zh-TW", "AI 生成，许可未知，有修改"),
    ],
)
def test_credits_are_worded(credit: Attribution, language: str, line: str) -> None:
    assert credit_line(credit, language) == line


@given(st.builds(Attribution, title=st.text(), author=st.text(), url=st.text(), licence_url=st.text("htps:/[].a&@#")))
@example(Attribution(title="x", url="http://[", licence_url="https://a?b=1&copy;2"))
def test_links_of_credits_lead_to_the_web_or_nowhere(credit: Attribution) -> None:
    for part in credit_parts(credit, "en"):
        assert part.url == "" or part.url.startswith(("http://", "https://"))


@pytest.mark.parametrize(
    "url", ["https://e.org/?a=1&copy;=2", "https://e.org/a(b)c", "https://e.org/a>b c\\d", "http://["]
)
def test_addresses_come_back_from_both_exports(url: str) -> None:
    article, files = illustrated(credit=Attribution(title="Fox", url=url, licence="free"))
    made = bundle(article, files.get)
    expected = [url] * 2 if web_address(url) else []
    assert [a["href"] for a in Page(made.html).all("a")] == expected
    links = [str(a["href"]) for a in Page(GITHUB.render(made.markdown)).all("a")]
    assert links == [u.replace(">", "%3E").replace(" ", "%20").replace("\\", "%5C") for u in expected]


# ---- drawings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<rect onload="alert(1)"/>',
        '<a xlink:href="https://e.org"><rect/></a>',
        '<image href="https://e.org/x.png"/>',
        '<image href="file:///etc/passwd"/>',
        "<style>@import 'https://e.org/x.css';</style>",
        '<rect style="fill: url(https://e.org/x)"/>',
        '<foreignObject><p xmlns="http://www.w3.org/1999/xhtml">x</p></foreignObject>',
        '<set attributeName="href" to="javascript:alert(1)"/>',
    ],
)
def test_a_drawing_that_does_more_than_draw_is_exported_as_pixels(inside: str) -> None:
    assert not is_passive(f"{HEAD}{DRAWN}{inside}</svg>".encode())
    made = export_of(f"{HEAD}{DRAWN}{inside}</svg>".encode())
    ((name, data),) = made.files.items()
    assert name.endswith(".png")
    assert data.startswith(b"\x89PNG")
    assert f'src="{name}"' in made.html


def test_a_drawing_that_only_draws_is_kept_as_it_is() -> None:
    svg = f"{HEAD}{DRAWN}</svg>".encode()
    made = export_of(svg)
    assert list(made.files.values()) == [svg]
    assert next(iter(made.files)).endswith(".svg")
    assert "<svg" not in made.html  # shown by <img>, never inside the page


@pytest.mark.parametrize(
    "svg",
    [
        b"<!DOCTYPE svg [<!ENTITY x 'y'>]><svg xmlns='http://www.w3.org/2000/svg'>&x;</svg>",
        b"<?xml-stylesheet href='https://e.org/x.css'?><svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<svg",
        b"",
    ],
)
def test_what_cannot_be_read_as_a_drawing_is_not_trusted(svg: bytes) -> None:
    assert not is_passive(svg)


def test_a_drawing_that_cannot_be_drawn_is_left_out_with_the_reason() -> None:
    made = export_of(b"<svg broken")
    assert made.files == {}
    assert "is left out" in made.warnings[0]
    assert "<figure" not in made.html


def export_of(svg: bytes) -> Bundle:
    found = Picture(digest="ab" * 32, media_type="image/svg+xml", width=8, height=8, caption="a drawing")
    candidate = Candidate(picture=found, source="s", score=1, relevance=1)
    slot = ImageSlot(id="b1", purpose="", query="q", candidates=(candidate,), chosen=found.digest)
    return bundle(Article(id="a", blocks=(slot,)), lambda digest: svg)


# ---- grounds -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("alpha", [None, 255, 0])
def test_only_what_shows_the_page_through_gets_a_light_ground(form: Literal["PNG", "WEBP", "JPEG"], alpha: int) -> None:
    image = Image.effect_noise((16, 16), 60).convert("RGB")
    if alpha is not None and form != "JPEG":
        image.putalpha(255)
        image.putpixel((0, 0), (0, 0, 0, alpha))
    assert shows_page(figure_of(encode(image, form), f"image/{form.lower()}")) is (alpha == 0 and form != "JPEG")


def test_a_drawing_without_ground_gets_one() -> None:
    assert shows_page(figure_of(f"{HEAD}</svg>".encode(), "image/svg+xml"))
    assert shows_page(figure_of(b"broken", "image/png"))


def figure_of(data: bytes, media_type: str) -> Figure:
    found, _ = picture("1 thing")
    slot = ImageSlot(id="b1", purpose="", query="")
    return Figure(slot=slot, picture=found, file="images/x", data=data, media_type=media_type)


def test_two_pictures_never_share_a_file() -> None:
    row = []
    for number, digest in enumerate(("ab" * 32, "ab" * 31 + "cd", "ab" * 32), start=1):
        found = Picture(digest=digest, media_type="image/png", width=1, height=1, caption="fox")
        candidate = Candidate(picture=found, source="s", score=1, relevance=1)
        row.append(ImageSlot(id=f"b{number}", purpose="", query="", candidates=(candidate,), chosen=digest))
    made = bundle(Article(id="a", blocks=tuple(row)), lambda digest: digest.encode())
    assert sorted(made.files.values()) == [("ab" * 32).encode(), ("ab" * 31 + "cd").encode()]
    first, second, third = (str(entry["file"]) for entry in made.credits)
    assert first == third != second


@pytest.mark.parametrize(
    "text", ["[x](javascript:a)", "[x]( JavaScript:a)", "[x](<javascript:a>)", "<javascript:a>", "![x](file:///a)"]
)
def test_a_refused_link_is_text_for_every_reader(text: str) -> None:
    article, files = illustrated()
    blocks = (TextBlock(id="b1", markdown=f"Before {text} after"),)
    exported = bundle(replace(article, blocks=blocks), files.get).markdown
    trusting = MarkdownIt("commonmark", {"html": True})
    trusting.validateLink = lambda url: True  # type: ignore[method-assign]
    html = trusting.render(exported)
    assert "href" not in html
    assert "src" not in html


def test_code_that_shows_such_a_link_stays_as_it_is() -> None:
    article, files = illustrated()
    blocks = (TextBlock(id="b1", markdown="`[x](javascript:a)`"),)
    assert "`[x](javascript:a)`" in bundle(replace(article, blocks=blocks), files.get).markdown
