"""Several prompts answered together: padded on the left, one pass a token for all of them, each done when it is done."""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache

from composer.models import Usage
from composer.xcomposer2.drawing import Draw
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.processing import Encoded, XComposer2Processor


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One prompt, how its tokens are drawn and how many there may be."""

    prompt: Encoded
    most: int
    draw: Draw


class Batch:
    """Requests under way together. `done(row)` takes one out before its time."""

    def __init__(
        self,
        model: XComposer2ForConditionalGeneration,
        processor: XComposer2Processor,
        requests: Sequence[Request],
        usage: Usage,
    ) -> None:
        self._model = model
        self._processor = processor
        self._requests = requests
        self._usage = usage
        self._rows = list(range(len(requests)))  # of those still under way
        self._replies: list[list[int]] = [[] for _ in requests]
        self._cache = DynamicCache(config=model.config.text_config)
        self._stopped: set[int] = set()

    def done(self, row: int) -> None:
        """Compute nothing more for this request."""
        self._stopped.add(row)

    def tokens(self) -> Generator[tuple[int, int], None, None]:
        """(row, token) as they come, a token for every row under way in each pass; tokens that end a reply are not
        given out."""
        begin = time.monotonic()
        logits, mask = self._read()
        self._usage.prompt_seconds += time.monotonic() - begin
        while True:
            begin = time.monotonic()
            for row, one in zip(self._rows, logits, strict=True):
                token = self._requests[row].draw(one, self._replies[row])
                self._replies[row].append(token)
                self._usage.generated_tokens += 1
                if token in self._processor.tokens.ends or len(self._replies[row]) >= self._requests[row].most:
                    self._stopped.add(row)
                if token not in self._processor.tokens.ends:
                    yield row, token
            mask = self._shrink(mask)
            if not self._rows:
                return
            last = torch.tensor([[self._replies[row][-1]] for row in self._rows], device=self._model.device)
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
            logits = self._pass(input_ids=last, attention_mask=mask)
            self._usage.decode_seconds += time.monotonic() - begin

    def _read(self) -> tuple[Tensor, Tensor]:
        prompts = [request.prompt for request in self._requests]
        inputs = {name: t.to(self._model.device) for name, t in self._processor.batch(prompts).items()}
        self._usage.calls += len(prompts)
        self._usage.prompt_tokens += sum(len(prompt.ids) for prompt in prompts)
        return self._pass(**inputs), inputs["attention_mask"]

    def _pass(self, **inputs: Tensor) -> Tensor:
        """Logits of the last token of every row, (rows, vocabulary) float32."""
        with torch.inference_mode():
            out = self._model(**inputs, past_key_values=self._cache, use_cache=True, logits_to_keep=1)
        logits: Tensor = out.logits[:, -1].float()
        return logits

    def _shrink(self, mask: Tensor) -> Tensor:
        """Take the rows that are done out of the cache."""
        kept = [n for n, row in enumerate(self._rows) if row not in self._stopped]
        if len(kept) == len(self._rows):
            return mask
        self._rows = [self._rows[n] for n in kept]
        index = torch.tensor(kept, device=mask.device, dtype=torch.long)
        if kept:
            self._cache.batch_select_indices(index)
        return mask[index]
