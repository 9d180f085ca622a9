"""Text and vision models behind any OpenAI-compatible server: vLLM, SGLang, llama.cpp, Ollama or a paid service.

Knows the requests and how servers differ in them; `server.py` knows how to talk.
"""

import base64
import io
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from enum import IntEnum
from json import dumps
from typing import Any

from PIL import Image

from composer.backends.server import Refused, Server, events, models
from composer.backends.shown import shown
from composer.backends.stops import until_stop, without_thoughts
from composer.errors import ReplyError, SetupError
from composer.models import Prompt, Schema, Usage

__all__ = ["OpenAITextModel", "OpenAIVisionModel", "Server"]

Pieces = Generator[str, None, None]

ANY = "default"  # as a model's name: the first that the server lists
MOST_STOPS = 4  # a request may name no more


class Constraint(IntEnum):
    """How far a server goes with a schema, from the strongest; the next is tried when it refuses one."""

    SCHEMA = 0  # holds to the schema itself
    OBJECT = 1  # promises some JSON object; the schema is in the prompt
    NOTHING = 2  # the schema is in the prompt


class Chat:
    """Conversations with one model of one server; remembers what the server has refused."""

    def __init__(self, model: str, server: Server) -> None:
        self.usage = Usage()
        self._model = model
        self._server = server
        self._constraint = Constraint.SCHEMA
        self._limit = "max_tokens"

    def pieces(self, body: dict[str, Any], *, max_tokens: int, schema: Schema | None) -> Pieces:
        """The reply, as it comes. Asks again in a plainer way where the server refuses the request."""
        refusal: Refused | None = None
        for constraint, limit in self._ways(constrained=schema is not None):
            request = self._request(_constrained(body, schema, constraint), {limit: max_tokens})
            with closing(self._reply(request)) as replies:
                try:
                    first = next(replies, "")
                except Refused as error:
                    refusal = refusal or error
                    continue
                self._limit = limit
                self._constraint = constraint if schema is not None else self._constraint
                if first:
                    yield first
                    yield from replies
                return
        raise refusal or ReplyError(f"{self._server.base_url} refused the request")

    def _ways(self, *, constrained: bool) -> Iterator[tuple[Constraint, str]]:
        levels = [c for c in Constraint if c >= self._constraint] if constrained else [Constraint.SCHEMA]
        other = "max_completion_tokens" if self._limit == "max_tokens" else "max_tokens"
        yield from ((level, self._limit) for level in levels)
        yield from ((level, other) for level in levels)

    def _request(self, body: dict[str, Any], limit: dict[str, int]) -> dict[str, Any]:
        if self._model == ANY:
            found = models(self._server)
            if not found:
                raise SetupError(f"{self._server.base_url} has no model loaded.")
            self._model = found[0]
        return body | limit | {"model": self._model, "stream": True, "stream_options": {"include_usage": True}}

    def _reply(self, request: dict[str, Any]) -> Pieces:
        """The text of the events, and their usage counted."""
        begin = first = time.monotonic()
        pieces, counts = 0, dict[str, Any]()
        try:
            with closing(events(self._server, "/chat/completions", request)) as stream:
                for event in stream:
                    counts = event.get("usage") or counts
                    if text := _content(event):
                        first = first if pieces else time.monotonic()
                        pieces += 1
                        yield text
        finally:
            self._count(counts, pieces=pieces, reading=first - begin, writing=time.monotonic() - first)

    def _count(self, counts: dict[str, Any], *, pieces: int, reading: float, writing: float) -> None:
        if not (counts or pieces):
            return
        self.usage.calls += 1
        self.usage.prompt_tokens += int(counts.get("prompt_tokens") or 0)
        self.usage.cached_tokens += int((counts.get("prompt_tokens_details") or {}).get("cached_tokens") or 0)
        self.usage.generated_tokens += int(counts.get("completion_tokens") or pieces)
        self.usage.prompt_seconds += reading
        self.usage.decode_seconds += writing


class OpenAITextModel:
    """A model of a server, by the name the server has for it; "default" is the first it lists."""

    def __init__(self, model: str, server: Server) -> None:
        self.name = f"openai:{model}"
        self._chat = Chat(model, server)
        self.usage = self._chat.usage  # what the server says it did; where it is silent, a piece counts as a token

    def stream(
        self, prompt: Prompt, *, max_tokens: int, stop: Sequence[str] = (), schema: Schema | None = None, seed: int = 0
    ) -> Pieces:
        """See `TextModel.stream`. A server that refuses schemas gets the schema in the prompt: parse the reply then."""
        body: dict[str, Any] = {"messages": [{"role": m.role, "content": m.content} for m in prompt], "seed": seed}
        if stop:
            body["stop"] = [s for s in stop if s][:MOST_STOPS]
        with closing(self._chat.pieces(body, max_tokens=max_tokens, schema=schema)) as pieces:
            yield from until_stop(without_thoughts(pieces), stop)


class OpenAIVisionModel:
    """A model of a server that is shown pictures."""

    def __init__(self, model: str, server: Server, *, max_images: int = 6) -> None:
        self.name = f"openai:{model}"
        self.max_images = max_images
        self._chat = Chat(model, server)

    def ask(
        self, images: Sequence[Image.Image], prompt: str, *, schema: Schema | None = None, max_tokens: int = 256
    ) -> str:
        """See `VisionModel.ask`. Pictures are sent as JPEG inside the request."""
        parts = [
            {"type": "image_url", "image_url": {"url": _data_uri(image)}}
            for image in shown(images, most=self.max_images, name=self.name)
        ]
        body = {"messages": [{"role": "user", "content": [*parts, {"type": "text", "text": prompt}]}], "seed": 0}
        return "".join(without_thoughts(self._chat.pieces(body, max_tokens=max_tokens, schema=schema)))


def _constrained(body: dict[str, Any], schema: Schema | None, constraint: Constraint) -> dict[str, Any]:
    if schema is None:
        return body
    if constraint is Constraint.SCHEMA:
        form = {"name": "reply", "strict": True, "schema": schema}
        return body | {"response_format": {"type": "json_schema", "json_schema": form}}
    *before, last = body["messages"]
    told = f"Answer with one JSON object of this schema and nothing else: {dumps(schema, ensure_ascii=False)}"
    if isinstance(last["content"], str):
        last = last | {"content": f"{last['content']}\n\n{told}"}
    else:
        last = last | {"content": [*last["content"], {"type": "text", "text": told}]}
    asked = body | {"messages": [*before, last]}
    return asked | {"response_format": {"type": "json_object"}} if constraint is Constraint.OBJECT else asked


def _content(event: dict[str, Any]) -> str:
    """The text in a streamed event, or in a whole reply of a server that does not stream."""
    for choice in event.get("choices") or ():
        part = choice.get("delta") or choice.get("message") or {}
        return str(part.get("content") or "")
    return ""


def _data_uri(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
