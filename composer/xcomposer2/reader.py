"""A model with what it has read: the beginning that prompts have in common is processed once.

Several beginnings are kept, for placing, captioning and choosing each begin in a way of their own. Knows ids, caches and
features of pictures; does not know text. One call at a time.
"""

import time
from collections import OrderedDict
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from composer.errors import ReplyError
from composer.models import Usage
from composer.xcomposer2.drawing import Draw
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.pixels import prepared
from composer.xcomposer2.processing import Encoded, digest

CHUNK = 2048  # tokens read at once
TOGETHER = 8  # pictures sent through the tower at once
WORTH = 32  # tokens in common from which a beginning is worth copying


@dataclass(slots=True)
class Branch:
    """What was read in a row: tokens, or (picture, number) for tokens of pictures, and their keys and values."""

    keys: list[int]
    cache: Any


@dataclass(slots=True)
class Pictures:
    """Features of pictures seen before, by digest; a negative key of their own for each."""

    most: int
    numbers: dict[str, int] = field(default_factory=dict)
    features: OrderedDict[str, Tensor] = field(default_factory=OrderedDict)

    def key(self, name: str) -> int:
        """The same negative number for the same picture."""
        return -1 - self.numbers.setdefault(name, len(self.numbers) + 1)

    def trim(self) -> None:
        """Forget the oldest where there are too many."""
        while len(self.features) > self.most:
            self.features.popitem(last=False)


class Reader:
    """Reads prompts and writes replies, going on from the longest beginning it has read."""

    def __init__(
        self, model: XComposer2ForConditionalGeneration, usage: Usage, *, branches: int = 3, pictures: int = 64
    ) -> None:
        self.model = model
        self.usage = usage
        self._most = branches
        self._branches: list[Branch] = []  # the one used last comes last
        self._pictures = Pictures(most=pictures)

    @property
    def room(self) -> int:
        """Tokens a prompt and its reply may have together."""
        config = self.model.config
        trained = (config.official or {}).get("max_length")
        return int(trained or config.text_config.max_position_embeddings)

    def tokens(self, prompt: Encoded, most: int, draw: Draw) -> Generator[int, None, None]:
        """Up to `most` tokens that follow the prompt; none is computed ahead of what is asked for."""
        begin = time.monotonic()
        self.usage.calls += 1
        self.usage.prompt_tokens += len(prompt.ids)
        branch, logits = self._read(prompt)
        self.usage.prompt_seconds += time.monotonic() - begin
        reply: list[int] = []
        while len(reply) < most:
            begin = time.monotonic()
            if reply:
                logits = self._pass(branch, reply[-1:], None)
            reply.append(draw(logits, reply))
            self.usage.generated_tokens += 1
            self.usage.decode_seconds += time.monotonic() - begin
            yield reply[-1]

    def logits(self, prompt: Encoded) -> Tensor:
        """What follows the prompt, (vocabulary,) float32, with nothing written."""
        begin = time.monotonic()
        self.usage.calls += 1
        self.usage.prompt_tokens += len(prompt.ids)
        _, logits = self._read(prompt)
        self.usage.prompt_seconds += time.monotonic() - begin
        return logits

    def forget(self) -> None:
        """Drop everything that was read."""
        self._branches.clear()

    def _read(self, prompt: Encoded) -> tuple[Branch, Tensor]:
        names = [digest(image) for image in prompt.images]
        keys = self._keys(prompt, names)
        branch, kept = self._beginning(keys)
        self.usage.cached_tokens += kept
        features = self._features(prompt, names, keys[kept:])
        logits: Tensor | None = None
        for begin in range(kept, len(keys), CHUNK):
            part = keys[begin : begin + CHUNK]
            shown = sum(key < 0 for key in part)
            logits = self._pass(branch, part, features[:shown] if shown and features is not None else None)
            features = features[shown:] if features is not None else None
        assert logits is not None
        return branch, logits

    def _keys(self, prompt: Encoded, names: Sequence[str]) -> list[int]:
        """Ids in which each picture's tokens have a number of their own."""
        marks = iter([self._pictures.key(name) for name, n in zip(names, prompt.sizes, strict=True) for _ in range(n)])
        return [next(marks) if token < 0 else token for token in prompt.ids]

    def _beginning(self, keys: Sequence[int]) -> tuple[Branch, int]:
        """A branch cut to what it has in common with the prompt, and how much that is; the last key is always read."""
        wanted = keys[:-1]
        best, same = None, 0
        for branch in self._branches:
            n = _common(branch.keys, wanted)
            if best is None or n > same:
                best, same = branch, n
        if best is not None and same * 2 >= len(best.keys):
            self._branches.remove(best)
        else:
            best = self._new(best, same)
            same = len(best.keys)
        best.cache.crop(same - len(best.keys))
        del best.keys[same:]
        self._branches.append(best)
        return best, same

    def _new(self, like: Branch | None, same: int) -> Branch:
        """A branch beside the others, with the beginning copied from one of them where that is worth it."""
        made = Branch(keys=[], cache=DynamicCache(config=self.model.config.text_config))
        if like is not None and same >= WORTH:
            for number, layer in enumerate(like.cache.layers):
                made.cache.update(layer.keys[:, :, :same].clone(), layer.values[:, :, :same].clone(), number)
            made.keys = like.keys[:same]
        if len(self._branches) >= self._most:
            self._branches.pop(0)
        return made

    def _features(self, prompt: Encoded, names: Sequence[str], keys: Sequence[int]) -> Tensor | None:
        """Features of the image tokens among the keys that are to be read; only new pictures go through the tower."""
        count = sum(key < 0 for key in keys)
        if not count:
            return None
        wanted, tokens = [], 0
        for name, image, size in reversed(list(zip(names, prompt.images, prompt.sizes, strict=True))):
            if tokens >= count:
                break
            wanted.append((name, image))
            tokens += size
        wanted.reverse()
        self._look(wanted)
        found = torch.cat([self._pictures.features[name] for name, _ in wanted])
        self._pictures.trim()
        return found[len(found) - count :]

    def _look(self, wanted: Sequence[tuple[str, Any]]) -> None:
        """Features of those that are new, several at once where they have one size."""
        new = {name: image for name, image in wanted if name not in self._pictures.features}
        together = 1 if self.model.config.tiles else TOGETHER
        names = list(new)
        for begin in range(0, len(names), together):
            some = names[begin : begin + together]
            inputs = prepared([new[name] for name in some], self.model.config)
            with torch.inference_mode():
                found = self.model.get_image_features(**{n: t.to(self.model.device) for n, t in inputs.items()})
            self._pictures.features.update(zip(some, found.chunk(len(some)), strict=True))

    def _pass(self, branch: Branch, keys: Sequence[int], features: Tensor | None) -> Tensor:
        """Read on; logits of the last token, (vocabulary,) float32."""
        ids = torch.tensor([[max(key, -1) for key in keys]], device=self.model.device)
        try:
            with torch.inference_mode():
                out = self.model(
                    ids, image_features=features, past_key_values=branch.cache, use_cache=True, logits_to_keep=1
                )
        except BaseException as error:  # the cache may be half filled
            self.forget()
            if isinstance(error, RuntimeError):
                raise ReplyError(f"The model broke off: {str(error).splitlines()[0]}") from error
            raise
        branch.keys += keys
        logits: Tensor = out.logits[0, -1].float()
        return logits


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """How many entries two sequences have in common at their beginning."""
    most = min(len(a), len(b))
    if a[:most] == b[:most]:
        return most
    return next(n for n in range(most) if a[n] != b[n])
