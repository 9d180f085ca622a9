import json
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from retrieval.captions import Notes, from_metadata, from_name, from_sidecar, notes_of
from tests.retrieval.fakes import as_bytes, drawing, put

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Description><dc:description><rdf:Alt>
 <rdf:li xml:lang="x-default">A fox &amp; its cub</rdf:li></rdf:Alt></dc:description>
 <dc:creator><rdf:Seq><rdf:li>Ada</rdf:li></rdf:Seq></dc:creator>
 <dc:subject><rdf:Bag><rdf:li>fox</rdf:li><rdf:li>snow</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def iptc(*fields: tuple[int, bytes]) -> bytes:
    """A JPEG with IPTC fields of record 2, as Photoshop writes them."""
    body = b"".join(b"\x1c\x02" + bytes([n]) + len(v).to_bytes(2, "big") + v for n, v in fields)
    block = b"8BIM\x04\x04\x00\x00" + len(body).to_bytes(4, "big") + body + b"\x00" * (len(body) % 2)
    segment = b"Photoshop 3.0\x00" + block
    plain = as_bytes(drawing(1), "JPEG")
    return plain[:2] + b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment + plain[2:]


@pytest.mark.parametrize(
    ("name", "caption"),
    [
        ("red-fox_in_snow.jpg", "red fox in snow"),
        ("RedFoxInSnow.png", "Red Fox In Snow"),
        ("IMG_20240301_123456.jpg", ""),
        ("DSC01234.JPG", ""),
        ("PXL_20230101_101010101.jpg", ""),
        ("lighthouse (2).png", "lighthouse"),
        ("lighthouse-1920x1080-final.jpg", "lighthouse"),
        ("灯塔.jpg", "灯塔"),
    ],
)
def test_a_file_name_is_read_as_words(name: str, caption: str) -> None:
    assert from_name(name).caption == caption


def test_a_camera_name_gives_way_to_the_folder() -> None:
    assert from_name("DSC01234.JPG", "Holiday in Rome").caption == "Holiday in Rome"
    assert from_name("fountain.jpg", "Holiday in Rome") == Notes(caption="fountain", keywords=("holiday", "in", "rome"))


def test_iptc_is_read() -> None:
    notes = from_metadata(
        iptc((120, "Ein Fuchs läuft".encode()), (80, b"Ada"), (25, b"fox"), (25, b"snow"), (5, b"Fox"))
    )
    assert notes == Notes(caption="Ein Fuchs läuft", author="Ada", keywords=("fox", "snow"), title="Fox")


def test_xmp_is_read() -> None:
    notes = from_metadata(as_bytes(drawing(1), "JPEG", xmp=XMP.encode()))
    assert notes == Notes(caption="A fox & its cub", author="Ada", keywords=("fox", "snow"))


def test_exif_is_read_and_what_cameras_write_is_not_believed() -> None:
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = "A fox in the snow", "Ada"
    exif[0x9C9E] = "fox;snow".encode("utf-16-le")
    assert from_metadata(as_bytes(drawing(1), "JPEG", exif=exif)) == Notes(
        caption="A fox in the snow", author="Ada", keywords=("fox", "snow")
    )
    exif = Image.Exif()
    exif[0x010E] = "OLYMPUS DIGITAL CAMERA"
    assert from_metadata(as_bytes(drawing(1), "JPEG", exif=exif)) == Notes()


def test_the_text_of_a_png_is_read() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "A fox")
    info.add_text("Author", "Ada")
    assert from_metadata(as_bytes(drawing(1), "PNG", pnginfo=info)) == Notes(
        caption="A fox", title="A fox", author="Ada"
    )


@pytest.mark.parametrize("data", [b"", b"nothing", as_bytes(drawing(1), "JPEG")[:80], iptc((120, b"x"))[:60]])
def test_damaged_files_say_nothing(data: bytes) -> None:
    assert from_metadata(data) == Notes()


def test_a_sidecar_goes_before_metadata_and_metadata_before_the_name(tmp_path: Path) -> None:
    data = as_bytes(drawing(1), "JPEG", xmp=XMP.encode())
    path = tmp_path / "some-file.jpg"
    path.write_bytes(data)
    assert notes_of(path, data).caption == "A fox & its cub"
    (tmp_path / "some-file.txt").write_text("Two foxes\nplaying\n\nTaken in March.", "utf-8")
    assert notes_of(path, data).caption == "Two foxes playing"
    assert notes_of(path, data).author == "Ada"
    assert notes_of(put(tmp_path / "grey_wolf.png", 1), as_bytes(drawing(1))).caption == "grey wolf"


def test_sidecars_of_every_form(tmp_path: Path) -> None:
    path = put(tmp_path / "a.png", 1)
    value = {
        "Description": "A fox",
        "tags": "fox, snow",
        "license": "CC0",
        "creator": "Ada",
        "captions": {"de": "Ein Fuchs"},
    }
    (tmp_path / "a.png.json").write_text(json.dumps(value), "utf-8")
    notes = from_sidecar(path)
    assert (notes.caption, notes.keywords, notes.licence, notes.author) == ("A fox", ("fox", "snow"), "CC0", "Ada")
    assert notes.captions == {"de": "Ein Fuchs"}
    path = put(tmp_path / "b.png", 1)
    (tmp_path / "b.md").write_text("# The cub\n\nA fox cub\nin the grass.\n", "utf-8")
    assert from_sidecar(path) == Notes(caption="A fox cub in the grass.", title="The cub")


@pytest.mark.parametrize("text", ["{", "[1, 2]", '{"caption": 3, "keywords": 7, "captions": []}', "\x00\xff"])
def test_a_sidecar_that_cannot_be_read_says_nothing(tmp_path: Path, text: str) -> None:
    path = put(tmp_path / "a.png", 1)
    (tmp_path / "a.json").write_text(text, "utf-8")
    assert from_sidecar(path) == Notes()
