"""A straightforward language model of the official scheme, as the measure of the native one and as its test oracle.

Written from the description of the scheme, not from anybody's code: boolean-mask indexing in every linear layer, eager
attention over repeated heads, caches that grow by `cat`, rotary angles by the length of the cache. Weights go by their
official names. One prompt or several of the same length; no padding.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from composer.xcomposer2.config import XComposer2Config


@dataclass(slots=True)
class Cache:
    """Keys and values of every layer, (batch, key heads, length, size) each."""

    layers: list[tuple[Tensor, Tensor]] = field(default_factory=list)


class Baseline:
    """The language model; pictures come in as features that are ready."""

    def __init__(self, tensors: Mapping[str, Tensor], config: XComposer2Config) -> None:
        self.tensors = tensors
        text: Any = config.text_config
        self.layers: int = text.num_hidden_layers
        self.heads: int = text.num_attention_heads
        self.keys: int = text.num_key_value_heads
        self.size: int = text.head_dim
        self.eps: float = text.rms_norm_eps
        self.theta: float = text.rope_parameters["rope_theta"]
        self.scales = {site: low.scale for site, low in config.lows.items() if low.rank}

    def embeds(self, ids: Tensor, features: Tensor | None) -> tuple[Tensor, Tensor]:
        """Embeddings of (b, n) ids with the features where these are negative, and that mask."""
        shown = ids < 0
        embeds = self.tensors["model.tok_embeddings.weight"][ids.clamp(min=0)]
        if features is not None:
            embeds[shown] = features.to(embeds.dtype)
        return embeds, shown

    def logits(self, embeds: Tensor, shown: Tensor, cache: Cache | None = None) -> Tensor:
        """(b, n, vocabulary) for the tokens given, which follow those in the cache."""
        past = cache.layers[0][0].shape[2] if cache and cache.layers else 0
        rotation = self._rotation(past, embeds.shape[1], embeds)
        hidden = embeds
        for number in range(self.layers):
            name = f"model.layers.{number}."
            normed = self._norm(hidden, name + "attention_norm.weight")
            hidden = hidden + self._attention(normed, shown, name + "attention.", number, rotation, cache)
            normed = self._norm(hidden, name + "ffn_norm.weight")
            gate = self._linear(normed, shown, name + "feed_forward.w1", "gate")
            up = self._linear(normed, shown, name + "feed_forward.w3", "up")
            hidden = hidden + self._linear(functional.silu(gate) * up, shown, name + "feed_forward.w2", "down")
        return functional.linear(self._norm(hidden, "model.norm.weight"), self.tensors["output.weight"])

    def greedy(self, embeds: Tensor, shown: Tensor, count: int) -> Tensor:
        """The `count` likeliest tokens one after another, (b, count)."""
        cache = Cache()
        token = self.logits(embeds, shown, cache)[:, -1:].argmax(-1)
        tokens = [token]
        for _ in range(count - 1):
            embeds, shown = self.embeds(token, None)
            token = self.logits(embeds, shown, cache)[:, -1:].argmax(-1)
            tokens.append(token)
        return torch.cat(tokens, 1)

    def _linear(self, x: Tensor, shown: Tensor, name: str, site: str) -> Tensor:
        y = functional.linear(x, self.tensors[name + ".weight"], self.tensors.get(name + ".bias"))
        if site not in self.scales:
            return y
        a, b = self.tensors[name + ".Plora_A.weight"], self.tensors[name + ".Plora_B.weight"]
        if shown.any():  # on a GPU this waits, in every layer
            y[shown] += functional.linear(functional.linear(x[shown], a), b) * self.scales[site]
        else:
            y[:, :1] += functional.linear(functional.linear(x[:, :1], a), b) * 0
        return y

    def _attention(
        self, x: Tensor, shown: Tensor, name: str, number: int, rotation: tuple[Tensor, Tensor], cache: Cache | None
    ) -> Tensor:
        b, n, _ = x.shape
        group = self.heads // self.keys
        packed = self._linear(x, shown, name + "wqkv", "qkv").reshape(b, n, self.keys, group + 2, self.size)
        q = packed[:, :, :, :group].reshape(b, n, self.heads, self.size).transpose(1, 2)
        k, v = packed[:, :, :, -2].transpose(1, 2), packed[:, :, :, -1].transpose(1, 2)
        q, k = _rotated(q, rotation), _rotated(k, rotation)
        if cache is not None:
            if len(cache.layers) > number:
                before = cache.layers[number]
                k, v = torch.cat([before[0], k], 2), torch.cat([before[1], v], 2)
                cache.layers[number] = (k, v)
            else:
                cache.layers.append((k, v))
        k, v = (t.repeat_interleave(group, 1) for t in (k, v))
        scores = q @ k.transpose(2, 3) / self.size**0.5
        mask = torch.full((n, k.shape[2]), -torch.inf, device=x.device, dtype=x.dtype).triu(1 + k.shape[2] - n)
        mixed = functional.softmax(scores + mask, -1, dtype=torch.float32).to(q.dtype) @ v
        return self._linear(mixed.transpose(1, 2).reshape(b, n, -1), shown, name + "wo", "o")

    def _norm(self, x: Tensor, name: str) -> Tensor:
        wide = x.float()
        scaled = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)
        return self.tensors[name] * scaled.to(x.dtype)

    def _rotation(self, past: int, count: int, like: Tensor) -> tuple[Tensor, Tensor]:
        powers = torch.arange(0, self.size, 2, device=like.device, dtype=torch.float32) / self.size
        positions = torch.arange(past, past + count, device=like.device, dtype=torch.float32)
        angles = positions[:, None] / self.theta**powers  # (n, size / 2)
        both = torch.cat([angles, angles], -1)
        return both.cos().to(like.dtype), both.sin().to(like.dtype)


def _rotated(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    cos, sin = rotation
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin
