"""A small server that speaks OpenAI's chat protocol, with pictures, streaming and batches.

Pictures come inside the request (data: addresses); nothing is fetched from elsewhere. Knows the protocol; `worker` runs
the model.
"""

import base64
import binascii
import io
import json
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from composer.backends.stops import until_stop
from composer.errors import InterleaveError, ReplyError, SetupError, UsageError
from composer.xcomposer2.batch import Request
from composer.xcomposer2.chat import Turn
from composer.xcomposer2.drawing import CHAT, LIKELIEST, Sampling, drawing
from composer.xcomposer2.engine import trimmed
from composer.xcomposer2.tokens import streamed
from composer.xcomposer2.worker import Job, Worker

LARGEST = 20 * 2**20  # bytes of one picture in a request
PIXELS = 64 * 10**6  # of one picture
MOST_IMAGES = 16
LEAST = 16  # tokens of a reply there must be room for


class Part(BaseModel):
    """A run of text or a picture in a message."""

    type: Literal["text", "image_url"]
    text: str = ""
    image_url: dict[str, str] | None = None


class ChatMessage(BaseModel):
    role: Literal["system", "user", "assistant"]
    content: str | list[Part]


class ChatRequest(BaseModel):
    """The fields of a request that mean something here; others are let pass."""

    model_config = ConfigDict(extra="ignore")

    model: str = ""
    messages: list[ChatMessage] = Field(min_length=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stop: str | list[str] | None = None
    stream: bool = False
    stream_options: dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None
    n: Literal[1] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply under way, and what is told about it."""

    job: Job
    pieces: Iterator[str]
    prompt_tokens: int
    counted: list[int]  # one entry a token of the reply


def app(worker: Worker, name: str) -> Any:  # noqa: ANN401 - FastAPI
    """The server's application. `name` is what the model is called."""
    from fastapi import FastAPI
    from fastapi.responses import JSONResponse, StreamingResponse

    server = FastAPI(title="XComposer2", docs_url=None, redoc_url=None)

    @server.exception_handler(InterleaveError)
    def explained(request: object, error: InterleaveError) -> JSONResponse:
        status = 400 if isinstance(error, UsageError) else 500
        return JSONResponse({"error": {"message": str(error), "type": type(error).__name__}}, status_code=status)

    @server.get("/v1/models")
    def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": name, "object": "model", "owned_by": "local"}]}

    @server.post("/v1/chat/completions", response_model=None)
    def completions(request: ChatRequest) -> StreamingResponse | dict[str, Any]:
        reply = begun(worker, request)
        if request.stream:
            return StreamingResponse(_events(reply, request, name), media_type="text/event-stream")
        return _whole(reply, request, name)

    return server


def begun(worker: Worker, request: ChatRequest) -> Reply:
    """Hand a request to the worker. Raises UsageError for what cannot be done."""
    parts = worker.parts
    parts_of = [part for m in request.messages if not isinstance(m.content, str) for part in m.content]
    if sum(part.type == "image_url" for part in parts_of) > MOST_IMAGES:
        raise UsageError(f"A request can hold {MOST_IMAGES} pictures at most.")
    turns = [Turn(role=m.role, content=_content(m.content)) for m in request.messages]
    try:
        prompt = trimmed(parts.processor, turns, parts.reader.room - LEAST)
    except ReplyError as error:  # here it is the request that is wrong
        raise UsageError(str(error)) from error
    wanted = request.max_completion_tokens or request.max_tokens or 1024
    most = min(wanted, parts.reader.room - len(prompt.ids))
    schema = _schema(request.response_format)
    try:
        grammar = parts.grammars.of(schema) if schema is not None else None
    except SetupError as error:
        raise UsageError(str(error)) from error
    draw = drawing(_sampling(request), request.seed or 0, grammar)
    job = worker.submit(Job(Request(prompt=prompt, most=most, draw=draw), grammar))
    counted: list[int] = []

    def tokens() -> Iterator[int]:
        for token in job.tokens():
            counted.append(token)
            yield token

    stop = [request.stop] if isinstance(request.stop, str) else request.stop or []
    pieces = until_stop(streamed(parts.processor.tokens, tokens()), stop)
    return Reply(job=job, pieces=pieces, prompt_tokens=len(prompt.ids), counted=counted)


def _events(reply: Reply, request: ChatRequest, name: str) -> Iterator[str]:
    head = _head(name, "chat.completion.chunk")
    try:
        yield _event(head | {"choices": [_choice({"role": "assistant", "content": ""}, None)]})
        for piece in reply.pieces:
            yield _event(head | {"choices": [_choice({"content": piece}, None)]})
        yield _event(head | {"choices": [_choice({}, _reason(reply))]})
        if (request.stream_options or {}).get("include_usage"):
            yield _event(head | {"choices": [], "usage": _usage(reply)})
        yield "data: [DONE]\n\n"
    except InterleaveError as error:
        yield _event({"error": {"message": str(error), "type": type(error).__name__}})
    finally:  # also where the client has left
        reply.job.left.set()


def _whole(reply: Reply, request: ChatRequest, name: str) -> dict[str, Any]:
    try:
        text = "".join(reply.pieces)
    finally:
        reply.job.left.set()
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": _reason(reply)}
    return _head(name, "chat.completion") | {"choices": [choice], "usage": _usage(reply)}


def _head(name: str, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": name}


def _choice(delta: dict[str, str], reason: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": reason}


def _event(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def _reason(reply: Reply) -> str:
    return "length" if len(reply.counted) >= reply.job.request.most else "stop"


def _usage(reply: Reply) -> dict[str, int]:
    written = len(reply.counted)
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": written,
        "total_tokens": reply.prompt_tokens + written,
    }


def _sampling(request: ChatRequest) -> Sampling:
    if request.temperature == 0:
        return LIKELIEST
    return Sampling(
        temperature=CHAT.temperature if request.temperature is None else request.temperature,
        top_p=CHAT.top_p if request.top_p is None else request.top_p,
    )


def _schema(form: dict[str, Any] | None) -> dict[str, Any] | None:
    kind = (form or {}).get("type", "text")
    if kind == "text":
        return None
    if kind == "json_object":
        return {"type": "object"}
    named = (form or {}).get("json_schema")
    schema = named.get("schema") if isinstance(named, dict) else None
    if kind != "json_schema" or not isinstance(schema, dict):
        raise UsageError(f"response_format can be text, json_object or json_schema with a schema, not {kind!r}.")
    return schema


def _content(content: str | Sequence[Part]) -> tuple[str | Image.Image, ...]:
    if isinstance(content, str):
        return (content,)
    return tuple(
        part.text if part.type == "text" else picture((part.image_url or {}).get("url", "")) for part in content
    )


def picture(address: str) -> Image.Image:
    """The picture in a data: address. Raises UsageError for others, and for what is no picture or too large."""
    head, comma, data = address.partition(",")
    if not (head.startswith("data:image/") and head.endswith(";base64") and comma):
        raise UsageError("A picture must come in the request, as data:image/...;base64,...; no address is fetched.")
    if len(data) > LARGEST * 4 // 3:
        raise UsageError(f"A picture may have {LARGEST // 2**20} MB at most.")
    try:
        image = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
        if image.width * image.height > PIXELS:
            raise UsageError(f"A picture may have {PIXELS // 10**6} million pixels at most.")
        return image.convert("RGB")
    except (binascii.Error, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UsageError(f"A picture of the request cannot be read: {error}") from error
