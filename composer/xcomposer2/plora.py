"""Partial LoRA: a low-rank correction that image tokens get and text tokens do not (arXiv 2401.16420, section 3.1).

Knows linear layers and rows; does not know pictures, prompts or checkpoints. Works on any language model of
transformers whose decoder layers are built like Llama's.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

SITES = {
    "qkv": ("self_attn", ("q_proj", "k_proj", "v_proj")),  # these three share one A
    "o": ("self_attn", ("o_proj",)),
    "gate": ("mlp", ("gate_proj",)),
    "up": ("mlp", ("up_proj",)),
    "down": ("mlp", ("down_proj",)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Low:
    """The size of one correction."""

    rank: int  # 0: the layer stays plain
    alpha: float  # the correction is scaled by alpha / rank

    @property
    def scale(self) -> float:
        return self.alpha / self.rank


class Rows:
    """Which rows of the flattened (batch * tokens) hold image tokens, in the pass that is under way.

    One for all layers of a model. `index` is (n,) int64 on the model's device, ascending; None means that no token of
    the pass is an image token, and then no layer does more than its plain work. `run` is the same rows as a slice, where
    they are one picture's on a CPU: a slice is neither copied nor added back. One pass at a time.
    """

    __slots__ = ("_kept", "index", "run")

    def __init__(self) -> None:
        self.index: Tensor | None = None
        self.run: slice | None = None
        self._kept: tuple[Tensor, nn.Module, Tensor] | None = None  # x, A, A x of the last call

    @contextmanager
    def at(self, index: Tensor | None) -> Iterator[None]:
        """Corrections are on these rows inside the block."""
        before = self.index, self.run
        self.index, self.run = index, _run(index)
        try:
            yield
        finally:
            self.index, self.run = before
            self._kept = None

    def low(self, x: Tensor, a: nn.Module, index: Tensor, dropout: float) -> Tensor:
        """A x of these rows, (n, rank). The last is kept: q, k and v have A and x in common."""
        if self._kept is None or self._kept[0] is not x or self._kept[1] is not a:
            flat = x.reshape(-1, x.shape[-1])
            rows = flat.index_select(0, index) if self.run is None else flat[self.run]  # (n, in)
            self._kept = (x, a, a(functional.dropout(rows, dropout) if dropout else rows))
        return self._kept[2]


class PLoRALinear(nn.Linear):
    """W x + b for every token, plus scale * B A x for image tokens.

    Made from a plain layer, whose weight and bias it takes over. A is drawn like a linear layer's weight (Kaiming), B is
    zero: a fresh one equals the plain layer.
    """

    rows: Rows
    a: nn.Linear

    def __init__(
        self, plain: nn.Linear, low: Low, rows: Rows, *, a: nn.Linear | None = None, dropout: float = 0.0
    ) -> None:
        nn.Module.__init__(self)
        weight = plain.weight
        self.in_features, self.out_features = plain.in_features, plain.out_features
        self.weight = weight
        self.register_parameter("bias", plain.bias)
        self.scale = low.scale
        self.dropout = dropout
        where: dict[str, Any] = {"device": weight.device, "dtype": weight.dtype, "bias": False}
        if a is None:
            self.plora_a = nn.Linear(self.in_features, low.rank, **where)
        self.plora_b = nn.Linear(low.rank, self.out_features, **where)
        nn.init.zeros_(self.plora_b.weight)
        # transformers draws what has no such mark anew when a model is put together, B included
        for module in (self, self.plora_b, *(() if a is not None else (self.plora_a,))):
            module.__dict__["_is_hf_initialized"] = True
        self.__dict__["rows"] = rows
        self.__dict__["a"] = self.plora_a if a is None else a  # by reference: a shared A is registered once, elsewhere

    def forward(self, x: Tensor) -> Tensor:
        y = functional.linear(x, self.weight, self.bias)  # (..., out)
        index = self.rows.index
        return y if index is None else self.corrected(x, y, index)

    def corrected(self, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        """y with the correction added to the image rows."""
        low = self.rows.low(x, self.a, index, self.dropout if self.training else 0.0)
        run, weight = self.rows.run, self.plora_b.weight
        if run is not None and not torch.is_grad_enabled() and _plain(weight, y):
            y.view(-1, y.shape[-1])[run].addmm_(low, weight.t(), alpha=self.scale)  # B A x is never a tensor of its own
            return y
        correction = self.plora_b(low).to(y.dtype)  # (n, out)
        return y.reshape(-1, y.shape[-1]).index_add_(0, index, correction, alpha=self.scale).view_as(y)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, rank={self.plora_b.in_features}, scale={self.scale}"


def add_plora(
    model: nn.Module, rank: int, alpha: float, *, dropout: float = 0.0, sites: Mapping[str, Low] | None = None
) -> Rows:
    """Put Partial LoRA on every linear layer of every decoder layer of a Llama-family model, in place.

    `sites` names the sites (keys of SITES) whose size differs. Returns the model's `Rows`: run it inside
    `rows.at(index)` where there are image tokens, and plainly where there are none. Raises ValueError for a model
    without such layers.
    """
    rows = Rows()
    sizes = {site: (sites or {}).get(site, Low(rank=rank, alpha=alpha)) for site in SITES}
    layers = _decoder_layers(model)
    for layer in layers:
        for site, low in sizes.items():
            if low.rank:
                _replace(layer, site, low, rows, dropout)
    return rows


def plora_parameters(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Names and values of all A and B."""
    return ((name, p) for name, p in model.named_parameters() if ".plora_a." in name or ".plora_b." in name)


def checkpointing(rows: Rows) -> dict[str, Any]:
    """What `activation_checkpointing_enable(activation_checkpointing_kwargs=...)` needs, so that a layer that is computed
    again in the backward pass finds the rows of its forward pass."""

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), rows.at(rows.index)

    return {"use_reentrant": False, "context_fn": contexts}


def _run(index: Tensor | None) -> slice | None:
    """Ascending rows without gaps as a slice. None on a GPU, which would have to be waited for."""
    if index is None or not len(index) or index.device.type != "cpu":
        return None
    first, last = int(index[0]), int(index[-1])
    return slice(first, last + 1) if last - first + 1 == len(index) else None


def _plain(weight: Tensor, like: Tensor) -> bool:
    """Whether a weight can be multiplied outside its layer: not quantised, not offloaded, of the same number type."""
    return type(weight) is nn.Parameter and weight.device == like.device and weight.dtype == like.dtype


def _decoder_layers(model: nn.Module) -> list[nn.Module]:
    found = [m for m in model.modules() if all(_has(m, *SITES[site]) for site in SITES)]
    if not found:
        raise ValueError(f"{type(model).__name__} has no decoder layers like Llama's: PLoRA goes on {SITES}.")
    return found


def _has(layer: nn.Module, part: str, names: tuple[str, ...]) -> bool:
    return all(isinstance(getattr(getattr(layer, part, None), name, None), nn.Linear) for name in names)


def _replace(layer: nn.Module, site: str, low: Low, rows: Rows, dropout: float) -> None:
    part, names = SITES[site]
    parent: nn.Module = getattr(layer, part)
    shared: nn.Linear | None = None
    if len(names) > 1:
        plain: nn.Linear = getattr(parent, names[0])
        weight = plain.weight
        shared = nn.Linear(plain.in_features, low.rank, bias=False, device=weight.device, dtype=weight.dtype)
        shared.__dict__["_is_hf_initialized"] = True
        parent.plora_a = shared
    for name in names:
        setattr(parent, name, PLoRALinear(getattr(parent, name), low, rows, a=shared, dropout=dropout))
