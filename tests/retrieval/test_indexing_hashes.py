import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.encoder import Vectors
from retrieval.images import decode, digest_of, examine
from retrieval.indexing import Encoders, index_folder
from retrieval.library import Library
from tests.retrieval.fakes import WordEncoder, as_bytes, drawing, put


class Counting(WordEncoder):
    """Counts the pictures it looks at."""

    image_px = 32
    looked = 0

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        self.looked += len(images)
        assert all(min(image.size) <= self.image_px for image in images)
        return super().encode_images(images)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(("red fox.png", "deep/grey wolf.jpg", "owl.bmp")):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_bytes(drawing(number), {".bmp": "BMP", ".jpg": "JPEG"}.get(path.suffix, "PNG")))
    return tmp_path / "pictures"


def test_what_moved_keeps_its_id_caption_and_vectors(library: Library, folder: Path) -> None:
    words, pixels = WordEncoder("words"), Counting("pixels")
    both = Encoders(sentence=words, image=pixels)
    index_folder(library, folder, both)
    before = {Path(r.path).name: r for r in library.stored(0, 9)}
    (folder / "else" / "where").mkdir(parents=True)
    for name in ("red fox.png", "deep/grey wolf.jpg", "owl.bmp"):
        (folder / name).rename(folder / "else" / "where" / Path(name).name)
    report = index_folder(library, folder, both)
    assert (report.moved, report.added, report.removed, report.unchanged) == (3, 0, 0, 0)
    assert (words.texts_read, pixels.looked) == (3, 3)
    for row in library.stored(0, 9):
        old = before[Path(row.path).name]
        assert (row.id, row.picture.caption, row.picture.digest) == (old.id, old.picture.caption, old.picture.digest)
        assert row.picture.attribution == old.picture.attribution
        for name, vector in old.vectors.items():
            np.testing.assert_array_equal(row.vectors[name], vector)
    assert len(library.by_words("where", 9)) == 3  # the new folder is a keyword


def test_a_new_name_is_a_new_caption_for_the_same_row(library: Library, folder: Path) -> None:
    words, pixels = WordEncoder("words"), Counting("pixels")
    index_folder(library, folder, Encoders(sentence=words, image=pixels))
    (number,) = library.ids_at([str(folder / "red fox.png")])
    (folder / "red fox.png").rename(folder / "vixen.png")
    index_folder(library, folder, Encoders(sentence=words, image=pixels))
    assert library.ids_at([str(folder / "vixen.png")]) == [number]
    assert library.by_words("vixen", 9) == [number]
    assert (words.texts_read, pixels.looked) == (4, 3)
    ((best, cosine), *_) = library.by_vector("words", words.encode_texts(["vixen"])[0], 1)
    assert (best, round(cosine, 2)) == (number, 1.0)


def test_a_new_sidecar_costs_no_looking(library: Library, folder: Path) -> None:
    pixels = Counting("pixels")
    index_folder(library, folder, Encoders(image=pixels))
    (number,) = library.ids_at([str(folder / "red fox.png")])
    (folder / "red fox.txt").write_text("A vixen", "utf-8")
    assert index_folder(library, folder, Encoders(image=pixels)).added == 1
    assert (library.by_words("vixen", 9), pixels.looked) == ([number], 3)
    assert library.encoders() == {"pixels": 3}


def test_copies_and_links_are_rows_of_their_own_and_encoded_once(library: Library, folder: Path) -> None:
    pixels = Counting("pixels")
    data = (folder / "red fox.png").read_bytes()
    (folder / "a copy of it.png").write_bytes(data)
    (folder / "linked.png").symlink_to(folder / "red fox.png")
    (folder / "dangling.png").symlink_to(folder / "nothing.png")
    index_folder(library, folder, Encoders(image=pixels))
    assert (library.count(), pixels.looked) == (5, 3)
    (folder / "late copy.png").write_bytes(data)
    (folder / "late owl.bmp").write_bytes((folder / "owl.bmp").read_bytes())
    report = index_folder(library, folder, Encoders(image=pixels))
    assert (report.added, report.copies, pixels.looked) == (2, 2, 3)
    assert library.encoders() == {"pixels": 7}
    owls = {r.picture.digest for r in library.stored(0, 9) if r.path.endswith(".bmp")}
    assert len(owls) == 1
    later = Counting("later")
    index_folder(library, folder, Encoders(image=later))
    assert (library.encoders()["later"], later.looked) == (7, 3)


def test_files_that_change_places_are_told_apart(library: Library, folder: Path) -> None:
    pixels = Counting("pixels")
    first, second = put(folder / "one.png", 11), put(folder / "two.png", 12)
    index_folder(library, folder, Encoders(image=pixels))
    one, two = first.read_bytes(), second.read_bytes()
    for path, data in ((first, two), (second, one)):
        path.write_bytes(data)
        os.utime(path, (5, 5))
    index_folder(library, folder, Encoders(image=pixels))
    found = {r.path: r for r in library.stored(0, 99)}
    assert (found[str(first)].picture.digest, found[str(second)].picture.digest) == (digest_of(two), digest_of(one))
    assert pixels.looked == 5
    assert library.encoders() == {"pixels": 5}


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF", "MPO"])
def test_every_form_is_indexed_with_its_whole_size(library: Library, tmp_path: Path, form: str) -> None:
    if form == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    ending = {"JPEG": "jpg", "HEIF": "heic", "MPO": "jpg"}.get(form, form.lower())
    path = tmp_path / "pictures" / f"boat.{ending}"
    path.parent.mkdir()
    path.write_bytes(as_bytes(drawing(4, size=(400, 240)), form))
    pixels = Counting("pixels")
    assert index_folder(library, path.parent, Encoders(image=pixels)).broken == ()
    (row,) = library.stored(0, 9)
    assert (row.picture.width, row.picture.height, pixels.looked) == (400, 240, 1)


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_reduced_jpeg_is_upright_and_its_size_is_of_the_whole(turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    data = as_bytes(drawing(5, size=(640, 320)), "JPEG", exif=exif)
    picture, kept, image = examine(data, px=40)
    assert kept is data
    assert (picture.width, picture.height) == decode(data).size
    assert image.width * picture.height == image.height * picture.width
    assert 40 <= min(image.size) <= 80
