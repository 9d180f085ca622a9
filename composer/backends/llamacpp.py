"""Text on a CPU through llama.cpp: any GGUF file, JSON schemas, and a prefix cache that spans the calls of an article.

Knows xllamacpp's embedded server; does not know where models come from. Measured on 2 cores in docs/engines.md.
"""

import json
import os
import queue
import secrets
import threading
from collections.abc import Callable, Generator, Sequence
from math import exp
from pathlib import Path
from typing import Any

from composer.backends.sampling import Sampling
from composer.errors import ReplyError, SetupError
from composer.models import Prompt, Schema, Usage

PROSE = r"""
root ::= paragraph%s
paragraph ::= opening rest{40,} end
opening ::= [^ \t\n#*`|<>0-9\[\](){}_!~=+"“‘'「SCH当好以下第段-] | english | chinese
english ::= "S" [^ue\n] | "Su" [^r\n] | "Se" [^c\n] | "C" [^e\n] | "Ce" [^r\n] | "H" [^e\n] | "He" [^r\n] | "Her" [^e\n]
chinese ::= "当" [^然\n] | "好" [^的\n] | "以" [^下\n] | "下" [^面\n] | "段" [^落0-9 \n] | "第" [^一二三四五六0-9 \n]
rest ::= [^\n*`|\[\]\\]
end ::= [.!?。！？…] [)"'”’」』）]?
"""  # whole sentences; no headings, lists, tables, bold type, links, code; no "Sure", "Certainly", "Here is", "Section 2"
CACHE_MIB = 512  # for the beginnings of other conversations; a token of the 1.5B model takes 28 KiB
TOP = 40  # of the first tokens that are looked at for a choice
BATCH = 96  # tokens read between two looks at whether to stop: a second; larger batches read no faster on a CPU


class LlamaCppTextModel:
    """A GGUF model in this process, loaded when it is first used.

    One call at a time: others wait until its iterator is exhausted or closed, so never ask again within one thread
    before that.
    """

    def __init__(
        self,
        path: Callable[[], Path],
        *,
        name: str,
        context: int = 16384,
        threads: int = 0,
        sampling: Sampling | None = None,
    ) -> None:
        self.name = name
        self.usage = Usage()
        self._path = path
        self._context = context
        self._threads = threads or os.cpu_count() or 2
        self._sampling = sampling or Sampling()
        self._server: Any = None
        self._lock = threading.Lock()

    def stream(
        self, prompt: Prompt, *, max_tokens: int, stop: Sequence[str] = (), schema: Schema | None = None, seed: int = 0
    ) -> Generator[str, None, None]:
        """See `TextModel.stream`. Raises ReplyError when the conversation does not fit the context."""
        request = self._request(prompt, max_tokens, stop, seed)
        if schema is not None:
            request |= _drawing(self._sampling, for_json=True)
            request["response_format"] = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
        yield from self._run(request)

    def prose(self, prompt: Prompt, *, paragraphs: int, max_tokens: int, seed: int = 0) -> Generator[str, None, None]:
        """Like `stream`, but what comes is that many paragraphs of running text and nothing else.

        For small models, which else answer with headings, lists, a code fence or "Certainly!"; it costs no time.
        """
        between = r' "\n\n" paragraph' * (max(paragraphs, 1) - 1)
        yield from self._run(self._request(prompt, max_tokens, (), seed) | {"grammar": PROSE % between})

    def choose(self, prompt: Prompt, options: Sequence[str]) -> list[float]:
        """How likely the reply would begin with each of these short words: shares that sum to 1; alike where none would."""
        request = self._request(prompt, 1, (), 0) | {"logprobs": True, "top_logprobs": TOP}
        with self._lock:
            call = _Call(self._load(), request)
            try:
                for _ in call.pieces():
                    pass
            finally:
                call.end()
                self._count(call.timings)
        return shares(call.likely, options)

    def _run(self, request: dict[str, Any]) -> Generator[str, None, None]:
        with self._lock:
            call = _Call(self._load(), request)
            try:
                yield from call.pieces()
            finally:
                call.end()
                self._count(call.timings)

    def _request(self, prompt: Prompt, max_tokens: int, stop: Sequence[str], seed: int) -> dict[str, Any]:
        return {
            "messages": [{"role": m.role, "content": m.content} for m in prompt],
            "max_tokens": max_tokens,
            "stop": [s for s in stop if s],
            "seed": seed,
            "stream": True,
            "cache_prompt": True,
            "timings_per_token": True,
            "return_progress": True,  # a sign of life after every batch read, so that reading can be stopped too
            **_drawing(self._sampling, for_json=False),
        }

    def _load(self) -> Any:  # noqa: ANN401 - the library has no types
        if self._server is None:
            self._server = _start(self._path(), self._context, self._threads)
        return self._server

    def _count(self, timings: dict[str, float]) -> None:
        self.usage.calls += 1
        self.usage.prompt_tokens += int(timings.get("prompt_n", 0) + timings.get("cache_n", 0))
        self.usage.cached_tokens += int(timings.get("cache_n", 0))
        self.usage.generated_tokens += int(timings.get("predicted_n", 0))
        self.usage.prompt_seconds += timings.get("prompt_ms", 0.0) / 1000
        self.usage.decode_seconds += timings.get("predicted_ms", 0.0) / 1000


class _Call:
    """One request on a thread of its own, its pieces through a queue; `end` makes the model stop at the next token."""

    def __init__(self, server: Any, request: dict[str, Any]) -> None:  # noqa: ANN401
        self.timings: dict[str, float] = {}
        self.likely: list[tuple[str, float]] = []  # first tokens of the reply and their log-probabilities, if asked for
        self._queue: queue.SimpleQueue[str | Exception | None] = queue.SimpleQueue()
        self._stop = False
        self._thread = threading.Thread(target=self._work, args=(server, request), name="llamacpp", daemon=True)
        self._thread.start()

    def pieces(self) -> Generator[str, None, None]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    def end(self) -> None:
        self._stop = True
        self._thread.join()

    def _work(self, server: Any, request: dict[str, Any]) -> None:  # noqa: ANN401
        try:
            server.handle_chat_completions(request, self._take)
        except Exception as error:
            refused = "JSON schema error" in str(error)
            kind = SetupError if refused else ReplyError
            self._queue.put(kind(f"llama.cpp {'cannot hold to this schema' if refused else 'broke off'}: {error}"))
        finally:
            self._queue.put(None)

    def _take(self, chunk: Any) -> bool:  # noqa: ANN401
        """Called by the engine for each chunk; True makes it stop."""
        for part in _chunks(chunk):
            if "error" in part or "message" in part:
                self._queue.put(ReplyError(_explain(part.get("error", part))))
                return True
            self.timings = part.get("timings") or self.timings
            for choice in part.get("choices", []):
                for first in ((choice.get("logprobs") or {}).get("content") or [])[:1]:
                    self.likely = self.likely or [(t["token"], t["logprob"]) for t in first["top_logprobs"]]
                text = choice.get("delta", {}).get("content")
                if text:
                    self._queue.put(text)
        return self._stop


def shares(likely: Sequence[tuple[str, float]], options: Sequence[str]) -> list[float]:
    """Of each option the share among the options, by log-probabilities of tokens; a space before a token is none."""
    found = [sum(exp(p) for token, p in likely if token.strip() == option) for option in options]
    total = sum(found)
    return [f / total if total else 1 / len(found) for f in found]


def _start(path: Path, context: int, threads: int) -> Any:  # noqa: ANN401
    """Load the file. The engine listens on a local port besides; a key nobody has keeps that shut."""
    try:
        import xllamacpp
    except ImportError as error:
        raise SetupError(
            f"llama.cpp cannot be loaded: {error}. Run: pip install -r requirements.txt; where libgomp.so.1 is missing, "
            "install it (Debian, Ubuntu: apt install libgomp1)."
        ) from error
    if not path.is_file():
        raise SetupError(f"There is no model file {path}. Run: python -m composer models list")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx = context
    parameters.n_parallel = 1
    parameters.n_batch = BATCH
    parameters.n_ubatch = BATCH
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    parameters.cache_ram_mib = CACHE_MIB
    parameters.verbosity = -1  # nothing on stdout or stderr
    parameters.warmup = False
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.endpoint_props = False
    parameters.api_keys = [secrets.token_hex(16)]
    try:
        return xllamacpp.Server(parameters)
    except Exception as error:
        raise SetupError(f"llama.cpp cannot load {path}: {error}. Run: python -m composer models check") from error


def _drawing(sampling: Sampling, *, for_json: bool) -> dict[str, Any]:
    """The server's names for how tokens are drawn."""
    fields: dict[str, Any] = {"temperature": sampling.temperature, "top_p": sampling.top_p, "min_p": sampling.min_p}
    if for_json:
        return fields | {"temperature": sampling.json_temperature, "repeat_penalty": 1.0, "dry_multiplier": 0.0}
    names = ("repeat_penalty", "repeat_last_n", "dry_multiplier", "dry_allowed_length", "dry_penalty_last_n")
    return fields | {name: getattr(sampling, name) for name in names}


def _chunks(chunk: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """The engine's chunk, which is an object, a list of them or their JSON."""
    value = json.loads(chunk) if isinstance(chunk, str | bytes) else chunk
    return [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, dict)]


def _explain(error: Any) -> str:  # noqa: ANN401
    message = str(error.get("message", error)) if isinstance(error, dict) else str(error)
    if "context" in message and "exceed" in message:
        return (
            f"The conversation is longer than the model's context: {message}. "
            "Raise INTERLEAVE_CONTEXT, or make the brief, the material or the article shorter."
        )
    return f"llama.cpp answered with an error: {message}"
