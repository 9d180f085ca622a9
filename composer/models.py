"""The protocols a model or a picture source must fulfil, and the values they exchange.

Knows what the pipeline asks of an engine; does not know any engine. `composer/backends/` has the adapters.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from PIL import Image

from composer.drawing.request import Abilities, Drawing, Drawn, Step, Undrawn
from retrieval.picture import Candidate, Digest

Schema = Mapping[str, Any]
"""A flat JSON schema: object, arrays, enums, strings with maxLength, integers; no recursion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


Prompt = tuple[Message, ...]
"""A conversation that ends with what is asked. Calls of one article share their beginning byte for byte, so that an
engine with a prefix cache reads only what is new."""


@dataclass(slots=True)
class Usage:
    """What an engine did since it was loaded; an adapter adds to it after every call."""

    calls: int = 0
    prompt_tokens: int = 0  # tokens of all prompts
    cached_tokens: int = 0  # of these, taken from the prefix cache
    generated_tokens: int = 0
    prompt_seconds: float = 0.0
    decode_seconds: float = 0.0


@runtime_checkable
class TextModel(Protocol):
    """Writes text."""

    name: str
    usage: Usage

    def stream(
        self, prompt: Prompt, *, max_tokens: int, stop: Sequence[str] = (), schema: Schema | None = None, seed: int = 0
    ) -> Iterator[str]:
        """Yield non-empty pieces that join to the reply.

        Closing the iterator stops the model within one token. With `schema` the joined reply is JSON of that schema,
        or SetupError is raised before the first piece where the engine cannot constrain. Raises SetupError when the
        engine is missing or misconfigured, ReplyError when it answers garbage or breaks off. The reply ends early,
        without an error, at `max_tokens`. Stop strings are not part of the reply.
        """
        ...


@runtime_checkable
class ProseModel(Protocol):
    """What a TextModel may be besides: one that can be held to running text. For small models, which else answer with
    headings, lists, a code fence or "Certainly!"."""

    def prose(self, prompt: Prompt, *, paragraphs: int, max_tokens: int, seed: int = 0) -> Iterator[str]:
        """Like `TextModel.stream`, but what comes is that many paragraphs, of whole sentences, and nothing else; the
        last is cut at `max_tokens`."""
        ...


@runtime_checkable
class VisionModel(Protocol):
    """Looks at pictures and answers."""

    name: str
    max_images: int

    def ask(
        self, images: Sequence[Image.Image], prompt: str, *, schema: Schema | None = None, max_tokens: int = 256
    ) -> str:
        """Answer about RGB `images`, which the prompt counts from 1 in the order given.

        Pictures are scaled down to a long side of 768 px at most. Raises UsageError above `max_images`, SetupError and
        ReplyError as TextModel does. `schema` is honoured where the engine can, else the caller must parse.
        """
        ...


@runtime_checkable
class ComposingModel(Protocol):
    """What a VisionModel may be besides: one that was taught to choose pictures with the whole article in view."""

    def choose_picture(
        self,
        lines: Sequence[str],
        line: int,
        candidates: Sequence[Image.Image],
        chosen: Mapping[int, Image.Image],
        *,
        language: str = "en",
        wanted: str = "",
    ) -> int:
        """The index of the RGB candidate that fits after `lines[line]`; `chosen` are those of earlier lines, `wanted`
        is what the picture should show, where that is known.

        Raises SetupError as VisionModel does. A reply that names none takes the first.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Worded:
    """What a model says of a picture that it sees; either may be empty."""

    caption: str
    alt: str


@runtime_checkable
class WordingModel(Protocol):
    """What a VisionModel may be besides: a small one that was taught to word a picture, and cannot be asked in other
    words."""

    def word_picture(self, image: Image.Image) -> Worded:
        """Caption and alt text of an RGB picture, in English; both empty where it is not sure. Raises SetupError as
        VisionModel does."""
        ...


@runtime_checkable
class ImageGenerator(Protocol):
    """Draws pictures."""

    name: str
    licence: str  # of what it draws, as shown in the credit

    @property
    def references_do(self) -> str:
        """One sentence for the author: what reference pictures change with this model."""
        ...

    @property
    def abilities(self) -> Abilities:
        """What it can do; asking loads nothing."""
        ...

    def draw_all(self, drawings: Sequence[Drawing], *, step: int = 1) -> Iterator[Step | Drawn | Undrawn]:
        """Draw all of them, in batches where that can be; one `Drawn` for each, in any order, and `Step`s meanwhile;
        `Undrawn` where it has nothing to show.

        A Step comes at least four times a second; previews of unfinished pictures come with every `step`-th (0: none).
        Closing the iterator stops the work at the model's next step and does not wait for it. The same drawing on the
        same machine in a batch of the same size gives the same picture. What a model cannot do (a negative prompt, a
        mask) it leaves out and says so in `Drawn.warnings`. Sizes are rounded down to the model's multiple, or made
        smaller where memory is short. Raises SetupError, and ReplyError when the model draws nothing that can be shown.
        """
        ...


@runtime_checkable
class ImageSource(Protocol):
    """Finds pictures for a query."""

    name: str

    def find(self, query: str, k: int) -> list[Candidate]:
        """The best `k` candidates, best first; fewer where there are fewer. Raises SourceError."""
        ...

    def read(self, digest: Digest) -> bytes:
        """The file's bytes of a picture this source offered. Raises SourceError when they are gone."""
        ...
