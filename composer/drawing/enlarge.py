"""A picture enlarged until it can be printed: no detail is invented, edges are kept clean.

By half steps of Lanczos with a light sharpening after each, which suits flat drawings and does photographs no harm.
"""

from dataclasses import replace

from PIL import Image, ImageFilter

from composer.drawing.provenance import marked
from composer.errors import UsageError
from retrieval.images import decode, digest_of, encode, perceptual_hash
from retrieval.picture import Candidate, Picture

PRINT_PX = 2048  # longer side; 17 cm at 300 dots an inch
MOST = 8.0  # times; beyond it there is nothing left to see
SHARPEN = ImageFilter.UnsharpMask(radius=1.2, percent=60, threshold=2)


def enlarged(picture: Picture, data: bytes, px: int = PRINT_PX) -> tuple[Candidate, bytes]:
    """A picture at `px` on its longer side, with the same maker, and its file. Raises UsageError where it is that large
    or may not be changed."""
    if "ND" in picture.attribution.licence.upper().replace("-", " ").split():
        raise UsageError(f"The licence {picture.attribution.licence} does not allow changed pictures. Choose another.")
    if picture.media_type == "image/svg+xml":
        raise UsageError("A vector drawing is sharp at every size already.")
    image = decode(data)
    if max(image.size) >= px:
        raise UsageError(f"The picture has {image.width} x {image.height} pixels already.")
    larger = grown(image, min(px / max(image.size), MOST))
    made = marked(picture, encode(larger, "PNG"))
    changes = ", ".join(filter(None, [picture.attribution.changes, f"resized to {max(larger.size)} px"]))
    kept = replace(
        picture,
        digest=digest_of(made),
        media_type="image/png",
        width=larger.width,
        height=larger.height,
        phash=perceptual_hash(larger),
        attribution=replace(
            picture.attribution, changes=changes, original=picture.attribution.original or picture.digest
        ),
    )
    return Candidate(picture=kept, source="uploads", score=1.0, relevance=1.0), made


def grown(image: Image.Image, times: float) -> Image.Image:
    """The picture `times` as large."""
    goal = (round(image.width * times), round(image.height * times))
    while image.width * 2 < goal[0]:
        image = image.resize((image.width * 2, image.height * 2), Image.Resampling.LANCZOS).filter(SHARPEN)
    return image.resize(goal, Image.Resampling.LANCZOS).filter(SHARPEN)
