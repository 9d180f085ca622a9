"""The engines one run works with. Nothing in it is loaded before it is used."""

from dataclasses import dataclass, field

from composer.models import ImageGenerator, ImageSource, TextModel, VisionModel
from composer.settings import Settings
from composer.store import PictureFolder
from retrieval.encoder import Encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolkit:
    """Models, sources and settings; the same for every article but for `pictures`."""

    settings: Settings
    text: TextModel
    vision: VisionModel | None = None
    generator: ImageGenerator | None = None
    sources: tuple[ImageSource, ...] = ()
    pixels: Encoder | None = None  # judges what pictures show, where an image encoder is configured
    pictures: PictureFolder | None = field(default=None)  # of the article at hand; candidates' bytes go there
