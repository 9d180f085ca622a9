"""Training examples: the official data format, what of it is learnt, and rows that hold several.

A file is a JSON list of `{"image": [paths], "conversations": [{"from": "user" | "assistant", "value": text}]}`, with
`<ImageHere>` where the pictures go. Only what the assistant says is learnt, with the token that ends its turn.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from composer.errors import UsageError
from composer.xcomposer2.chat import PLACES, Bos, Mark, Part, with_pictures
from composer.xcomposer2.pixels import prepared
from composer.xcomposer2.processing import IMAGE, XComposer2Processor

IGNORED = -100  # a label that is not learnt
OPEN = 16  # rows that are filled at the same time
ROLES = {"user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant", "system": "system"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One conversation and the files of its pictures."""

    images: tuple[Path, ...]
    turns: tuple[tuple[str, str], ...]  # role, text
    where: str  # file and number, for messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenised:
    """An example's tokens, its labels of the same length, and its pictures in order."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]
    images: tuple[Path, ...]


def read_examples(file: Path, images: Path) -> list[Example]:
    """All conversations of a file. Raises UsageError that names the first that cannot be used."""
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read as JSON: {error}") from error
    if not isinstance(entries, list):
        raise UsageError(f"{file} must be a list of conversations, not {type(entries).__name__}.")
    return [_example(entry, images, f"{file.name}, entry {number}") for number, entry in enumerate(entries)]


def tokenised(example: Example, processor: XComposer2Processor, length: int) -> Tokenised:
    """Tokens and labels, cut to `length`; a picture that does not fit whole goes with what follows it.

    Raises UsageError where nothing that is learnt is left.
    """
    ids: list[int] = []
    labels: list[int] = []
    sizes: list[int] = []
    for parts, learnt in _runs(example, processor):
        encoded = processor.encode(parts, bos=None if ids else Bos.ONCE)
        ids += encoded.ids
        labels += encoded.ids if learnt else [IGNORED] * len(encoded.ids)
        sizes += encoded.sizes
    ids += processor.tokens.closing
    labels += processor.tokens.closing
    end, kept = _cut(ids, sizes, length)
    if all(label == IGNORED for label in labels[1:end]):
        raise UsageError(f"{example.where}: nothing that is learnt is left within {length} tokens.")
    return Tokenised(ids=tuple(ids[:end]), labels=tuple(labels[:end]), images=example.images[:kept])


def rows(examples: Sequence[Tokenised], length: int, *, seed: int, pack: bool) -> list[list[Tokenised]]:
    """The examples in an order of chance that the seed gives, as rows of at most `length` tokens: each goes to the
    fullest of the open rows that it fits."""
    order = list(range(len(examples)))
    random.Random(seed).shuffle(order)
    if not pack:
        return [[examples[n]] for n in order]
    done: list[list[Tokenised]] = []
    opened: list[tuple[int, list[Tokenised]]] = []  # tokens, examples
    for n in order:
        one = examples[n]
        fitting = [k for k, (used, _) in enumerate(opened) if used + len(one.ids) <= length]
        if fitting:
            best = max(fitting, key=lambda k: opened[k][0])
            opened[best] = (opened[best][0] + len(one.ids), [*opened[best][1], one])
        else:
            opened.append((len(one.ids), [one]))
        if len(opened) > OPEN:
            fullest = max(range(len(opened)), key=lambda k: opened[k][0])
            done.append(opened.pop(fullest)[1])
    return [*done, *(row for _, row in opened)]


def collated(batch: Sequence[Sequence[Tokenised]], processor: XComposer2Processor) -> dict[str, Tensor]:
    """Rows padded on the right. `position_ids` begin anew with each example: by this transformers keeps them apart."""
    longest = max(sum(len(one.ids) for one in row) for row in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    labels, positions = torch.full_like(ids, IGNORED), torch.zeros_like(ids)
    for number, row in enumerate(batch):
        begin = 0
        for one in row:
            end = begin + len(one.ids)
            ids[number, begin:end] = torch.tensor(one.ids)
            labels[number, begin + 1 : end] = torch.tensor(one.labels[1:])  # the first follows nothing of its own
            positions[number, begin:end] = torch.arange(len(one.ids))
            begin = end
    images = [opened(path) for row in batch for one in row for path in one.images]
    inputs = {"input_ids": ids, "labels": labels, "position_ids": positions}
    return inputs | (prepared(images, processor.config) if images else {})


def opened(path: Path) -> Image.Image:
    """An RGB picture, what is transparent on white. Raises UsageError where the file is none."""
    try:
        with Image.open(path) as image:
            if image.mode not in ("RGBA", "LA", "P", "PA"):
                return image.convert("RGB")
            clear = image.convert("RGBA")
            white = Image.new("RGBA", clear.size, "white")
            return Image.alpha_composite(white, clear).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UsageError(f"{path} cannot be read as a picture: {error}") from error


def _example(entry: object, images: Path, where: str) -> Example:
    if not isinstance(entry, dict) or not isinstance(entry.get("conversations"), list):
        raise UsageError(f"{where}: wanted an object with a list of conversations.")
    named = entry.get("image") or []
    if not isinstance(named, str | list):
        raise UsageError(f"{where}: image must be a path or a list of paths, not {named!r}.")
    files = tuple(images / str(name) for name in ([named] if isinstance(named, str) else named))
    turns = []
    for turn in entry["conversations"]:
        role = ROLES.get(str(turn.get("from", ""))) if isinstance(turn, dict) else None
        if role is None or not isinstance(turn.get("value"), str):
            raise UsageError(f"{where}: a turn needs `from` (one of {', '.join(ROLES)}) and `value`, a text.")
        turns.append((role, turn["value"]))
    if not any(role == "assistant" for role, _ in turns):
        raise UsageError(f"{where}: the assistant says nothing, so nothing can be learnt.")
    places = sum(text.count(place) for _, text in turns for place in PLACES)
    if places not in (0, len(files)):
        raise UsageError(f"{where}: there are {places} places for pictures, and {len(files)} pictures.")
    missing = next((file for file in files if not file.is_file()), None)
    if missing is not None:
        raise UsageError(f"{where}: there is no {missing}.")
    return Example(images=files, turns=tuple(turns), where=where)


def _runs(example: Example, processor: XComposer2Processor) -> Iterator[tuple[list[Part], bool]]:
    """Parts of the conversation, and whether they are learnt. What a reply begins with is never tokenised together with
    what comes before it, for a reply is written that way."""
    left = [_stand_in(path, tiled=processor.config.tiles) for path in example.images]
    at_once = not any(place in text for _, text in example.turns for place in PLACES)
    before: list[Part] = []
    for role, text in example.turns:
        before += [Mark.TURN, f"{role}\n"]
        if role == "assistant":
            yield before, False
            yield [text, Mark.END], True
            before = ["\n"]
            continue
        count = len(left) if at_once and role == "user" else sum(text.count(place) for place in PLACES)
        before += [*with_pictures(text, left[:count]), Mark.END, "\n"] if count else [text, Mark.END, "\n"]
        left = left[count:]
    yield ["\n"], True


def _stand_in(path: Path, *, tiled: bool) -> Image.Image:
    """Something of the picture's size, where that says how many tokens it has."""
    if not tiled:
        return Image.new("1", (1, 1))
    with Image.open(path) as image:
        return Image.new("1", image.size)


def _cut(ids: Sequence[int], sizes: Sequence[int], length: int) -> tuple[int, int]:
    """How many tokens and how many whole pictures stay within `length`."""
    if len(ids) <= length:
        return len(ids), len(sizes)
    kept = at = 0
    for size in sizes:
        begin = next(n for n in range(at, len(ids)) if ids[n] == IMAGE)
        if begin + size > length:
            return min(begin, length), kept
        kept, at = kept + 1, begin + size
    return length, kept
