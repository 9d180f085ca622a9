"""Whether anybody could recognise what was drawn: a picture that even a CLIP model cannot tell is not offered.

The picture is compared with its query and with plain names of a hundred things (`templates/recognised.toml`). How many
of these it resembles less than its query, from 0 to 1, is how recognisable it is; 0.5 is chance. Knows encoders; what is
done with the answer is others' business.
"""

import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from composer.drawing.request import Drawn
from composer.drawing.safety import held_back
from composer.errors import InterleaveError
from composer.prompts import TEMPLATES
from composer.settings import Settings
from composer.toolkit import Toolkit
from retrieval.encoder import Encoder
from retrieval.image_models import image_encoder

STARTER = "starter-diffusion"  # draws many pictures that show nothing: a share of names alone is passed by luck
FLOOR = 0.3  # how near real drawings are: benchmarks/results/starter_diffusion.md has the shares that pass
BUILT_IN = "starter-clip"  # knows drawings, not photographs: it judges nothing but whether one is recognised


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Who looks at drawn pictures, and what is asked of them."""

    settings: Settings
    judge: Encoder | None = None  # of how recognisable a picture is
    guard: Encoder | None = None  # of what may not be shown; knows photographs
    floor: float = -1.0  # cosine of query and picture by starter-clip that is asked besides

    @classmethod
    def of(cls, toolkit: Toolkit) -> "Gate":
        """As the settings want it."""
        name = toolkit.settings.draw_gate_encoder
        judge = toolkit.pixels or judge_of(BUILT_IN) if name == "auto" else judge_of(name)
        floor = FLOOR if STARTER in toolkit.settings.generator and _is_built_in(judge) else -1.0
        return cls(settings=toolkit.settings, judge=judge, guard=toolkit.pixels, floor=floor)

    def unsure(self, query: str, drawn: Drawn) -> str:
        """Why what was drawn unasked is not offered: an arrangement knows what it shows, a model's picture is looked at."""
        if drawn.parts:
            return f"“{query}” is not shown: {drawn.doubt}" if drawn.doubt else ""
        return self.against(query, drawn.image)

    def against(self, query: str, image: Image.Image) -> str:
        """Why a picture that nobody asked for is not offered; "" where it is, and where nobody can judge."""
        if self.judge is None or self.settings.draw_gate == 0:
            return ""
        try:
            nearness, sure = compared(query, image, self.judge)
        except InterleaveError:
            return ""  # the encoder is not installed; whoever searches with it says so
        if sure < self.settings.draw_gate:
            told = f"sure to {sure:.0%}, {self.settings.draw_gate:.0%} are asked"
        elif nearness < self.floor:
            told = f"as near as {nearness:.2f}, {self.floor:.2f} is asked"
        else:
            return ""
        return f"“{query}” could not be recognised in them ({told})."

    def forbidden(self, image: Image.Image) -> str:
        """Why a picture is shown to nobody, whoever asked for it; "" where it is shown, and where no model can look."""
        try:
            return "" if _is_built_in(self.guard) else held_back(image, self.guard, self.settings)
        except InterleaveError:
            return ""


def compared(query: str, image: Image.Image, judge: Encoder) -> tuple[float, float]:
    """The cosine of a picture and what must be visible; and how recognisable it is, by that or by the whole query."""
    seen = judge.encode_images([image.convert("RGB")])[0]  # (dim,)
    own = [(text, float(judge.encode_texts([text])[0] @ seen)) for text in dict.fromkeys((query.split(",")[0], query))]
    names = _names(judge) @ seen  # type: ignore[arg-type]  # encoders are compared by identity
    return own[0][1], max(float(np.mean(names[_others(text)] < cosine)) for text, cosine in own)


def recognisable(query: str, image: Image.Image, judge: Encoder) -> float:
    """How many plain names of things a picture resembles less than its query, 0 to 1."""
    return compared(query, image, judge)[1]


def _others(text: str) -> list[int]:
    """The places of the names that are no part of a text, nor it of them."""
    told = text.lower()
    return [n for n, name in enumerate(things()) if name not in told and told not in name]


@lru_cache(4)
def _names(judge: Encoder) -> NDArray[np.float32]:
    """The vectors of all names by an encoder, (names, dim), which take longer than the rest."""
    return np.asarray(judge.encode_texts(things()))


@cache
def things() -> tuple[str, ...]:
    """Plain names of things that pictures show."""
    return tuple(tomllib.loads((TEMPLATES / "recognised.toml").read_text(encoding="utf-8"))["things"])


@cache
def judge_of(name: str) -> Encoder | None:
    """The encoder of this name, kept; None for "none"."""
    return image_encoder(name)


def _is_built_in(encoder: Encoder | None) -> bool:
    return encoder is not None and BUILT_IN in encoder.name
