"""Models for everybody's tests: no weights, no network, the same answer every time. The contract suites hold."""

import colorsys
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence

from PIL import Image

from composer.backends.scripted import ScriptedTextModel as _Scripted
from composer.backends.scripted import in_order
from composer.drawing.request import Abilities, Drawing, Drawn, Step
from composer.errors import ReplyError, SetupError, UsageError
from composer.models import Prompt, Schema


class ScriptedTextModel(_Scripted):
    """Replies from a list, each once in order, or from a callable; remembers what it was asked.

    `constrains=False` refuses schemas; `fails_after=n` breaks off with ReplyError behind n pieces of a reply (of every
    reply, or only of those numbered in `failing`, counted from 0).
    """

    def __init__(
        self,
        replies: Sequence[str] | Callable[[Prompt], str],
        *,
        constrains: bool = True,
        fails_after: int | None = None,
        failing: Sequence[int] | None = None,
    ) -> None:
        super().__init__(replies if callable(replies) else in_order(replies), name="scripted")
        self.prompts: list[Prompt] = []
        self.schemas: list[Schema | None] = []
        self.seeds: list[int] = []
        self.closed = 0  # replies that ended, in whichever way
        self._constrains = constrains
        self._fails_after = fails_after
        self._failing = failing

    def stream(
        self, prompt: Prompt, *, max_tokens: int, stop: Sequence[str] = (), schema: Schema | None = None, seed: int = 0
    ) -> Iterator[str]:
        if schema is not None and not self._constrains:
            raise SetupError(f"{self.name} cannot hold to a JSON schema.")
        number = len(self.prompts)
        self.prompts.append(prompt)
        self.schemas.append(schema)
        self.seeds.append(seed)
        limit = self._fails_after if self._failing is None or number in self._failing else None
        pieces = super().stream(prompt, max_tokens=max_tokens, stop=stop, schema=schema, seed=seed)
        try:
            for count, piece in enumerate(pieces):
                if limit is not None and count >= limit:
                    raise ReplyError(f"{self.name} broke off, as the test wants it.")
                yield piece
        finally:
            self.closed += 1


class ScriptedVisionModel:
    """Answers from a list or a callable; remembers the prompts and the sizes of the pictures it was shown."""

    def __init__(
        self, replies: Sequence[str] | Callable[[Sequence[Image.Image], str], str], *, max_images: int = 6
    ) -> None:
        self.name = "scripted vision"
        self.max_images = max_images
        self.prompts: list[str] = []
        self.seen: list[list[tuple[int, int]]] = []
        self._replies = replies

    def ask(
        self, images: Sequence[Image.Image], prompt: str, *, schema: Schema | None = None, max_tokens: int = 256
    ) -> str:
        if len(images) > self.max_images:
            raise UsageError(f"{self.name} looks at {self.max_images} pictures at most, not at {len(images)}.")
        number = len(self.prompts)
        self.prompts.append(prompt)
        self.seen.append([image.size for image in images])
        if callable(self._replies):
            return self._replies(images, prompt)
        if number >= len(self._replies):
            raise ReplyError(f"The script of {len(self._replies)} replies has none left.")
        return self._replies[number]


STEPS = 2


class FlatGenerator:
    """Draws one colour, which prompt, style, seed and pictures decide; remembers what it was asked for.

    With `fails` it draws nothing; `pause` is the seconds it takes for each of its two steps.
    """

    def __init__(
        self,
        *,
        licence: str = "CC0 1.0",
        fails: bool = False,
        pause: float = 0.0,
        abilities: Abilities = Abilities(references="shown", start=True, mask=True, negative=True),  # noqa: B008
    ) -> None:
        self.name = "flat"
        self.licence = licence
        self.references_do = "They change the colour."
        self.abilities = abilities
        self.asked: list[Drawing] = []
        self.closed = 0  # requests that ended, in whichever way
        self._fails = fails
        self._pause = pause

    @property
    def prompts(self) -> list[str]:
        return [d.prompt for d in self.asked]

    def draw_all(self, drawings: Sequence[Drawing], *, step: int = 1) -> Iterator[Step | Drawn]:
        self.asked += drawings
        if self._fails:
            raise SetupError("The flat generator fails, as the test wants it.")
        try:
            for number, drawing in enumerate(drawings):
                picture = flat(drawing)
                for done in (1, 2):
                    time.sleep(self._pause)
                    seen = (picture.resize((8, 8)),) if step and done % step == 0 else ()
                    yield Step(doing="draw", done=done, total=2, first=number, previews=seen)
                began = "start" if drawing.start is not None else ""
                yield Drawn(
                    number=number,
                    image=picture,
                    prompt=worded(drawing),
                    negative=drawing.negative,
                    steps=drawing.steps or STEPS,
                    began_from="start" if began else "",
                    shown=bool(drawing.references),
                    software="flat 1",
                )
        finally:
            self.closed += 1


def worded(drawing: Drawing) -> str:
    """The words of a drawing in a row."""
    return ", ".join(filter(None, [drawing.prompt, drawing.context, drawing.style]))


def flat(drawing: Drawing) -> Image.Image:
    """One colour that follows from everything that was asked for."""
    moved = drawing.strength if drawing.references or drawing.start is not None else 0
    told = f"{worded(drawing)}|{drawing.negative}|{drawing.seed}|{drawing.steps or STEPS}|{drawing.guidance}|{moved}"
    state = hashlib.sha256(told.encode())
    for picture in (*drawing.references, *([drawing.start] if drawing.start is not None else [])):
        state.update(picture.convert("RGB").resize((4, 4)).tobytes())
    hue, light = state.digest()[0] / 256, 0.3 + state.digest()[1] / 640
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue, light, 0.8))
    width, height = (max(8, side // 8 * 8) for side in (drawing.width, drawing.height))
    made = Image.new("RGB", (width, height), (red, green, blue))
    if drawing.start is None or drawing.mask is None:
        return made
    start = drawing.start.convert("RGB")
    return Image.composite(made.resize(start.size), start, drawing.mask.convert("L").resize(start.size))
