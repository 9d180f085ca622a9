"""Drawings made different at every step: ground, size, place, turn, light; in batches on whatever device trains."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def on_grounds(pixels: NDArray[np.uint8], tinted: NDArray[np.bool_], draws: Any) -> Any:  # noqa: ANN401 - tensors
    """(n, 3, px, px) float32 in 0..1 of RGBA (n, px, px, 4): each on a ground of its own; one-colour icons get a colour.

    Half of the grounds are white, most others light, some dark.
    """
    import torch

    x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float().div_(255)
    n = len(x)
    kind = torch.rand(n, generator=draws)
    light = 0.6 + 0.4 * torch.rand(n, 3, generator=draws)
    dark = 0.45 * torch.rand(n, 3, generator=draws)
    ground = torch.where((kind < 0.5)[:, None], torch.ones(n, 3), torch.where((kind < 0.85)[:, None], light, dark))
    ink = torch.rand(n, 3, generator=draws) * 0.7 + torch.where(kind < 0.85, 0.0, 0.3)[:, None]
    colours = torch.where(torch.from_numpy(tinted)[:, None, None, None], ink[:, :, None, None], x[:, :3])
    alpha = x[:, 3:]
    return colours * alpha + ground[:, :, None, None] * (1 - alpha), ground


def moved(pixels: Any, ground: Any, may_flip: NDArray[np.bool_], px: int, draws: Any) -> Any:  # noqa: ANN401
    """The pictures scaled (0.65 to 1.1), turned (up to 15 degrees), shifted and flipped, on their grounds, at `px`."""
    import torch
    from torch.nn import functional

    n = len(pixels)
    scale = 0.65 + 0.45 * torch.rand(n, generator=draws)
    turn = (torch.rand(n, generator=draws) - 0.5) * (torch.pi / 6)
    flip = torch.where((torch.rand(n, generator=draws) < 0.5) & torch.from_numpy(may_flip), -1.0, 1.0)
    shift = (torch.rand(n, 2, generator=draws) - 0.5) * 0.3
    cos, sin = torch.cos(turn) / scale, torch.sin(turn) / scale
    theta = torch.stack(
        [torch.stack([cos * flip, -sin, shift[:, 0]], 1), torch.stack([sin * flip, cos, shift[:, 1]], 1)], 1
    )
    grid = functional.affine_grid(theta, [n, 3, px, px], align_corners=False)
    centred = pixels - ground[:, :, None, None]  # what lies outside a picture is its ground
    out = functional.grid_sample(centred, grid, align_corners=False) + ground[:, :, None, None]
    bright = 0.8 + 0.4 * torch.rand(n, 1, 1, 1, generator=draws)
    contrast = 0.8 + 0.4 * torch.rand(n, 1, 1, 1, generator=draws)
    out = ((out - 0.5) * contrast + 0.5) * bright
    grey = (torch.rand(n, 1, 1, 1, generator=draws) < 0.08).float()
    return (out * (1 - grey) + out.mean(1, keepdim=True) * grey).clamp_(0, 1)


def plain(pixels: NDArray[np.uint8], px: int) -> Any:  # noqa: ANN401
    """(n, 3, px, px): on white, scaled to `px`: what a library's picture looks like to the model."""
    import torch
    from torch.nn import functional

    x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float().div_(255)
    flat = x[:, :3] * x[:, 3:] + (1 - x[:, 3:])
    return functional.interpolate(flat, (px, px), mode="bicubic", antialias=True).clamp_(0, 1)
