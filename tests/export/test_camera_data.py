"""What a camera wrote into a picture stays at home; read back with Exiv2, which shares nothing with the program."""

import base64
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import replace

import exiv2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms, ImageOps, PngImagePlugin

from composer.article import Article, ImageSlot
from composer.errors import UsageError
from composer.export import ExportOptions, bundle, zip_bundle
from composer.export.containers import bare, form_of, xmp_of
from composer.export.metadata import DRAWN, leaving, leaving_drawing
from composer.export.xmp import packet, properties_of
from retrieval.images import decode
from retrieval.picture import Attribution, Candidate
from retrieval.source import described_upload

MINE = Attribution(source="Author", licence="yours")
SECRET = "Canon-4711"
FORMS = ["JPEG", "PNG", "WEBP"]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif(turn: int = 6) -> bytes:
    """Camera, serial number, time and place, as a phone writes them."""
    tags = Image.Exif()
    tags[0x010F], tags[0x0110], tags[0x0112] = SECRET, f"{SECRET} II", turn
    tags.get_ifd(0x8769).update({0x9003: "2026:05:04 03:02:01", 0xA431: SECRET})
    place = {1: "N", 2: (48.0, 12.0, 30.5), 3: "E", 4: (11.0, 34.0, 1.5)}
    tags.get_ifd(0x8825).update(place)
    return tags.tobytes()


def photograph(form: str, turn: int = 6, *, alpha: bool = False) -> bytes:
    """A picture with everything in it that could tell of its author."""
    image = Image.radial_gradient("L").resize((40, 24)).convert("RGB")
    image.paste((200, 30, 30), (0, 0, 20, 5))
    if alpha:
        image.putalpha(128)
    xmp = packet({"dc:creator": [SECRET], "dc:rights": f"(c) {SECRET}", "photoshop:Credit": SECRET})
    options: dict[str, object] = {"exif": exif(turn), "icc_profile": SRGB}
    if form == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Comment", SECRET)
        texts.add_itxt("XML:com.adobe.xmp", xmp.decode(), zip=True)
        options["pnginfo"] = texts
    else:
        options["xmp"] = xmp
    if form == "JPEG":
        options |= {"comment": SECRET, "progressive": True, "quality": 90}
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue() + (photograph("PNG") if form == "JPEG" else b"")  # as phones hang a second picture behind


def told(data: bytes) -> dict[str, str]:
    """Everything Exiv2 finds in a file."""
    image = exiv2.ImageFactory.open(data)
    image.readMetadata()
    kinds = (image.exifData(), image.iptcData(), image.xmpData())
    return {datum.key(): str(datum.value()) for kind in kinds for datum in kind}


def shown(data: bytes) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA")


def article_with(data: bytes, credit: Attribution = MINE) -> tuple[Article, Mapping[str, bytes]]:
    found, kept = described_upload(data, name="holiday.jpg", attribution=credit)
    found = replace(found, attribution=credit)
    candidate = Candidate(picture=found, source="uploads", score=1, relevance=1)
    slot = ImageSlot(id="b1", purpose="", query="q", caption="c", candidates=(candidate,), chosen=found.digest)
    return Article(id="a", title="T", blocks=(slot,)), {found.digest: kept}


def exported(data: bytes, credit: Attribution = MINE, *, camera_data: bool = False) -> list[bytes]:
    """The picture as it stands in the folder, in the zip and inside the page."""
    article, files = article_with(data, credit)
    made = bundle(article, files.get, options=ExportOptions(self_contained=True, camera_data=camera_data))
    (name, in_folder), *_ = made.files.items()
    with zipfile.ZipFile(io.BytesIO(zip_bundle(made))) as archive:
        in_zip = archive.read(name)
    inside = re.search(r'src="data:image/\w+;base64,([^"]+)"', made.html)
    assert inside
    return [in_folder, in_zip, base64.b64decode(inside[1])]


@pytest.mark.parametrize("form", FORMS)
def test_the_photograph_of_these_tests_tells_everything(form: str) -> None:
    said = told(photograph(form))
    assert any("GPSLatitude" in key for key in said)
    assert any(SECRET in value for value in said.values())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_no_export_tells_of_camera_or_place_and_every_one_stands_upright(form: str, turn: int) -> None:
    data = photograph(form, turn)
    for left in exported(data):
        assert SECRET.encode() not in left
        assert set(told(left)) <= {"Exif.Image.Orientation"}
        assert ImageChops.difference(shown(left), shown(data)).getbbox(alpha_only=False) is None
        assert shown(left).size == ((24, 40) if turn > 4 else (40, 24))


@pytest.mark.parametrize("form", FORMS)
def test_what_the_camera_wrote_goes_along_when_asked(form: str) -> None:
    data = photograph(form)
    assert exported(data, camera_data=True)[0] == data


@pytest.mark.parametrize("form", FORMS)
def test_colours_and_transparency_are_kept(form: str) -> None:
    data = photograph(form, alpha=form != "JPEG")
    left = exported(data)[0]
    assert Image.open(io.BytesIO(left)).info["icc_profile"] == SRGB
    assert Image.open(io.BytesIO(left)).mode == Image.open(io.BytesIO(data)).mode


@pytest.mark.parametrize("form", FORMS)
def test_others_rights_go_along_and_their_camera_does_not(form: str) -> None:
    left = exported(photograph(form), Attribution(author="Ann", source="Commons", licence="CC BY 4.0"))[0]
    said = told(left)
    assert SECRET in said["Xmp.dc.rights"]
    assert said["Xmp.dc.creator"] == SECRET
    assert "Xmp.photoshop.Credit" not in said
    assert not any("GPS" in key or "Make" in key for key in said)


@pytest.mark.parametrize("form", FORMS)
def test_the_authors_picture_keeps_the_mark_that_a_model_made_it(form: str) -> None:
    data = bare(photograph(form), xmp=packet({"Iptc4xmpExt:DigitalSourceType": DRAWN, "dc:creator": [SECRET]}))
    said = told(exported(data)[0])
    assert said.pop("Xmp.iptcExt.DigitalSourceType") == DRAWN
    assert not any(SECRET in value for value in said.values())


def test_an_animation_stays_one_without_its_comment() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], loop=0, comment=SECRET.encode())
    assert SECRET.encode() in buffer.getvalue()
    left = exported(buffer.getvalue())[0]
    assert SECRET.encode() not in left
    assert getattr(Image.open(io.BytesIO(left)), "n_frames", 0) == 3
    assert Image.open(io.BytesIO(left)).info["loop"] == 0


def test_a_photograph_inside_a_drawing_is_cleaned_as_well() -> None:
    inside = base64.b64encode(photograph("JPEG"))
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="data:image/jpeg;base64,' + inside + b'"/></svg>'
    left = re.search(rb"base64,([^\"]+)", leaving_drawing(svg))
    assert left
    assert set(told(base64.b64decode(left[1]))) <= {"Exif.Image.Orientation"}


@given(st.sampled_from(FORMS), st.integers(0, 400), st.integers(0, 255))
@example("JPEG", 21, 0x00)  # a mark of a kind that nobody knows, with EXIF in it
@example("JPEG", 21, 0xDC)  # a part that no decoder reads, with EXIF in it
@example("JPEG", 5, 0xFF)  # a part that says it is longer than it is
@example("JPEG", 41, 0x00)  # a tag of EXIF in a form that it does not have
@example("JPEG", 43, 0x05)
@example("JPEG", 99, 0x4E)
@example("JPEG", 147, 0x10)
def test_a_damaged_file_is_cleaned_or_refused_but_never_tells(form: str, at: int, value: int) -> None:
    data = bytearray(photograph(form))
    data[at % len(data)] = value
    try:
        decode(bytes(data))
        left = leaving(bytes(data), MINE)
    except UsageError:
        return
    if form_of(bytes(data)) is not None:
        assert SECRET.encode() not in left


@given(st.sampled_from(FORMS), st.integers(1, 900))
def test_a_file_cut_short_never_tells(form: str, length: int) -> None:
    data = photograph(form)[:length]
    try:
        left = leaving(data, MINE)
    except UsageError:
        return
    assert SECRET.encode() not in left or form_of(data) is None


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1)


@given(texts, st.lists(texts, min_size=1, max_size=3), st.sampled_from(FORMS))
def test_what_is_written_into_xmp_is_read_back(text: str, items: list[str], form: str) -> None:
    values = {"Iptc4xmpExt:AIPromptInformation": text, "dc:rights": text, "dc:creator": items}
    data = bare(photograph(form), xmp=packet(values))
    assert properties_of(xmp_of(data)) == values


@pytest.mark.parametrize("xmp", [b"", b"<", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"\xff\xfe", b"<a/>"])
def test_a_packet_that_cannot_be_read_says_nothing(xmp: bytes) -> None:
    assert properties_of(xmp) == {}
