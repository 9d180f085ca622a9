"""What became of the language: replies to text alone, compared with the language model before training."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.starter import folder, recipe
from composer.xcomposer2.tokens import Tokens

MOST = 24  # tokens of a continuation


def kept_words(model: XComposer2ForConditionalGeneration, tokens: Tokens, count: int) -> dict[str, Any]:
    """How many of `count` greedy continuations are the same, token by token, as the language model's by itself."""
    base = folder.language_model(str(model.config.base)).to(model.dtype)
    openings = recipe.words()["openings"][:count]
    same = [a == b for a, b in zip(continued(model, tokens, openings), continued(base, tokens, openings), strict=True)]
    return {"continuations": len(same), "the same": sum(same)}


@torch.inference_mode()
def continued(model: nn.Module, tokens: Tokens, openings: Sequence[str]) -> list[list[int]]:
    """The likeliest tokens after each opening, one at a time."""
    made = []
    for opening in openings:
        ids = torch.tensor([tokens.encode_plain(opening)])
        whole = model.generate(  # type: ignore[operator]
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=MOST, min_new_tokens=MOST, do_sample=False,
            pad_token_id=0,
        )  # fmt: skip
        made.append(whole[0, ids.shape[1] :].tolist())
    return made


@torch.inference_mode()
def perplexity(model: nn.Module, tokens: Tokens, texts: Sequence[str]) -> float:
    """Of text alone: e to the mean loss of a token."""
    total, count = 0.0, 0
    for text in texts:
        ids = torch.tensor([tokens.encode_plain(text)])
        logits = model(input_ids=ids).logits[0, :-1].float()
        total += float(torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum"))
        count += ids.shape[1] - 1
    return float(torch.tensor(total / max(1, count)).exp())
