"""What a generator is asked for and what it answers, as values; `composer.models.ImageGenerator` is who answers.

Knows pictures and words; does not know slots, articles or models.
"""

from dataclasses import dataclass, field
from typing import Literal

from PIL import Image

from retrieval.picture import Attribution

References = Literal["none", "start", "adapter", "shown"]
"""What reference pictures do: nothing; the first is where the picture begins; an adapter reads their look; the model
itself is shown all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One picture to be drawn. Where the words do not all fit the model, `context` goes first, then `style`."""

    prompt: str  # what must be visible
    context: str = ""  # what the picture is for; may be dropped
    style: str = ""  # words for its look
    negative: str = ""  # what must not appear; only models with guidance can hold to it
    width: int = 512  # px; rounded down to the model's multiple
    height: int = 512
    seed: int = 0
    steps: int | None = None  # None: as the model is meant to be used
    guidance: float | None = None
    references: tuple[Image.Image, ...] = ()  # RGB; pictures whose look it should have
    strength: float = 0.6  # 0 to 1: how far it may move away from `start`, or from the references
    start: Image.Image | None = None  # RGB; the picture it begins from, as near as `strength` allows
    mask: Image.Image | None = None  # L, of the size of `start`; only where it is white the picture changes
    lead: "Drawing | None" = None  # the picture whose look it follows, its own where it leads; drawn beside it


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far the work is; comes at least four times a second, so that whoever listens can stop it."""

    doing: Literal["load", "draw"]
    done: int  # steps of the pictures at hand; loading: seconds
    total: int  # 0: not known
    first: int = 0  # position in the request of the first picture at hand
    previews: tuple[Image.Image, ...] = ()  # RGB, small; of the pictures at hand, when there are new ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A picture that was drawn, with what was really done."""

    number: int  # position in the request
    image: Image.Image  # RGB
    prompt: str  # the words as the model was given them
    negative: str = ""
    steps: int = 0  # 0: not known
    guidance: float | None = None
    began_from: Literal["", "start", "reference"] = ""  # the picture whose pixels it began with
    shown: bool = False  # whether the references were shown to the model
    size: tuple[int, int] = (0, 0)  # px that the model was asked for; (0, 0): as the picture has
    lead: "tuple[str, str, int] | None" = None  # words, negative words and seed of the picture it followed
    together: int = 1  # pictures in its batch, the leader too: another number rounds sums in another order
    software: str = ""  # "diffusers 0.42.1, torch 2.13.0"
    parts: tuple[str, ...] = ()  # what it was arranged of, where no model drew it
    credit: Attribution | None = None  # of whoever made these parts
    doubt: str = ""  # why these parts may not show what was asked; then it is offered to nobody who did not ask
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Undrawn:
    """What a generator answers where it has nothing to show for a drawing."""

    number: int  # position in the request
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a generator can do. `known` is False before a model from the Hub was loaded for the first time."""

    references: References = "none"
    start: bool = False  # begins from a picture: `Drawing.start`
    mask: bool = False  # changes a part alone: `Drawing.mask`
    negative: bool = False
    shared: bool = False  # lets pictures follow the look of one: `Drawing.lead`
    tags: bool = False  # was taught by tags; else by sentences
    steps: int | None = None
    side: int = 0  # px, the longer side it draws best; 0: any
    square: bool = False  # knows squares alone
    known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What all drawn pictures of an article have in common."""

    words: str = ""
    palette: tuple[str, ...] = ()  # names of colours, the most frequent first
    references: tuple[Image.Image, ...] = ()
    digests: tuple[str, ...] = field(default=())  # of the references' files
