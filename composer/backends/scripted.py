"""A text model that reads its replies from a script: the whole program runs with it, offline and always the same.

For tests, for the page's browser test (`scripted:FILE`) and for trying the program without any weights. It knows no
language: a script that does not fit the program's prompts gives an error, never an invented reply.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from composer.backends.stops import until_stop
from composer.errors import ReplyError, SetupError
from composer.models import Prompt, Schema, Usage

Answer = Callable[[Prompt], str]

TOKEN = re.compile(r"\s*[^\s]{1,6}\s*$|\s*[^\s]{1,6}", re.DOTALL)  # what counts as one token, and comes as one piece
CHARACTERS = 4  # a token of a prompt, roughly


class ScriptedTextModel:
    """Streams what `answer(prompt)` says, a few characters at a time, `pause` seconds apart."""

    def __init__(self, answer: Answer, *, name: str = "scripted", pause: float = 0.0) -> None:
        self.name = name
        self.usage = Usage()
        self._answer = answer
        self._pause = pause
        self._read = ""  # the last conversation, for counting what a prefix cache would spare

    def stream(
        self, prompt: Prompt, *, max_tokens: int, stop: Sequence[str] = (), schema: Schema | None = None, seed: int = 0
    ) -> Iterator[str]:
        """See `TextModel.stream`. A schema is not checked: the script answers for its replies. The seed is unused."""
        self._count(prompt)
        yield from until_stop(self._pieces(self._answer(prompt), max_tokens), stop)

    def _pieces(self, reply: str, max_tokens: int) -> Iterator[str]:
        for piece in TOKEN.findall(reply)[:max_tokens]:
            if self._pause:
                time.sleep(self._pause)
            self.usage.generated_tokens += 1
            yield piece

    def _count(self, prompt: Prompt) -> None:
        text = "\0".join(f"{m.role}\0{m.content}" for m in prompt)
        same = next((i for i, (a, b) in enumerate(zip(text, self._read, strict=False)) if a != b), None)
        shared = min(len(text), len(self._read)) if same is None else same
        self.usage.calls += 1
        self.usage.prompt_tokens += len(text) // CHARACTERS
        self.usage.cached_tokens += shared // CHARACTERS
        self._read = text


def in_order(replies: Sequence[str]) -> Answer:
    """Each reply once, one after the other. Raises ReplyError when none is left."""
    left = iter(replies)

    def answer(prompt: Prompt) -> str:
        reply = next(left, None)
        if reply is None:
            raise ReplyError(f"The script of {len(replies)} replies has none left for: {prompt[-1].content[:200]!r}")
        return reply

    return answer


def from_file(path: Path) -> ScriptedTextModel:
    """The model a script file describes.

    The file is JSON: `{"pause": seconds, "replies": [{"contains": text, "reply": string or object or list}, ...]}`.
    The first entry whose `contains` stands in the prompt's last message answers; a list gives its members in turn and
    goes on with the last. Raises SetupError when the file is not such a script.
    """
    try:
        script = json.loads(path.read_text(encoding="utf-8"))
        entries = [(str(entry["contains"]), _turns(entry["reply"])) for entry in script["replies"]]
        pause = float(script.get("pause", 0.0))
    except OSError as error:
        raise SetupError(f"The script {path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(
            f"{path} is no script: {error!r}. Wanted: "
            '{"replies": [{"contains": "text of a prompt", "reply": "what to answer"}]}'
        ) from error
    return ScriptedTextModel(_by_content(entries), name=f"scripted:{path.name}", pause=pause)


def _by_content(entries: Sequence[tuple[str, list[str]]]) -> Answer:
    used = [0] * len(entries)

    def answer(prompt: Prompt) -> str:
        asked = prompt[-1].content
        for number, (contains, turns) in enumerate(entries):
            if contains in asked:
                turn = min(used[number], len(turns) - 1)
                used[number] += 1
                return turns[turn]
        raise ReplyError(f"The script has no reply for: {asked[:200]!r}. Add an entry whose `contains` stands in it.")

    return answer


def _turns(reply: str | Mapping[str, Any] | Sequence[Any]) -> list[str]:
    several = reply if isinstance(reply, list) else [reply]
    if not several:
        raise ValueError("an entry has no reply")
    return [r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in several]
