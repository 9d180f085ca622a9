"""From a picture file's bytes to pixels and facts: the one place where pictures are decoded, turned and resized.

Knows file forms; trusts no name and no header: what cannot be decoded within the limits is refused with a reason.
"""

import hashlib
import io
import re
import warnings
from dataclasses import replace
from typing import Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

from retrieval.errors import UsageError
from retrieval.picture import Attribution, Digest, Picture

MAX_BYTES = 64_000_000
MAX_PIXELS = 80_000_000
TOO_LARGE = f"The picture has more than {MAX_PIXELS // 1_000_000} million pixels. Make it smaller and give it again."
REFERENCE = re.compile(r"""([\w:.-]*href)\s*=\s*("[^"]*"|'[^']*')""", re.IGNORECASE)
ORIENTATION = 0x0112  # the EXIF tag
QUARTER_TURNS = (5, 6, 7, 8)  # its values by which width and height change places
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SVG_PX = 1024  # longer side of a rendered drawing
MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "WEBP": "image/webp",
    "GIF": "image/gif",
}


def digest_of(data: bytes) -> Digest:
    """The sha256 that names a picture file."""
    return hashlib.sha256(data).hexdigest()


def is_svg(data: bytes) -> bool:
    """Whether bytes are an SVG drawing."""
    return b"<svg" in data[:4096].lower()


def decode(data: bytes, *, px: int = 0) -> Image.Image:
    """RGBA or RGB pixels, turned upright. With `px` a JPEG may be decoded smaller, but no side shorter than `px`.

    Raises UsageError for what is no picture, broken, or too large.
    """
    return _render_svg(_small_enough(data), px or SVG_PX) if is_svg(data) else _decode(_small_enough(data), px)[0]


def _decode(data: bytes, px: int) -> tuple[Image.Image, tuple[int, int]]:
    """The pixels, maybe reduced, and the whole picture's width and height."""
    _allow_heif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of sizes and of damaged metadata; both are handled here
            image: Image.Image = Image.open(io.BytesIO(data))
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise UsageError(f"{TOO_LARGE} ({width} x {height} px)")
            if px and image.format in ("JPEG", "MPO"):
                image.draft("RGB", (px, px))
            image.load()
            turn = orientation(image)
            image = _eight_bit(image.transpose(TURNS[turn]) if turn in TURNS else image)
            return image, (height, width) if turn in QUARTER_TURNS else (width, height)
    except Image.DecompressionBombError as error:
        raise UsageError(f"{TOO_LARGE} ({error})") from error
    except UnidentifiedImageError as error:
        raise UsageError("This is not a picture, or of a form that cannot be read. Give PNG, JPEG or WebP.") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise UsageError(f"The picture is damaged and cannot be read: {error}.") from error


def orientation(image: Image.Image) -> int:
    """How EXIF says that a picture is turned, 1 to 8; 1 is upright, and so is a picture whose EXIF is damaged.

    Not `ImageOps.exif_transpose`: it writes all of EXIF anew, which fails in many ways where a byte of it is wrong.
    """
    try:
        value = image.getexif().get(ORIENTATION)
    except Exception:  # whatever Pillow meets in there, the pixels are good
        return 1
    return value if value in TURNS else 1


def _small_enough(data: bytes) -> bytes:
    if len(data) > MAX_BYTES:
        raise UsageError(f"The picture file has {len(data) / 1e6:.0f} MB; at most {MAX_BYTES / 1e6:.0f} can be used.")
    return data


def decode_rgb(data: bytes, *, px: int = 0) -> Image.Image:
    """The picture as RGB, transparent parts on white. Raises UsageError as `decode` does."""
    return on_white(decode(data, px=px))


def on_white(image: Image.Image) -> Image.Image:
    """An RGB picture; transparent parts become white."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def media_type(data: bytes) -> str:
    """By its bytes. Raises UsageError for what is no picture."""
    if is_svg(data):
        return "image/svg+xml"
    _allow_heif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            form = Image.open(io.BytesIO(data)).format or ""
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UsageError("This is not a picture, or of a form that cannot be read. Give PNG, JPEG or WebP.") from error
    return MEDIA_TYPES.get(form, "")


def as_picture(
    data: bytes, *, caption: str = "", keywords: tuple[str, ...] = (), attribution: Attribution | None = None
) -> tuple[Picture, bytes]:
    """A picture's facts and the bytes to keep: its own, or a PNG of it where browsers do not show its form."""
    picture, kept, _ = examine(data)
    credit = attribution or Attribution()
    if kept is not data:
        credit = converted(credit, digest_of(data))
    return replace(picture, caption=caption, keywords=keywords, attribution=credit), kept


def examine(data: bytes, *, px: int = 0) -> tuple[Picture, bytes, Image.Image]:
    """One decoding for everything: a picture's facts without words, the bytes to keep, and RGB pixels.

    With `px` a JPEG is decoded no larger than its shorter side needs; what is said of its size is of the whole.
    Where browsers do not show the form, the bytes are a PNG of it. Raises UsageError as `decode` does.
    """
    kind = media_type(_small_enough(data))
    if is_svg(data):
        image = _render_svg(data, SVG_PX)
        size = image.size
    else:
        image, size = _decode(data, px if kind else 0)
    kept = data if kind else encode(image, "PNG")
    shown = on_white(image)
    picture = Picture(
        digest=digest_of(kept),
        media_type=kind or "image/png",
        width=size[0],
        height=size[1],
        phash=perceptual_hash(shown),
    )
    return picture, kept, shown


def converted(credit: Attribution, original: Digest) -> Attribution:
    """The credit of a PNG made from another file."""
    changes = f"{credit.changes}, converted to PNG" if credit.changes else "converted to PNG"
    return replace(credit, changes=changes, original=credit.original or original)


def encode(image: Image.Image, form: Literal["PNG", "WEBP", "JPEG"]) -> bytes:
    """The picture as a file of this form."""
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


def thumbnail(data: bytes, px: int) -> bytes:
    """A WebP no larger than `px` on its longer side."""
    image = decode(data, px=px)
    image.thumbnail((px, px), Image.Resampling.LANCZOS)
    return encode(image, "WEBP")


def perceptual_hash(image: Image.Image) -> str:
    """64 bits that stay nearly the same when a picture is scaled or encoded anew, as 16 hexadecimal digits.

    The signs of the 8 x 8 lowest frequencies of a 32 x 32 cosine transform against their median (pHash).
    """
    small = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.LANCZOS), np.float64)  # (32, 32)
    steps = np.arange(32)
    basis = np.cos(np.pi * (2 * steps[None, :] + 1) * steps[:8, None] / 64)  # (8, 32)
    low = basis @ small @ basis.T  # (8, 8)
    bits = (low > np.median(low.ravel()[1:])).ravel()
    return f"{int(''.join('1' if b else '0' for b in bits), 2):016x}"


def hash_distance(a: str, b: str) -> int:
    """In how many of 64 bits two perceptual hashes differ; 64 when one is unknown."""
    return (int(a, 16) ^ int(b, 16)).bit_count() if a and b else 64


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, np.float64)
        top = 65535.0 if image.mode.startswith("I;16") or values.max(initial=0) > 255 else 255.0
        return Image.fromarray((np.clip(values / top, 0, 1) * 255).astype(np.uint8)).convert("RGB")
    transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    return image.convert("RGBA" if transparent else "RGB")


def _render_svg(data: bytes, px: int) -> Image.Image:
    try:
        import resvg_py
    except ImportError as error:
        raise UsageError("SVG drawings need resvg_py. Run: pip install -r requirements.txt") from error
    text = REFERENCE.sub(_own_reference, data.decode("utf-8", "replace"))
    tall = _is_tall(text)
    try:  # without a resolution the library takes millimetres for nothing; reading all fonts is slow
        png = bytes(
            resvg_py.svg_to_bytes(
                svg_string=text,
                width=None if tall else px,
                height=px if tall else None,
                dpi=96.0,
                skip_system_fonts="<text" not in text,
            )
        )
        return Image.open(io.BytesIO(png)).convert("RGBA")
    except Exception as error:
        raise UsageError(f"The SVG drawing cannot be rendered: {error}.") from error


def _own_reference(match: re.Match[str]) -> str:
    """A reference into the drawing itself or to a picture within it; any other is emptied, it could read files."""
    return match[0] if re.match(r"[\"']\s*(#|data:image/(png|jpe?g|gif|webp)[;,])", match[2]) else f'{match[1]}=""'


def _is_tall(svg: str) -> bool:
    """Whether a drawing is higher than wide, so that its height must be limited."""
    head = re.search(r"<svg\b[^>]*>", svg, re.IGNORECASE)
    box = re.search(
        r"\bviewBox\s*=\s*[\"']\s*[-\d.eE]+[\s,]+[-\d.eE]+[\s,]+([\d.eE]+)[\s,]+([\d.eE]+)", head[0] if head else ""
    )
    sizes = [re.search(rf"\s{name}\s*=\s*[\"']\s*([\d.]+)", head[0] if head else "") for name in ("width", "height")]
    try:
        if box:
            return float(box[2]) > float(box[1])
        return all(sizes) and float(sizes[1][1]) > float(sizes[0][1])  # type: ignore[index]
    except ValueError:
        return False


def _allow_heif() -> None:
    try:
        import pillow_heif
    except ImportError:
        return
    if "HEIF" not in Image.OPEN:
        pillow_heif.register_heif_opener()
