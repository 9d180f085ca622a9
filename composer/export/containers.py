"""The files pictures lie in, part by part: what is written beside the pixels taken out, an XMP packet put in.

Pixels are never decoded here and stay bit for bit. Knows PNG, JPEG, WebP and GIF; what XMP says is others' business.
Damaged files raise ValueError. Forms: PNG (ISO 15948), JPEG (ITU T.81, JFIF, XMP part 3), WebP container (RFC 9649),
GIF89a.
"""

import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from typing import Literal

from PIL import Image

from retrieval.images import ORIENTATION, orientation

Form = Literal["png", "jpeg", "webp", "gif"]
PNG = b"\x89PNG\r\n\x1a\n"
PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT pHYs bKGD sPLT hIST acTL fcTL fdAT cICP mDCV cLLI".split()
)
PNG_XMP = b"XML:com.adobe.xmp"
JPEG_XMP, JPEG_EXIF = b"http://ns.adobe.com/xap/1.0/\x00", b"Exif\x00\x00"
JPEG_MOST = 65_533  # bytes in a part
# Of the sixteen application parts: how each begins and how many bytes of it are its own. JFIF's thumbnail is not kept.
JPEG_KEPT = {0xE0: (b"JFIF\x00", 14), 0xE2: (b"ICC_PROFILE\x00", JPEG_MOST), 0xEE: (b"Adobe", 12)}
JPEG_CODING = frozenset([*range(0xC0, 0xC8), *range(0xC9, 0xD0), 0xDA, 0xDB, 0xDD])  # frames, tables, scans
JPEG_BARE = frozenset([0x00, 0x01, *range(0xD0, 0xDA)])  # marks without a length: none belongs before a scan
MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # the next one behind scan data
WEBP_KEPT = frozenset([b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"])
HAS_EXIF, HAS_XMP, HAS_ALPHA, HAS_PROFILE = 0x08, 0x04, 0x10, 0x20  # flags of VP8X
GIF_KEPT = (b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012")


def form_of(data: bytes) -> Form | None:
    """By its first bytes; None for anything else."""
    if data.startswith(PNG):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return "gif" if data[:6] in (b"GIF87a", b"GIF89a") else None


def bare(data: bytes, *, xmp: bytes = b"") -> bytes:
    """The same picture without EXIF, IPTC, XMP, comments, previews and whatever hangs behind its end, and with the
    packet `xmp` where one is given. What remains of EXIF is how the picture is turned. A GIF takes no packet."""
    exif = _turned(data)
    match form_of(data):
        case "png":
            return _png(data, exif, xmp)
        case "jpeg":
            return _jpeg(data, exif, xmp)
        case "webp":
            return _webp(data, exif, xmp)
        case "gif":
            return _gif(data)
        case None:
            raise ValueError("neither PNG, JPEG, WebP nor GIF")


def xmp_of(data: bytes) -> bytes:
    """The XMP packet in a file; b"" for none, and for a form that is not known."""
    match form_of(data):
        case "png":
            texts = (body for kind, body in _png_chunks(data) if kind == b"iTXt" and body.startswith(PNG_XMP + b"\0"))
            return next((_png_text(body) for body in texts), b"")
        case "jpeg":
            packets = (body[len(JPEG_XMP) :] for _, body in _jpeg_parts(data)[0] if body.startswith(JPEG_XMP))
            return next(packets, b"")
        case "webp":
            return next((body for kind, body in _webp_chunks(data) if kind == b"XMP "), b"")
        case _:
            return b""


def _turned(data: bytes) -> bytes:
    """A minimal EXIF block that says how the picture is turned; b"" where it stands upright."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = orientation(Image.open(io.BytesIO(data)))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(str(error)) from error
    if value == 1:
        return b""
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, ORIENTATION, 3, 1, value, 0, 0)


def _png(data: bytes, exif: bytes, xmp: bytes) -> bytes:
    out = [PNG]
    for kind, body in _png_chunks(data):
        if kind in PNG_KEPT:
            out.append(_png_chunk(kind, body))
        if kind == b"IHDR":
            out += [_png_chunk(b"eXIf", exif)] if exif else []
            out += [_png_chunk(b"iTXt", PNG_XMP + b"\0\0\0\0\0" + xmp)] if xmp else []
    return b"".join(out)


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(PNG)
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + size > len(data):
            break
        yield kind, data[at + 8 : at + 8 + size]
        if kind == b"IEND":
            return
        at += 12 + size
    raise ValueError("the PNG ends too early")


def _png_text(body: bytes) -> bytes:
    """The text of an iTXt chunk: keyword, 0, packed, method, language, 0, translated keyword, 0, text."""
    packed = body[len(PNG_XMP) + 1 : len(PNG_XMP) + 2] == b"\x01"
    text = body[len(PNG_XMP) + 3 :].split(b"\0", 2)[-1]
    return zlib.decompress(text) if packed else text


def _jpeg(data: bytes, exif: bytes, xmp: bytes) -> bytes:
    parts, scans = _jpeg_parts(data)
    added = [(0xE1, JPEG_EXIF + exif)] * bool(exif) + [(0xE1, JPEG_XMP + xmp)] * bool(xmp)
    if any(len(body) > JPEG_MOST for _, body in added):
        raise ValueError("the XMP packet is too long for a JPEG")
    kept = [(kind, body) for kind, whole in parts if (body := _kept(kind, whole)) is not None]
    first = [part for part in kept if part[0] == 0xE0][:1]
    rest = [part for part in kept if part[0] != 0xE0]
    return b"\xff\xd8" + b"".join(_jpeg_part(*part) for part in [*first, *added, *rest]) + scans


def _jpeg_part(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, kind, len(body) + 2) + body


def _kept(kind: int, body: bytes) -> bytes | None:
    """What of a part stays: the tables the pixels are coded with, and the known application parts without what was
    added to them. None for every other part, also one of a kind that the standard does not know."""
    if kind in JPEG_KEPT:
        begins, most = JPEG_KEPT[kind]
        if not body.startswith(begins) or (kind == 0xE0 and len(body) < most):
            return None
        return body[:12] + b"\0\0" if kind == 0xE0 else body[:most]
    return body if kind in JPEG_CODING else None


def _jpeg_parts(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The parts before the first scan, and everything from there to the end of the picture."""
    parts, at = list[tuple[int, bytes]](), 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            break
        kind = data[at + 1]
        if kind == 0xFF:  # a fill byte
            at += 1
            continue
        if kind in JPEG_BARE:
            break
        if kind == 0xDA:
            return parts, _jpeg_scans(data, at)
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if size < 2 or at + 2 + size > len(data):
            break
        parts.append((kind, data[at + 4 : at + 2 + size]))
        at += 2 + size
    raise ValueError("the JPEG ends too early")


def _jpeg_scans(data: bytes, at: int) -> bytes:
    """From the first scan to the end mark; comments and application parts between scans are left out."""
    out = []
    while found := MARKER.match(data, at):
        kind = data[at + 1]
        if kind == 0xD9:
            break
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        following = MARKER.search(data, at + 2 + size) if kind == 0xDA else None
        end = (following.start() if following else len(data)) if kind == 0xDA else at + 2 + size
        if kind == 0xDA:
            out.append(data[at:end])
        elif (body := _kept(kind, data[found.end() + 2 : end])) is not None:
            out.append(_jpeg_part(kind, body))
        at = end
    return b"".join(out) + b"\xff\xd9"


def _webp(data: bytes, exif: bytes, xmp: bytes) -> bytes:
    chunks = [(kind, body) for kind, body in _webp_chunks(data) if kind in WEBP_KEPT]
    kinds = {kind for kind, _ in chunks}
    if b"VP8X" not in kinds and (exif or xmp):
        image = Image.open(io.BytesIO(data))
        flags = HAS_ALPHA if "A" in image.getbands() else 0
        size = b"".join((side - 1).to_bytes(3, "little") for side in image.size)
        chunks.insert(0, (b"VP8X", bytes([flags, 0, 0, 0]) + size))
    marks = HAS_EXIF * bool(exif) | HAS_XMP * bool(xmp)
    chunks = [(k, _flagged(b, marks) if k == b"VP8X" else b) for k, b in chunks]
    chunks += [(b"EXIF", exif)] * bool(exif) + [(b"XMP ", xmp)] * bool(xmp)
    body = b"".join(k + struct.pack("<I", len(b)) + b + b"\0" * (len(b) % 2) for k, b in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _flagged(head: bytes, marks: int) -> bytes:
    return bytes([head[0] & ~(HAS_EXIF | HAS_XMP) | marks]) + head[1:]


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at, end = 12, min(len(data), 8 + struct.unpack_from("<I", data, 4)[0])
    while at + 8 <= end:
        kind, size = struct.unpack_from("<4sI", data, at)
        if at + 8 + size > end:
            raise ValueError("the WebP ends too early")
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _gif(data: bytes) -> bytes:
    at = 13 + _colours(data, 10)
    out = [data[:at]]
    while at < len(data) and data[at] != 0x3B:
        start = at
        if data[at] == 0x2C:
            at += 10
            at = _behind_blocks(data, at + _colours(data, at - 1) + 1)
            out.append(data[start:at])
        elif data[at] == 0x21:
            kind, at = data[at + 1], _behind_blocks(data, at + 2)
            if kind == 0xF9 or (kind == 0xFF and data[start + 3 : start + 14] in GIF_KEPT):
                out.append(data[start:at])
        else:
            raise ValueError("the GIF holds an unknown block")
    return b"".join(out) + b"\x3b"


def _colours(data: bytes, flags: int) -> int:
    """Bytes of the colour table that the flags at this place announce."""
    if flags >= len(data):
        raise ValueError("the GIF ends too early")
    return 3 << ((data[flags] & 7) + 1) if data[flags] & 0x80 else 0


def _behind_blocks(data: bytes, at: int) -> int:
    while at < len(data):
        size = data[at]
        at += 1 + size
        if size == 0:
            return at
    raise ValueError("the GIF ends too early")
