"""From conversations and pictures to what the model takes, and from its tokens to text.

Used like a processor of transformers: `model.generate(**processor("<ImageHere>What is this?", [image]))`.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from composer.errors import UsageError
from composer.xcomposer2.chat import (
    PLACES,
    Bos,
    Mark,
    Part,
    Turn,
    chat_bos,
    encoded_run,
    laid_out,
    runs_of,
    with_pictures,
)
from composer.xcomposer2.checkpoint import fetched, look
from composer.xcomposer2.config import XComposer2Config
from composer.xcomposer2.pixels import prepared
from composer.xcomposer2.tiles import tiled, token_count
from composer.xcomposer2.tokens import Tokens, tokens_of

IMAGE = -1  # what stands in the ids for a token of a picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """One prompt: ids with IMAGE for every token of its pictures, and the pictures in order."""

    ids: tuple[int, ...]
    images: tuple[Image.Image, ...]
    sizes: tuple[int, ...]  # tokens of each picture


class XComposer2Processor:
    """Tokenizer and preparation of pictures for one model."""

    def __init__(self, tokens: Tokens, config: XComposer2Config) -> None:
        self.tokens = tokens
        self.config = config

    @classmethod
    def from_pretrained(cls, where: str | Path) -> "XComposer2Processor":
        """For the model of a folder or of the Hub. Raises SetupError where it has no tokenizer."""
        path = Path(where).expanduser()
        folder = path if path.is_dir() else fetched(str(where))
        return cls(tokens_of(folder), look(folder).config)

    def __call__(
        self, text: str | Sequence[str], images: Sequence[Image.Image] | None = None, *, bos: Bos = Bos.ONCE
    ) -> dict[str, Tensor]:
        """Inputs for text that is laid out already; `<ImageHere>` or `<image>` say where the pictures go.

        Several texts are padded on the left, and take the pictures in turn. Special tokens in the text count.
        """
        texts, left = [text] if isinstance(text, str) else list(text), list(images or ())
        prompts = []
        for one in texts:
            count = len(left) if len(texts) == 1 else sum(one.count(place) for place in PLACES)
            parts = with_pictures(one, left[:count]) if count else (one,)
            prompts.append(self._joined(parts, bos, lambda run: self.tokens.encode("".join(map(str, run)))))
            left = left[count:]
        if left:
            raise UsageError(f"{len(left)} pictures have no place in the text.")
        return self.batch(prompts)

    def chat(self, turns: Sequence[Turn], *, bos: Bos | None = None, begun: str = "") -> Encoded:
        """A conversation that the assistant is to continue; BOS as `model.chat` has it unless told otherwise."""
        return self.encode(laid_out(turns, self.tokens, begun), bos=bos or chat_bos(turns))

    def encode(self, parts: Sequence[Part], *, bos: Bos | None) -> Encoded:
        """Tokens of text and pictures in order; None for what goes on without BOS."""
        return self._joined(parts, bos, lambda run: encoded_run(run, self.tokens))

    def image_tokens(self, image: Image.Image) -> int:
        """How many tokens a picture takes."""
        if not self.config.tiles:
            return int(self.config.tokens_per_image)
        side = self.config.vision_config.image_size
        cut = tiled(Image.new("RGB", image.size), side, self.config.max_tiles)
        return token_count(cut.height // side, cut.width // side, self.config.grid)

    def batch(self, prompts: Sequence[Encoded]) -> dict[str, Tensor]:
        """Prompts padded on the left to one length, with the pixels of all their pictures."""
        longest = max(len(prompt.ids) for prompt in prompts)
        pad = self.config.text_config.pad_token_id or 0
        ids = torch.full((len(prompts), longest), int(pad))
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            begin = longest - len(prompt.ids)
            ids[row, begin:] = torch.tensor(prompt.ids)
            mask[row, begin:] = 1
        images = [image for prompt in prompts for image in prompt.images]
        inputs = {"input_ids": ids, "attention_mask": mask}
        return inputs | (prepared(images, self.config) if images else {})

    def decode(self, ids: Iterable[int] | Tensor) -> str:
        """The text of tokens, up to the first that ends a reply."""
        kept: list[int] = []
        for n in ids.tolist() if isinstance(ids, Tensor) else ids:
            if n in self.tokens.ends:
                break
            kept.append(int(n))
        return self.tokens.decode(kept)

    def _joined(
        self, parts: Sequence[Part], bos: Bos | None, encode: Callable[[Sequence[str | Mark]], list[int]]
    ) -> Encoded:
        start = [] if self.tokens.bos is None else [self.tokens.bos]
        ids: list[int] = start * 2 if bos is Bos.TWICE else list(start) if bos is Bos.ONCE else []
        images: list[Image.Image] = []
        sizes: list[int] = []
        for run in runs_of(parts):
            if isinstance(run, Image.Image):
                images.append(run)
                sizes.append(self.image_tokens(run))
                ids += [IMAGE] * sizes[-1]
            else:
                ids += (start if bos is Bos.EACH else []) + encode(run)
        return Encoded(ids=tuple(ids), images=tuple(images), sizes=tuple(sizes))


def digest(image: Image.Image) -> str:
    """What tells a picture from others: its pixels."""
    head = f"{image.mode} {image.size} ".encode()
    return hashlib.blake2b(head + image.tobytes(), digest_size=16).hexdigest()
