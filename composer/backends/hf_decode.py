"""Token after token out of a causal model of transformers, keeping what it has read for the next call.

Knows tensors and caches; does not know text. One call at a time.
"""

import inspect
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any

from composer.backends.constrain import Grammar
from composer.backends.sampling import Sampling
from composer.errors import ReplyError
from composer.models import Usage

BATCH = 1024  # tokens read at once
MOST = 256  # likeliest tokens that are looked at

Draw = Callable[[Any, Sequence[int]], int]
"""From logits, (vocabulary,) float32 on the model's device, and the tokens before, to the next token."""


class Decoder:
    """A model and the tokens that are in its cache."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - any causal model
        self._model = model
        self._cache: Any = None
        self._read: list[int] = []
        self._last_only = "logits_to_keep" in inspect.signature(model.forward).parameters

    def tokens(self, prompt: Sequence[int], most: int, draw: Draw, usage: Usage) -> Generator[int, None, None]:
        """Up to `most` tokens that follow the prompt; nothing is computed ahead of what is asked for."""
        kept = self._keep(prompt)
        usage.calls += 1
        usage.prompt_tokens += len(prompt)
        usage.cached_tokens += kept
        begin, new = time.monotonic(), list(prompt[kept:])
        for number in range(most):
            logits = self._read_on(new)
            if number == 0:
                usage.prompt_seconds += time.monotonic() - begin
                begin = time.monotonic()
            token = draw(logits, self._read)
            usage.generated_tokens += 1
            usage.decode_seconds += time.monotonic() - begin
            yield token
            begin, new = time.monotonic(), [token]

    def _keep(self, prompt: Sequence[int]) -> int:
        """How many tokens of the prompt the cache holds, after taking everything else out of it."""
        pairs = zip(self._read, prompt[:-1], strict=False)  # the last is always read: its logits are wanted
        same = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(self._read), len(prompt) - 1))
        try:
            if same < len(self._read):
                self._cache.crop(same - len(self._read))
            self._read = self._read[:same]
        except (RuntimeError, ValueError, AttributeError, NotImplementedError):  # a cache that cannot go back
            self._forget()
        return len(self._read)

    def _read_on(self, tokens: Sequence[int]) -> Any:  # noqa: ANN401 - logits, (vocabulary,) float32
        import torch

        options = {"logits_to_keep": 1} if self._last_only else {}
        try:
            with torch.inference_mode():
                for begin in range(0, len(tokens), BATCH):
                    part = torch.tensor([list(tokens[begin : begin + BATCH])], device=self._model.device)  # (1, n)
                    out = self._model(input_ids=part, past_key_values=self._cache, use_cache=True, **options)
                    self._cache = out.past_key_values
                    self._read += part[0].tolist()
        except BaseException as error:
            self._forget()
            if isinstance(error, RuntimeError):
                raise ReplyError(f"The model broke off: {str(error).splitlines()[0]}") from error
            raise
        return out.logits[0, -1].float()

    def _forget(self) -> None:
        self._cache, self._read = None, []


def sampler(sampling: Sampling, seed: int, grammar: Grammar | None) -> Draw:
    """Draws by `sampling`, within the grammar where there is one. The lot is cast on the CPU, so that a seed means
    the same on every device."""
    import torch

    generator = torch.Generator("cpu").manual_seed(seed)
    temperature = max(sampling.temperature if grammar is None else sampling.json_temperature, 1e-4)

    def draw(logits: Any, before: Sequence[int]) -> int:  # noqa: ANN401
        if grammar is None:
            logits = _penalised(logits, before[-sampling.repeat_last_n :], sampling.repeat_penalty)
        else:
            allowed = torch.from_numpy(grammar.allowed(len(logits))).to(logits.device)
            logits = logits.masked_fill(~allowed, -torch.inf)
        best, places = logits.topk(min(MOST, len(logits)))  # (k,), sorted; all that can be drawn
        chances = _cut(torch.softmax(best.cpu() / temperature, -1), sampling)
        token = int(places[int(torch.multinomial(chances, 1, generator=generator))])
        if grammar is not None:
            grammar.take(token)
        return token

    return draw


def _penalised(logits: Any, recent: Sequence[int], penalty: float) -> Any:  # noqa: ANN401
    """The logits with tokens that came before made less likely (Keskar et al. 2019, CTRL)."""
    import torch

    if penalty == 1.0:
        return logits
    seen = torch.tensor(sorted(set(recent)), dtype=torch.long, device=logits.device)
    found = logits[seen]
    return logits.scatter(0, seen, torch.where(found > 0, found / penalty, found * penalty))


def _cut(chances: Any, sampling: Sampling) -> Any:  # noqa: ANN401
    """Zero for the unlikely end of sorted chances: below `min_p` of the likeliest, and beyond a sum of `top_p`."""
    unlikely = (chances < sampling.min_p * chances[0]) | (chances.cumsum(-1) - chances > sampling.top_p)
    return chances.masked_fill(unlikely, 0.0)
