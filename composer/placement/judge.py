"""The language model's opinion on places, asked in the form that a small one answers well: one of a few numbers.

The article is read in windows; in each the model chooses one numbered gap or none under a JSON schema, or, where the
engine can say so, how likely each number is.
"""

import json
from collections.abc import Sequence
from math import log
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from composer.errors import ReplyError
from composer.models import Prompt, TextModel
from composer.placement.text import Block
from composer.prompts import prompts, user
from composer.reply import ask_json

WINDOW = 9  # gaps a question; single digits are single tokens
LONGEST = 600  # characters of a block that are shown
FLOOR = 0.02


@runtime_checkable
class ChoosingModel(Protocol):
    """What a TextModel may be besides: one that says how likely it would answer with each of a few short words."""

    def choose(self, prompt: Prompt, options: Sequence[str]) -> Sequence[float]:
        """For each option a share; the shares sum to 1."""
        ...


def judge(model: TextModel, blocks: Sequence[Block], *, title: str, language: str) -> NDArray[np.float64]:
    """For each gap the logarithm of how much more often than by chance the model would put the picture there; 0 where
    it has no opinion. Raises ReplyError and what the engine raises."""
    opinion = np.zeros(len(blocks) + 1)
    for begin in range(0, len(blocks), WINDOW):
        window = blocks[begin : begin + WINDOW]
        shares = _ask(model, window, title, language)
        opinion[begin + 1 : begin + 1 + len(window)] = [log(max(FLOOR, s * len(window))) for s in shares]
    return opinion


def _ask(model: TextModel, window: Sequence[Block], title: str, language: str) -> list[float]:
    """The share of each gap of a window, the one behind its first block first."""
    numbered = "\n".join(f"{_cut(b.raw)}\n[{n}]" for n, b in enumerate(window, start=1))
    request = (user(prompts(language).judge.render(title=title, text=numbered, most=len(window))),)
    numbers = [str(n) for n in range(len(window) + 1)]  # 0: none
    if isinstance(model, ChoosingModel):
        return [float(s) for s in model.choose(request, numbers)][1:]
    schema = {
        "type": "object",
        "properties": {"place": {"type": "integer", "enum": [int(n) for n in numbers]}},
        "required": ["place"],
        "additionalProperties": False,
    }
    reply = ask_json(model, request, schema, max_tokens=12, seed=0)
    try:
        place = int(json.loads(reply)["place"])
    except (ValueError, KeyError, TypeError) as error:
        raise ReplyError(f"the place of a picture could not be read: {reply[:60]!r}") from error
    return [1.0 if n == place else 0.0 for n in range(1, len(window) + 1)] if place else [1 / len(window)] * len(window)


def _cut(raw: str) -> str:
    text = " ".join(raw.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"
