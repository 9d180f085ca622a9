"""What a picture file tells when it leaves the program: nothing of the camera, all of how it was drawn.

Camera data (EXIF, the place, the thumbnail, maker's notes), IPTC, comments and what hangs behind a picture's end are
taken out of every file; how it is turned, its colours and its pixels stay as they are. Of XMP the rights and the mark
of a picture that a model made are kept, and everything that the program wrote itself.
"""

import base64
import binascii
import re

from composer.errors import UsageError
from composer.export.containers import bare, form_of, xmp_of
from composer.export.xmp import SPACES, packet, properties_of
from retrieval.images import decode, encode
from retrieval.picture import Attribution

SOURCE_TYPE = "Iptc4xmpExt:DigitalSourceType"
CODES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
DRAWN, EDITED = f"{CODES}trainedAlgorithmicMedia", f"{CODES}compositeWithTrainedAlgorithmicMedia"
ARRANGED = f"{CODES}composite"
OF_MAKING = (SOURCE_TYPE, "Iptc4xmpExt:AISystemUsed", "Iptc4xmpExt:AIPromptInformation")
OF_RIGHTS = (
    "dc:creator",
    "dc:rights",
    "xmpRights:Marked",
    "xmpRights:WebStatement",
    "xmpRights:UsageTerms",
    "cc:license",
)
INSIDE = re.compile(rb"data:image/(?:jpe?g|png|webp);base64,([A-Za-z0-9+/=\s]+)")


def leaving(data: bytes, credit: Attribution) -> bytes:
    """The file as it may leave, with the same pixels. Raises UsageError for one that can be shown but not cleaned."""
    if form_of(data) is None:
        return data
    try:
        return bare(data, xmp=_kept(data, credit))
    except (ValueError, IndexError):
        return _redrawn(data, credit)


def leaving_drawing(svg: bytes) -> bytes:
    """A vector drawing whose pictures inside say nothing of a camera."""

    def cleaned(match: re.Match[bytes]) -> bytes:
        try:
            inside = base64.b64decode(b"".join(match[1].split()), validate=True)
            body = base64.b64encode(bare(inside))
        except (ValueError, IndexError, binascii.Error):
            return match[0]
        return match[0].replace(match[1], body)

    return INSIDE.sub(cleaned, svg)


def _kept(data: bytes, credit: Attribution) -> bytes:
    """The packet that goes along; b"" for none."""
    said = properties_of(xmp_of(data))
    wanted = set(OF_MAKING)
    wanted |= set(OF_RIGHTS) if credit.licence != "yours" else set()
    own = tuple(f"{prefix}:" for prefix in SPACES if prefix == "interleave")
    ours = credit.generated and SOURCE_TYPE in said
    kept = {name: value for name, value in said.items() if ours or name in wanted or name.startswith(own)}
    if credit.generated and SOURCE_TYPE not in kept:  # drawn before files said so, or changed since
        kept = {SOURCE_TYPE: EDITED if credit.changes else DRAWN, "photoshop:Credit": "AI-generated", **kept}
    return packet(kept) if kept else b""


def _redrawn(data: bytes, credit: Attribution) -> bytes:
    """The pixels alone, for a file whose parts cannot be told apart."""
    try:
        return bare(encode(decode(data), "PNG"), xmp=_kept(b"", credit))
    except UsageError as error:
        raise UsageError(f"what the camera wrote into it cannot be taken out. {error}") from error
