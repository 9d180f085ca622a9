"""The mark that a model made a picture: in every form of file, through every export, read with Exiv2."""

import base64
import io
import re
import zipfile
from pathlib import Path
from typing import Literal

import exiv2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from composer.article import Article, ImageSlot
from composer.drawing.provenance import credit_of, finished
from composer.export import ExportOptions, bundle, write_bundle, zip_bundle
from composer.export.metadata import DRAWN, EDITED
from composer.illustrate_command import as_document
from composer.placement.deliver import illustrated, write_files
from retrieval.images import digest_of
from retrieval.picture import Attribution, Candidate, Picture, Recipe

FORMS: list[Literal["PNG", "WEBP", "JPEG"]] = ["PNG", "WEBP", "JPEG"]
FOX = Recipe(
    model="diffusers:tiny",
    prompt="a fox, ink on paper",
    query="a fox",
    negative="text",
    seed=7,
    width=64,
    height=48,
    steps=4,
    guidance=1.5,
    references=("ab" * 32, "cd" * 32),
    together=3,
    software="diffusers 0",
)
EDIT = Recipe(model="m", prompt="p", seed=1, strength=0.5, start="ef" * 32, mask="01" * 32)


def made(recipe: Recipe, form: Literal["PNG", "WEBP", "JPEG"] = "PNG") -> tuple[Picture, bytes]:
    return finished(Image.new("RGB", (64, 48), "orange"), recipe, credit_of(recipe, "CC0 1.0"), form)


def told(data: bytes) -> dict[str, str]:
    """The XMP that Exiv2 finds."""
    image = exiv2.ImageFactory.open(data)
    image.readMetadata()
    return {datum.key(): str(datum.value()) for datum in image.xmpData()}


def article_with(picture: Picture) -> Article:
    candidate = Candidate(picture=picture, source="m", score=1, relevance=1)
    slot = ImageSlot(id="b1", purpose="", query="q", caption="c", candidates=(candidate,), chosen=picture.digest)
    return Article(id="a", title="T", blocks=(slot,))


@pytest.mark.parametrize("form", FORMS)
def test_a_file_tells_how_it_was_drawn_and_its_hash_is_of_all_that(form: Literal["PNG", "WEBP", "JPEG"]) -> None:
    picture, data = made(FOX, form)
    said = told(data)
    own = {key.rpartition(".")[2]: value for key, value in said.items()}
    assert said["Xmp.iptcExt.DigitalSourceType"] == DRAWN
    assert said["Xmp.photoshop.Credit"] == "AI-generated"
    assert (own["model"], own["prompt"], own["seed"]) == ("diffusers:tiny", "a fox, ink on paper", "7")
    assert own["references"] == "ab" * 32 + ", " + "cd" * 32
    assert own["negativePrompt"] == "text"
    assert picture.digest == digest_of(data)
    assert picture.media_type == f"image/{form.lower()}"
    assert Image.open(io.BytesIO(data)).size == (64, 48)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("recipe", "kind"), [(FOX, DRAWN), (EDIT, EDITED)])
def test_the_mark_and_the_words_survive_every_export(
    tmp_path: Path, form: Literal["PNG", "WEBP", "JPEG"], recipe: Recipe, kind: str
) -> None:
    picture, data = made(recipe, form)
    article = article_with(picture)
    for camera_data in (False, True):
        options = ExportOptions(self_contained=True, camera_data=camera_data)
        exported = bundle(article, {picture.digest: data}.get, options=options)
        name = next(iter(exported.files))
        write_bundle(exported, tmp_path)
        with zipfile.ZipFile(io.BytesIO(zip_bundle(exported))) as archive:
            zipped = archive.read(name)
        inside = re.search(r'src="data:image/\w+;base64,([^"]+)"', exported.html)
        assert inside
        for left in ((tmp_path / name).read_bytes(), zipped, base64.b64decode(inside[1])):
            said = told(left)
            assert said == told(data)
            assert said["Xmp.iptcExt.DigitalSourceType"] == kind
        for page in (exported.html, exported.markdown):
            assert "AI-generated" in page
        assert exported.credits[0]["generated"] is True


@pytest.mark.parametrize("form", FORMS)
def test_credit_lines_may_leave_it_out_but_no_file_does(form: Literal["PNG", "WEBP", "JPEG"]) -> None:
    picture, data = made(FOX, form)
    exported = bundle(article_with(picture), {picture.digest: data}.get, options=ExportOptions(ai_credit=False))
    assert "AI-generated" not in exported.html + exported.markdown
    assert exported.credits[0]["generated"] is True
    (left,) = exported.files.values()
    assert told(left)["Xmp.iptcExt.DigitalSourceType"] == DRAWN


@pytest.mark.parametrize("form", FORMS)
def test_a_drawn_picture_without_its_mark_gets_it_when_it_leaves(form: Literal["PNG", "WEBP", "JPEG"]) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, form)
    for changes, kind in (("", DRAWN), ("cropped", EDITED)):
        credit = Attribution(author="m", generated=True, changes=changes)
        media = f"image/{form.lower()}"
        picture = Picture(digest=digest_of(buffer.getvalue()), media_type=media, width=8, height=8, attribution=credit)
        exported = bundle(article_with(picture), {picture.digest: buffer.getvalue()}.get)
        (left,) = exported.files.values()
        assert told(left)["Xmp.iptcExt.DigitalSourceType"] == kind


@pytest.mark.parametrize("name", ["sky.md", "sky.html"])
@pytest.mark.parametrize(("recipe", "kind"), [(FOX, DRAWN), (EDIT, EDITED)])
def test_a_text_that_was_there_gets_marked_pictures_too(tmp_path: Path, name: str, recipe: Recipe, kind: str) -> None:
    picture, data = made(recipe)
    document = as_document(b"<p>One.</p>\n<p>Two.</p>\n" if name.endswith("html") else b"One.\n\nTwo.\n", name)
    done = illustrated(document, article_with(picture), {"b1": document.open_gaps[0]}, {picture.digest: data}.get)
    write_files(done, tmp_path, name, [])
    (figure,) = done.figures.values()
    assert told((tmp_path / figure.file).read_bytes())["Xmp.iptcExt.DigitalSourceType"] == kind
    assert "AI-generated" in (tmp_path / name).read_text(encoding="utf-8")
    assert done.credits[0]["generated"] is True


words = st.text(max_size=400)


@given(words, words, st.sampled_from(FORMS))
def test_any_prompt_can_be_written(prompt: str, model: str, form: Literal["PNG", "WEBP", "JPEG"]) -> None:
    picture, data = made(Recipe(model=model, prompt=prompt * 60, seed=1), form)
    assert told(data)["Xmp.iptcExt.DigitalSourceType"] == DRAWN
    assert picture.digest == digest_of(data)
