import base64
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from retrieval import images
from retrieval.errors import UsageError
from retrieval.images import as_picture, decode, decode_rgb, hash_distance, media_type, perceptual_hash, thumbnail
from tests.retrieval.fakes import as_bytes, drawing


def svg(head: str, body: str = '<rect width="100%" height="100%" fill="#00f"/>') -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" {head}>{body}</svg>'.encode()


def test_a_picture_is_turned_as_its_metadata_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter
    data = as_bytes(drawing(1, size=(60, 30)), "JPEG", exif=exif)
    picture, _ = as_picture(data)
    assert (picture.width, picture.height) == (30, 60)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a picture"),
        (b"<html><body>404</body></html>", "not a picture"),
        (b"%PDF-1.7 nothing to see", "not a picture"),
        (as_bytes(drawing(1))[:120], "damaged"),
        (as_bytes(drawing(1), "JPEG")[:300], "damaged"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><rect", "SVG"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_reason(data: bytes, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        decode(data)


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )
    with pytest.raises(UsageError, match="million pixels"):
        decode(bomb)


def test_too_many_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_BYTES", 100)
    with pytest.raises(UsageError, match="MB"):
        decode(as_bytes(drawing(1)))


@pytest.mark.parametrize(
    ("head", "size"),
    [
        ('viewBox="0 0 20 10"', (64, 32)),
        ('width="20" height="10"', (64, 32)),
        ('width="20mm" height="10mm"', (64, 32)),
        ('viewBox="0 0 10 20"', (32, 64)),
        ('width="10mm" height="20mm"', (32, 64)),
        ('viewBox="0 0 1 640000"', (1, 64)),
    ],
)
def test_drawings_of_any_kind_of_size_are_rendered(head: str, size: tuple[int, int]) -> None:
    image = decode(svg(head), px=64)
    assert image.size == size
    assert image.convert("RGB").getpixel((0, 5)) == (0, 0, 255)


def test_a_drawing_reads_no_other_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(as_bytes(Image.new("RGB", (8, 8), (255, 0, 0))))
    for link in (str(secret), secret.as_uri(), "http://127.0.0.1:9/x.png"):
        for reference in (f'href="{link}"', f"xlink:href = '{link}'"):
            body = f'<image {reference} width="8" height="8"/>'
            image = decode_rgb(svg('xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 8 8"', body), px=16)
            assert np.asarray(image).min() == 255  # nothing was drawn


def test_a_drawing_reads_no_other_file_by_detours(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(as_bytes(Image.new("RGB", (8, 8), (255, 0, 0))))
    inner = base64.b64encode(svg('viewBox="0 0 8 8"', f'<image href="{secret}" width="8" height="8"/>')).decode()
    nested = svg('viewBox="0 0 8 8"', f'<image href="data:image/svg+xml;base64,{inner}" width="8" height="8"/>')
    entity = f'<!DOCTYPE svg [<!ENTITY p "{secret}">]>'.encode()
    entity += svg('viewBox="0 0 8 8"', '<image href="&p;" width="8" height="8"/>')
    for data in (nested, entity):
        assert np.asarray(decode_rgb(data, px=16)).min() == 255


def test_a_drawing_shows_the_pictures_it_holds() -> None:
    inner = base64.b64encode(as_bytes(Image.new("RGB", (8, 8), (255, 0, 0)))).decode()
    body = f'<image href="data:image/png;base64,{inner}" width="8" height="8"/>'
    assert decode_rgb(svg('viewBox="0 0 8 8"', body), px=16).getpixel((8, 8)) == (255, 0, 0)


def test_an_svg_is_known_by_its_bytes_and_so_are_the_others() -> None:
    assert media_type(svg('viewBox="0 0 1 1"')) == "image/svg+xml"
    for form, kind in (("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("GIF", "image/gif")):
        assert media_type(as_bytes(drawing(1), form)) == kind
    assert media_type(as_bytes(drawing(1), "BMP")) == ""  # not one that browsers show
    with pytest.raises(UsageError):
        media_type(b"nothing")


def test_the_first_picture_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (10, 10), c) for c in ("red", "blue")]
    data = as_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode_rgb(data).getpixel((3, 3)) == (255, 0, 0)


def test_all_colour_forms_become_rgb() -> None:
    grey = Image.fromarray(np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16))
    for image in (drawing(1).convert("CMYK"), drawing(1).convert("L"), drawing(1).convert("P"), grey):
        form = "JPEG" if image.mode == "CMYK" else "PNG"
        assert decode(as_bytes(image, form)).mode == "RGB"
    bright = np.asarray(decode(as_bytes(grey)))
    assert bright[0, 0, 0] == 0
    assert bright[-1, -1, 0] == 255


def test_transparent_parts_are_kept_or_white() -> None:
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert decode(as_bytes(image)).mode == "RGBA"
    assert decode_rgb(as_bytes(image)).getpixel((1, 1)) == (255, 255, 255)


def test_forms_that_browsers_do_not_show_are_kept_as_png() -> None:
    picture, data = as_picture(as_bytes(drawing(2), "BMP"))
    assert picture.media_type == "image/png"
    assert media_type(data) == "image/png"
    assert images.digest_of(data) == picture.digest


def test_heic_is_read() -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    buffer = io.BytesIO()
    drawing(3, size=(64, 64)).save(buffer, "HEIF")
    assert decode(buffer.getvalue()).size == (64, 64)


def test_a_thumbnail_is_small_webp() -> None:
    small = thumbnail(as_bytes(drawing(1, size=(300, 200))), 64)
    assert media_type(small) == "image/webp"
    assert decode(small).size == (64, 43)


def test_a_jpeg_may_be_decoded_smaller_but_never_below_what_is_asked() -> None:
    data = as_bytes(drawing(1, size=(1600, 1200)), "JPEG")
    assert 300 <= min(decode(data, px=300).size) < 1200
    assert decode(data).size == (1600, 1200)


scaled: list[Callable[[Image.Image], Image.Image]] = [
    lambda im: im.resize((im.width * 2, im.height * 2)),
    lambda im: im.resize((im.width // 2, im.height // 2), Image.Resampling.LANCZOS),
    lambda im: decode(as_bytes(im, "JPEG", quality=60)),
    lambda im: decode(as_bytes(im, "WEBP", quality=60)),
]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(scaled))
def test_versions_of_a_picture_have_nearly_the_same_hash(
    seed: int, change: Callable[[Image.Image], Image.Image]
) -> None:
    image = drawing(seed, size=(128, 96))
    assert hash_distance(perceptual_hash(image), perceptual_hash(change(image))) <= 6


def test_other_pictures_have_other_hashes() -> None:
    hashes = [perceptual_hash(drawing(seed, size=(128, 96))) for seed in range(30)]
    distances = [hash_distance(a, b) for i, a in enumerate(hashes) for b in hashes[:i]]
    assert sorted(distances)[len(distances) // 20] > 6  # 95 of 100 pairs are told apart


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_the_distance_of_hashes_is_a_metric(x: int, y: int, z: int) -> None:
    a, b, c = (f"{n:016x}" for n in (x, y, z))
    assert hash_distance(a, a) == 0
    assert hash_distance(a, b) == hash_distance(b, a)
    assert hash_distance(a, c) <= hash_distance(a, b) + hash_distance(b, c)
    assert hash_distance(a, "") == 64
