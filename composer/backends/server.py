"""Talking to an OpenAI-compatible server: one request, tried again while that may help, and its stream of events.

Knows HTTP, server-sent events and what servers do wrong; does not know prompts, schemas or pictures.
"""

import json
import os
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from composer.errors import ReplyError, SetupError

BUSY = (429, 500, 502, 503, 504)  # worth another try
LONGEST_WAIT = 30.0  # s; a server that asks for more is given up
Files = Sequence[tuple[str, tuple[str, bytes, str]]]
"""Files of a form: its field, and the file's name, bytes and media type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where a server is and how patient to be with it."""

    base_url: str  # ends in /v1 with nearly all of them
    api_key_env: str = "OPENAI_API_KEY"  # name of the environment variable with the key; unset: no key is sent
    timeout: float = 120.0  # s until the next sign of life
    connect_timeout: float = 10.0  # s
    tries: int = 4
    first_wait: float = 0.5  # s before the second try; doubles

    @property
    def headers(self) -> dict[str, str]:
        """The key, where there is one."""
        key = os.environ.get(self.api_key_env, "")
        return {"Authorization": f"Bearer {key}"} if key else {}


class Refused(ReplyError):
    """The server understood the request and does not want it so (400, 422)."""


def models(server: Server) -> list[str]:
    """Names of the models that the server has. Raises as `events` does."""
    with _answer(server, "GET", "/models", None) as reply:
        try:
            return [str(entry["id"]) for entry in reply.json()["data"]]
        except (ValueError, KeyError, TypeError) as error:
            raise ReplyError(f"{server.base_url}/models answered no list of models: {reply.text[:120]!r}") from error


def events(server: Server, path: str, body: dict[str, Any]) -> Generator[dict[str, Any], None, None]:
    """What the server says, event by event; leaving the iterator closes the connection, which stops the server.

    Raises SetupError when it cannot be reached or does not let us in, Refused, and ReplyError when it answers
    garbage, is too slow or breaks off in the middle.
    """
    with _answer(server, "POST", path, body) as reply:
        kind = reply.headers.get("Content-Type", "")
        if "html" in kind:
            raise ReplyError(
                f"{server.base_url} answered with a web page ({_short(reply.text)!r}), not as a model server. "
                "Check INTERLEAVE_BASE_URL; most addresses end in /v1."
            )
        try:
            if "event-stream" in kind:
                yield from _events(reply, server)
            else:
                yield _object(reply.content, server)
        except requests.RequestException as error:
            raise ReplyError(_why(server, error)) from error


def listing(server: Server) -> list[dict[str, Any]]:
    """What the server says of its models, as it says it. Raises as `events` does."""
    with _answer(server, "GET", "/models", None) as reply:
        value = _object(_whole(reply, server), server).get("data")
        return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def answer(server: Server, path: str, body: dict[str, Any], files: Files = ()) -> dict[str, Any]:
    """What the server answers to a request, as one object; with `files` the request is a form. Raises as `events`."""
    with _answer(server, "POST", path, body, files) as reply:
        return _object(_whole(reply, server), server)


def fetched(server: Server, path: str) -> bytes:
    """A file of the server's, by its path behind `base_url`. Raises as `events` does."""
    with _answer(server, "GET", path, None) as reply:
        return _whole(reply, server)


def _whole(reply: requests.Response, server: Server) -> bytes:
    try:
        data = reply.content
    except requests.RequestException as error:
        raise ReplyError(_why(server, error)) from error
    announced = reply.headers.get("Content-Length", "")
    packed = reply.headers.get("Content-Encoding", "identity") != "identity"
    if announced.isdecimal() and not packed and len(data) < int(announced):
        raise ReplyError(f"{server.base_url} broke off after {len(data)} of {announced} bytes. Try again.")
    return data


@contextmanager
def _answer(
    server: Server, method: str, path: str, body: dict[str, Any] | None, files: Files = ()
) -> Iterator[requests.Response]:
    """The server's good answer. Tries again with growing pauses while it is busy or does not answer."""
    problem = ""
    for attempt in range(server.tries):
        if attempt:
            time.sleep(server.first_wait * 2 ** (attempt - 1))
        try:
            reply = requests.request(
                method,
                server.base_url.rstrip("/") + path,
                json=None if files else body,
                data=body if files else None,
                files=list(files) or None,
                headers=server.headers,
                timeout=(server.connect_timeout, server.timeout),
                stream=True,
            )
        except requests.ReadTimeout as error:
            raise ReplyError(_why(server, error)) from error
        except (requests.ConnectionError, requests.ConnectTimeout) as error:
            problem = _why(server, error)
            continue
        except requests.RequestException as error:
            raise SetupError(f"INTERLEAVE_BASE_URL cannot be {server.base_url!r}: {error}") from error
        with reply:
            if reply.status_code in BUSY:
                problem = f"{server.base_url} answered {reply.status_code}: {_message(reply)}"
                if not _wait_as_told(reply):
                    break
                continue
            _check_status(reply, server)
            yield reply
            return
    raise (SetupError if "cannot be reached" in problem else ReplyError)(problem)


def _wait_as_told(reply: requests.Response) -> bool:
    """Wait for the time in Retry-After; False when that is too long."""
    try:
        seconds = float(reply.headers.get("Retry-After", "0"))
    except ValueError:  # a date
        seconds = 0.0
    if seconds > LONGEST_WAIT:
        return False
    time.sleep(max(seconds, 0.0))
    return True


def _check_status(reply: requests.Response, server: Server) -> None:
    status = reply.status_code
    if status == 200:
        return
    said = _message(reply)
    if status in (401, 403):
        key = "is not accepted" if server.headers else "is missing"
        raise SetupError(
            f"{server.base_url} answered {status}: {said}. The key {key}: put it into {server.api_key_env}."
        )
    if status == 404:
        raise SetupError(
            f"{server.base_url} answered 404: {said}. Check INTERLEAVE_BASE_URL (most addresses end in /v1) and the "
            "model's name."
        )
    if status in (400, 422):
        raise Refused(f"{server.base_url} refused the request: {said}")
    raise ReplyError(f"{server.base_url} answered {status}: {said}")


def _events(reply: requests.Response, server: Server) -> Iterator[dict[str, Any]]:
    """Server-sent events. A stream that ends before it says so has broken off."""
    complete = False
    size = 4096 if getattr(reply.raw, "chunked", False) else 1  # a plain body would be waited for in full chunks
    for line in reply.iter_lines(chunk_size=size):
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if data == b"[DONE]":
            return
        event = _object(data, server)
        complete = complete or any(choice.get("finish_reason") for choice in event.get("choices") or ())
        yield event
    if not complete:
        raise ReplyError(f"{server.base_url} broke off in the middle of its reply. What came is kept; try again.")


def _object(data: bytes, server: Server) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise ReplyError(
            f"{server.base_url} sent what is no JSON: {_short(data.decode('utf-8', 'replace'))!r}"
        ) from error
    if not isinstance(value, dict):
        raise ReplyError(f"{server.base_url} sent {_short(str(value))!r} where an object was expected")
    if value.get("error"):
        raise ReplyError(f"{server.base_url} reported an error: {_text(value)}")
    return value


def _message(reply: requests.Response) -> str:
    """What an error says of itself, in whichever form."""
    try:
        body = reply.text
    except requests.RequestException:
        return "nothing more"
    try:
        return _text(json.loads(body))
    except ValueError:
        return _short(body) or "nothing more"


def _text(value: Any) -> str:  # noqa: ANN401 - whatever JSON the server has chosen
    """The message in {"error": {"message": ...}}, {"error": ...}, {"detail": ...} or {"message": ...}."""
    while isinstance(value, dict):
        inner = next((value[key] for key in ("error", "message", "detail") if value.get(key)), None)
        if inner is None:
            break
        value = inner
    return _short(str(value))


def _why(server: Server, error: requests.RequestException) -> str:
    if isinstance(error, requests.ReadTimeout) or "timed out" in str(error).lower():
        return (
            f"{server.base_url} gave no sign of life for {server.timeout:g} s. Raise INTERLEAVE_TIMEOUT or try later."
        )
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"{server.base_url} broke off in the middle of its reply. What came is kept; try again."
    return f"{server.base_url} cannot be reached ({type(error).__name__}). Is the server running there?"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 200 else text[:200] + "…"
