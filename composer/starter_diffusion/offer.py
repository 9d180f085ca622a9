"""Whether a picture of the starter generator may be offered: what `composer.drawing.gate` asks of it, in one call."""

from PIL import Image

from composer.drawing.gate import FLOOR, compared
from retrieval.encoder import Encoder

SHARE = 0.95  # of plain names that must be less like the picture


def may_be_offered(
    query: str, image: Image.Image, judge: Encoder, *, share: float = SHARE, floor: float = FLOOR
) -> bool:
    """Whether `judge` (starter-clip, whose cosines the floor was measured with) recognises the query in a picture.

    `query` is what must be visible, without words for the style.
    """
    nearness, sure = compared(query, image, judge)
    return nearness >= floor and sure >= share
