"""Conversations as XComposer2 was taught to read them: turns, places of pictures, and where BOS stands.

Knows the order of tokens; does not load, draw or compute anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from typing import Literal

from PIL import Image

from composer.errors import UsageError
from composer.xcomposer2.tokens import Tokens

PLACES = ("<ImageHere>", "<image>")  # how prompts write down where a picture goes: chat and training; composition


class Bos(Enum):
    """Where BOS goes; each official task has its own way, and none is right for another."""

    ONCE = "once"  # at the beginning: training and composition
    EACH = "each"  # before each run of text, so after every picture too: `model.chat` with pictures
    TWICE = "twice"  # twice at the beginning: `model.chat` without pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one side said. Content is text and pictures in order."""

    role: Literal["system", "user", "assistant"]
    content: tuple[str | Image.Image, ...]


class Mark(Enum):
    """A special token, written by this program and never by a person or a model."""

    TURN = "turn"
    END = "end"


Part = str | Mark | Image.Image


def chat_bos(turns: Sequence[Turn]) -> Bos:
    """The way of `model.chat` for these turns."""
    return Bos.EACH if any(isinstance(part, Image.Image) for turn in turns for part in turn.content) else Bos.TWICE


def laid_out(turns: Sequence[Turn], tokens: Tokens, begun: str = "") -> list[Part]:
    """The parts of a conversation that the assistant is to continue, its reply already `begun`."""
    parts: list[Part] = []
    for turn in turns:
        parts += [Mark.TURN, f"{turn.role}\n", *turn.content, Mark.END, "\n"]
    parts += [Mark.TURN, "assistant\n", begun]
    return [part for part in parts if part != ""]


def with_pictures(text: str, images: Sequence[Image.Image]) -> tuple[str | Image.Image, ...]:
    """Text with the pictures where it says `<ImageHere>` or `<image>`; where it says neither, they come first.

    Raises UsageError where the places are not as many as the pictures.
    """
    place = next((place for place in PLACES if place in text), None)
    if place is None:
        return (*images, text)
    runs = text.split(place)
    if len(runs) != len(images) + 1:
        raise UsageError(f"The text has {len(runs) - 1} places for pictures, and there are {len(images)} pictures.")
    parts: list[str | Image.Image] = [runs[0]]
    for image, run in zip(images, runs[1:], strict=True):
        parts += [image, run]
    return tuple(part for part in parts if part != "")


def runs_of(parts: Sequence[Part]) -> list[Image.Image | list[str | Mark]]:
    """Text between two pictures together: what the official code tokenises at a time."""
    runs: list[Image.Image | list[str | Mark]] = []
    for part in parts:
        if isinstance(part, Image.Image):
            runs.append(part)
        elif runs and isinstance(runs[-1], list):
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs


def encoded_run(run: Sequence[str | Mark], tokens: Tokens) -> list[int]:
    """Tokens of one run of text. Neighbouring texts are tokenised as one, for a token may span them."""
    ids: list[int] = []
    for kind, parts in groupby(run, type):
        if kind is Mark:
            ids += [n for part in parts for n in tokens.encode(tokens.turn if part is Mark.TURN else tokens.end)]
        else:
            ids += tokens.encode_plain("".join(str(part) for part in parts))
    return ids
