"""How the next token is drawn, with the official programs' settings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from composer.backends.constrain import Grammar


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """`top_k` 0: no limit. `penalty` is on tokens of the reply itself, for the official code gives no others."""

    temperature: float = 1.0  # 0: the likeliest token, always
    top_p: float = 0.8
    top_k: int = 0
    penalty: float = 1.005


COMPOSITION = Sampling(top_k=40)
CHAT = Sampling(temperature=0.8)
LIKELIEST = Sampling(temperature=0.0, penalty=1.0)

COLDEST = 1e-4  # a lower temperature is none: logits divided by it would leave float32
MOST = 1024  # likeliest tokens that are looked at, where they hold enough

Draw = Callable[[Tensor, Sequence[int]], int]
"""From logits, (vocabulary,) float32, and the reply so far to the next token."""


def drawing(sampling: Sampling, seed: int = 0, grammar: Grammar | None = None) -> Draw:
    """Draws by `sampling`, within the grammar where there is one. Lots are cast on the CPU: a seed means the same on
    every device."""
    lots = torch.Generator("cpu").manual_seed(seed)

    def draw(logits: Tensor, reply: Sequence[int]) -> int:
        if grammar is not None:
            allowed = torch.from_numpy(grammar.allowed(len(logits))).to(logits.device)
            logits = logits.masked_fill(~allowed, -torch.inf)
        logits = _penalised(logits, reply, sampling.penalty)
        token = int(logits.argmax()) if sampling.temperature < COLDEST else _lot(logits.cpu(), sampling, lots)
        if grammar is not None:
            grammar.take(token)
        return token

    return draw


def _penalised(logits: Tensor, reply: Sequence[int], penalty: float) -> Tensor:
    """Tokens of the reply are less likely (Keskar et al. 2019, CTRL)."""
    if penalty == 1.0 or not reply:
        return logits
    seen = torch.tensor(sorted(set(reply)), device=logits.device)
    found = logits[seen]
    return logits.index_copy(0, seen, torch.where(found > 0, found / penalty, found * penalty))


def _lot(logits: Tensor, sampling: Sampling, lots: torch.Generator) -> int:
    """One token out of the likeliest: `top_k` of them, and then so many that they sum up to `top_p`."""
    warm = logits / sampling.temperature
    best, places = warm.topk(min(MOST, len(warm)))  # sorting a whole vocabulary costs a tenth of a small model's time
    chances = (best - warm.logsumexp(-1)).exp()
    if len(best) < len(warm) and chances.sum() < sampling.top_p:
        best, places = warm.sort(descending=True)
        chances = torch.softmax(best, -1)
    unlikely = chances.cumsum(-1) - chances > sampling.top_p
    if sampling.top_k:
        unlikely[sampling.top_k :] = True
    return int(places[torch.multinomial(chances.masked_fill(unlikely, 0.0), 1, generator=lots)])
