"""Conversations as tensors, and their loss. What stands before a conversation's first picture is the frozen language
model's alone, so it is read without gradients: a third of the work of a choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import DynamicCache

from composer.xcomposer2.chat import Mark, encoded_run
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.processing import IMAGE
from composer.xcomposer2.starter.tasks import Content, Exchange, Sample, Shown
from composer.xcomposer2.tokens import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One conversation: ids with IMAGE for tokens of pictures, the weight of each token in the loss, its pictures."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]
    shown: tuple[Shown, ...]

    @property
    def prefix(self) -> int:
        """Tokens before the first picture; at least one token is left."""
        return min(self.ids.index(IMAGE) if IMAGE in self.ids else len(self.ids), len(self.ids) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Prefixes padded on the left, what follows padded on the right."""

    prefix: Tensor  # (n, p)
    suffix: Tensor  # (n, s)
    mask: Tensor  # (n, p + s)
    weights: Tensor  # (n, s): of the token that stands there
    shown: tuple[Shown, ...]


def row_of(sample: Sample, tokens: Tokens, per_image: int, *, letter: float = 1.0, answered: bool = True) -> Row:
    """A sample's tokens, laid out as the engine lays out its requests; without the last answer where that is wanted."""
    ids: list[int] = []
    weights: list[float] = []
    shown: list[Shown] = []
    for number, one in enumerate(sample.exchanges):
        for run in _runs(one):
            if isinstance(run, Shown):
                shown.append(run)
                ids += [IMAGE] * per_image
            else:
                ids += encoded_run(run, tokens)
        weights += [0.0] * (len(ids) - len(weights))
        if not answered and number == len(sample.exchanges) - 1:
            break
        reply = tokens.encode_plain(one.reply)
        choosing = one.asks == "choose"
        ending = [] if choosing else encoded_run([Mark.END], tokens)
        weights += [letter] * len(reply) if choosing else [1 / (len(reply) + 1)] * (len(reply) + len(ending))
        ids += [*reply, *ending]
        if number < len(sample.exchanges) - 1:
            ids += encoded_run(["\n"] if ending else [Mark.END, "\n"], tokens)
            weights += [0.0] * (len(ids) - len(weights))
    return Row(ids=tuple(ids), weights=tuple(weights), shown=tuple(shown))


def batch_of(rows: Sequence[Row], *, split: bool = True) -> Batch:
    """Rows of one step. Without `split` all tokens are of the second part."""
    before = [row.prefix if split else 0 for row in rows]
    p, s = max(before), max(len(row.ids) - at for row, at in zip(rows, before, strict=True))
    prefix, suffix = torch.zeros(len(rows), p, dtype=torch.long), torch.zeros(len(rows), s, dtype=torch.long)
    mask, weights = torch.zeros(len(rows), p + s, dtype=torch.long), torch.zeros(len(rows), s)
    for n, (row, at) in enumerate(zip(rows, before, strict=True)):
        own = len(row.ids) - at
        prefix[n, p - at :] = torch.tensor(row.ids[:at], dtype=torch.long)
        suffix[n, :own] = torch.tensor(row.ids[at:])
        mask[n, p - at : p + own] = 1
        weights[n, :own] = torch.tensor(row.weights[at:])
    return Batch(
        prefix=prefix, suffix=suffix, mask=mask, weights=weights, shown=tuple(x for r in rows for x in r.shown)
    )


def hidden_of(model: XComposer2ForConditionalGeneration, batch: Batch, features: Tensor | None) -> Tensor:
    """The last hidden states of the second part, (n, s, hidden); `features` are the pictures' tokens as the tower gives
    them, (pictures, tokens, c)."""
    p = batch.prefix.shape[1]
    positions = (batch.mask.cumsum(1) - 1).clamp(min=0)
    cache = DynamicCache(config=model.config.text_config) if p else None
    if p:
        with torch.no_grad():
            model.model.language_model(
                input_ids=batch.prefix, attention_mask=batch.mask[:, :p], position_ids=positions[:, :p],
                past_key_values=cache, use_cache=True,
            )  # fmt: skip
    embeds = None if features is None else model.model.projector(features).flatten(0, 1)
    inputs: dict[str, Any] = {"attention_mask": batch.mask, "position_ids": positions[:, p:], "past_key_values": cache}
    hidden: Tensor = model.model(batch.suffix, image_features=embeds, use_cache=bool(p), **inputs).last_hidden_state
    return hidden


def loss_of(model: XComposer2ForConditionalGeneration, batch: Batch, features: Tensor | None) -> Tensor:
    """The mean loss of the tokens that are learnt, by their weights."""
    hidden = hidden_of(model, batch, features)[:, :-1]
    weights = batch.weights[:, 1:]
    learnt = weights > 0
    logits = model.lm_head(hidden[learnt]).float()
    each = functional.cross_entropy(logits, batch.suffix[:, 1:][learnt], reduction="none")
    return (each * weights[learnt]).sum() / weights.sum()


def _runs(one: Exchange) -> list[Shown | list[str | Mark]]:
    """A question as the engine lays it out, in pictures and runs of text between them."""
    parts: list[Content | Mark] = [
        Mark.TURN,
        "user\n",
        *one.content,
        Mark.END,
        "\n",
        Mark.TURN,
        "assistant\n",
        one.begun,
    ]
    runs: list[Shown | list[str | Mark]] = []
    for part in parts:
        if isinstance(part, Shown):
            runs.append(part)
        elif part != "":
            if not runs or isinstance(runs[-1], Shown):
                runs.append([])
            last = runs[-1]
            assert isinstance(last, list)
            last.append(part)
    return runs
