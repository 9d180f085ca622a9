"""One look for the pictures of a batch: each attends to its leader's picture too (StyleAligned, arXiv 2312.02133).

Knows the self-attention of diffusers' UNets (modules called `attn1`); does not know pipelines or drawings.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PROJECTIONS = ("to_q", "to_k", "to_v")


def can_share(denoiser: Any) -> bool:  # noqa: ANN401 - torch modules
    """Whether a denoiser (or None) has self-attention that can be shared."""
    return denoiser is not None and any(_projection(name) for name, _ in denoiser.named_modules())


@contextmanager
def shared(denoiser: Any, count: int) -> Iterator[None]:  # noqa: ANN401 - torch modules
    """While it lasts, every self-attention of a batch of `count` pictures sees the first one's keys and values too.

    Rows may come several times `count`, as guidance makes them: the first of each `count` leads its own. Queries and keys
    take the leader's mean and spread over its tokens, per channel. The leader's own picture stays what it is alone.
    """
    hooks = []
    try:
        for name, module in denoiser.named_modules():
            if kind := _projection(name):
                hooks.append(module.register_forward_hook(_led(kind, count)))
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _projection(name: str) -> str:
    """Which of the projections of a self-attention a module is; "" for another module."""
    parts = name.split(".")
    return parts[-1] if len(parts) > 1 and parts[-2] == "attn1" and parts[-1] in PROJECTIONS else ""


def _led(kind: str, count: int) -> Callable[..., Any]:
    import torch

    def hook(module: Any, given: Any, rows: Any) -> Any:  # noqa: ANN401 - rows (groups * count, tokens, channels)
        if rows.shape[0] % count:
            return rows
        leads = rows.unflatten(0, (-1, count))[:, :1].expand(-1, count, -1, -1).flatten(0, 1)
        if kind != "to_v":
            rows = _alike(rows, leads)
        return rows if kind == "to_q" else torch.cat([leads, rows], 1)

    return hook


def _alike(rows: Any, leads: Any) -> Any:  # noqa: ANN401 - both (n, tokens, channels)
    """The rows with the leaders' mean and spread in each channel."""
    spread = rows.std(1, keepdim=True) + 1e-5
    return (rows - rows.mean(1, keepdim=True)) / spread * (leads.std(1, keepdim=True) + 1e-5) + leads.mean(
        1, keepdim=True
    )
