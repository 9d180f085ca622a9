"""XComposer2 as a TextModel and a VisionModel of the toolkit: one model in memory, one memory of what it has read."""

import json
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image

from composer.backends.constrain import Grammar
from composer.backends.hf_load import loaded, place
from composer.backends.stops import until_stop
from composer.errors import ReplyError, SetupError, UsageError
from composer.models import Prompt, Schema, Usage
from composer.xcomposer2.chat import Turn
from composer.xcomposer2.checkpoint import look
from composer.xcomposer2.compose import Composer, until_end
from composer.xcomposer2.drawing import CHAT, LIKELIEST, Draw, Sampling, drawing
from composer.xcomposer2.grammar import Grammars
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.processing import Encoded, XComposer2Processor
from composer.xcomposer2.prompts import LETTERS, prompts
from composer.xcomposer2.reader import Reader
from composer.xcomposer2.starter.recipe import SHIPPED
from composer.xcomposer2.tokens import streamed

MOST_IMAGES = 6
WORDS = 512  # tokens that a question about pictures and its answer should have
LEAST = 16  # tokens of a reply there must be room for
STARTER = "starter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a loaded model works with."""

    model: XComposer2ForConditionalGeneration
    processor: XComposer2Processor
    reader: Reader
    grammars: Grammars


class XComposer2Engine:
    """Satisfies TextModel and VisionModel. Loaded when it is first used; one call at a time, others wait.

    Answers about pictures are the likeliest words, text is drawn. A conversation that is too long loses its oldest turns
    but for the system's; the last turn stays.
    """

    def __init__(self, where: str, *, sampling: Sampling = CHAT) -> None:
        self.name = f"xcomposer2:{where}"
        self.usage = Usage()
        self.max_images = most_images(Path(where).expanduser() / "config.json")
        self._where = where
        self._sampling = sampling
        self._lock = threading.Lock()
        self._parts: Parts | None = None

    def stream(
        self, prompt: Prompt, *, max_tokens: int, stop: Sequence[str] = (), schema: Schema | None = None, seed: int = 0
    ) -> Generator[str, None, None]:
        """See `TextModel.stream`. Raises ReplyError where the last turn alone does not fit."""
        turns = [Turn(role=m.role, content=(m.content,)) for m in prompt]
        with self._lock:
            parts = self.parts()
            grammar = parts.grammars.of(schema) if schema is not None else None
            draw = drawing(self._sampling, seed, grammar)
            with closing(self._reply(parts, turns, max_tokens, draw, grammar)) as pieces:
                yield from until_stop(pieces, stop)

    def ask(
        self, images: Sequence[Image.Image], prompt: str, *, schema: Schema | None = None, max_tokens: int = 256
    ) -> str:
        """See `VisionModel.ask`. Pictures are squashed to the model's own size; a schema is held to where the tokenizer
        allows it."""
        if len(images) > self.max_images:
            raise UsageError(f"{self.name} looks at {self.max_images} pictures at once at most, not at {len(images)}.")
        shown = [image.convert("RGB") for image in images]
        content: list[str | Image.Image] = [
            part for n, image in enumerate(shown, 1) for part in (f"{n}. ", image, "\n")
        ]
        turns = [
            Turn(role="system", content=(prompts("en").chat_system,)),
            Turn(role="user", content=(*(content if len(shown) > 1 else shown), prompt)),
        ]
        with self._lock:
            parts = self.parts()
            grammar = _grammar(parts, schema)
            draw = drawing(LIKELIEST, grammar=grammar)
            return "".join(self._reply(parts, turns, max_tokens, draw, grammar)).strip()

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
        """See `ComposingModel.choose_picture`: the official question, which has no place for what is `wanted`; the
        article is read once for all its slots."""
        shown = [image.convert("RGB") for image in candidates[: len(LETTERS)]]
        with self._lock:
            parts = self.parts()
            composer = Composer(parts.reader, parts.processor, language=language)
            return composer.choose(lines, line, shown, {at: image.convert("RGB") for at, image in chosen.items()})

    def parts(self) -> Parts:
        """The model, loaded now if it was not."""
        if self._parts is None:
            model, processor = loaded(load, self._where)
            reader = Reader(model, self.usage)
            self._parts = Parts(model=model, processor=processor, reader=reader, grammars=Grammars(processor.tokens))
        return self._parts

    def _reply(
        self, parts: Parts, turns: Sequence[Turn], most: int, draw: Draw, grammar: Grammar | None
    ) -> Generator[str, None, None]:
        prompt = trimmed(parts.processor, turns, parts.reader.room - min(most, LEAST))
        most = min(most, parts.reader.room - len(prompt.ids))
        with closing(parts.reader.tokens(prompt, most, draw)) as tokens:
            ended = until_end(tokens, parts.processor.tokens.ends)
            yield from streamed(parts.processor.tokens, _until_complete(ended, grammar))


@cache
def engine(where: str) -> XComposer2Engine:
    """The engine of `xcomposer2:WHERE`, the same one for text and for pictures, so that the model is in memory once;
    `xcomposer2:starter` is the small model that ships."""
    if where == STARTER:
        where = str(SHIPPED)
    if based(Path(where).expanduser()):
        from composer.xcomposer2.starter.engine import StarterEngine

        return StarterEngine(where)
    return XComposer2Engine(where)


def based(folder: Path) -> bool:
    """Whether a folder is of a model whose language model lies elsewhere: the small one that is trained here."""
    try:
        return bool(json.loads((folder / "config.json").read_text(encoding="utf-8")).get("base"))
    except (OSError, ValueError):
        return False  # of the Hub, or no model: loading will tell


def load(where: str) -> tuple[XComposer2ForConditionalGeneration, XComposer2Processor]:
    """Model and processor on this machine's best device, in the numbers it is quick with."""
    device, dtype = place()
    processor = XComposer2Processor.from_pretrained(where)
    options = {"dtype": dtype} | ({} if device == "cpu" else {"device_map": {"": device}})
    path = Path(where).expanduser()
    if based(path):
        from composer.xcomposer2.starter.folder import load_on_base

        return load_on_base(look(path), dtype).to(device), processor
    return XComposer2ForConditionalGeneration.from_pretrained(path, **options).eval(), processor


def most_images(config: Path) -> int:
    """How many pictures leave room for words, at most MOST_IMAGES; read off a config.json, for the model need not be
    loaded to be asked. One where pictures are cut into tiles, for these are long."""
    try:
        fields = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return MOST_IMAGES  # of the Hub, or no model: loading will tell
    text, vision = fields.get("text_config") or fields, fields.get("vision_config") or {}
    official = fields if "text_config" not in fields else fields.get("official") or {}
    side = official.get("img_size") or (vision.get("image_size") if "text_config" in fields else None)
    if not side or fields.get("tiles"):
        return 1
    tokens = (
        1 + int(vision["cells"]) ** 2 if "cells" in vision else (int(side) // int(vision.get("patch_size", 14))) ** 2
    )
    room = int(official.get("max_length") or text.get("max_position_embeddings") or 4096)
    return max(1, min(MOST_IMAGES, (room - WORDS) // tokens))


def trimmed(processor: XComposer2Processor, turns: Sequence[Turn], room: int) -> Encoded:
    """The conversation without as many of its oldest turns as must go; the system's and the last stay.

    Raises ReplyError where these do not fit.
    """
    system, rest = [t for t in turns if t.role == "system"], [t for t in turns if t.role != "system"]
    for start in range(max(1, len(rest))):
        if start and rest[start].role == "assistant":
            continue  # a conversation begins with a question
        prompt = processor.chat([*system, *rest[start:]])
        if len(prompt.ids) <= room:
            return prompt
    raise ReplyError(
        f"The last turn and the rules take {len(prompt.ids)} tokens, and {room} fit. Make the request shorter or show "
        "fewer pictures."
    )


def _grammar(parts: Parts, schema: Schema | None) -> Grammar | None:
    if schema is None:
        return None
    try:
        return parts.grammars.of(schema)
    except SetupError:
        return None  # the protocol lets the caller parse


def _until_complete(tokens: Iterator[int], grammar: Grammar | None) -> Iterator[int]:
    for token in tokens:
        yield token
        if grammar is not None and grammar.complete:
            return
