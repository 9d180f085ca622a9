"""Pictures to latents and back: diffusers' AutoencoderTiny, trained on crops of flat drawings.

A latent is a square of 4 px of a 64 px picture. Knows nothing of prompts or diffusion.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.torchvision_fix import allow_cpu_torchvision
from retrieval.training.keeping import whole

Log = Callable[[str], None]
KEEP_EVERY_S = 60


def build(settings: Mapping[str, Any]) -> Any:  # noqa: ANN401 - diffusers has no types
    """A fresh autoencoder of 4 px a latent. Its first layer looks at single pixels, so that it can be taken further."""
    import torch

    allow_cpu_torchvision()
    from diffusers import AutoencoderTiny

    torch.manual_seed(0)
    widths = (settings["width"],) * 3
    made = AutoencoderTiny(
        encoder_block_out_channels=widths,
        decoder_block_out_channels=widths,
        num_encoder_blocks=tuple(settings["encoder"]),
        num_decoder_blocks=tuple(settings["decoder"]),
        latent_channels=settings["latents"],
    )
    _pointwise(made)
    return made


def train(pictures: NDArray[np.float32], settings: Mapping[str, Any], folder: Path, log: Log) -> Any:  # noqa: ANN401
    """The trained autoencoder of pictures (n, 3, px, px), going on from `folder`'s checkpoint.

    Loss: L1 of colours and of their differences to the neighbours (edges), and latents near mean 0 and variance 1.
    """
    import torch

    model = build(settings).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings["lr"], weight_decay=1e-4)
    first, path, kept = 0, folder / "autoencoder.pt", time.monotonic()
    if path.is_file():
        state = torch.load(path, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first = int(state["step"])
    for step in range(first, settings["steps"]):
        part = step / settings["steps"]
        for group in optimizer.param_groups:
            group["lr"] = settings["lr"] * min(1.0, step / 100, (1 - part) / 0.3)
        loss = _step(model, optimizer, _crops(pictures, settings, step), settings["noise"], step)
        if step % 50 == 0:
            log(f'{{"autoencoder": {step}, "loss": {loss:.4f}}}')
        if time.monotonic() - kept > KEEP_EVERY_S or step + 1 == settings["steps"]:
            state = {"step": step + 1, "model": model.state_dict(), "optimizer": optimizer.state_dict()}
            with whole(path) as part:
                torch.save(state, part)
            kept = time.monotonic()
    return model.eval()


def trained(settings: Mapping[str, Any], folder: Path) -> Any:  # noqa: ANN401
    """The autoencoder of `folder`'s checkpoint."""
    import torch

    made = build(settings)
    made.load_state_dict(torch.load(folder / "autoencoder.pt", weights_only=True)["model"])
    return made.eval()


def latents_of(model: Any, pictures: NDArray[np.float32]) -> NDArray[np.float32]:  # noqa: ANN401
    """(n, channels, side, side) of pictures (n, 3, px, px)."""
    import torch

    with torch.inference_mode():
        parts = [model.encoder(torch.from_numpy(pictures[i : i + 128])) for i in range(0, len(pictures), 128)]
        return np.asarray(torch.cat(parts).numpy(), np.float32)


def _crops(pictures: NDArray[np.float32], settings: Mapping[str, Any], step: int) -> Any:  # noqa: ANN401
    """(batch, 3, crop, crop): each from another place of another drawing."""
    import torch

    draws = np.random.default_rng([7, step])
    crop, count = settings["crop"], min(settings["batch"], len(pictures))
    chosen = draws.choice(len(pictures), count, replace=False)
    corners = draws.integers(0, (pictures.shape[-1] - crop) // 4 + 1, (count, 2)) * 4
    parts = [pictures[i][:, y : y + crop, x : x + crop] for i, (y, x) in zip(chosen, corners, strict=True)]
    return torch.from_numpy(np.stack(parts)).contiguous(memory_format=torch.channels_last)


def _step(model: Any, optimizer: Any, images: Any, noise: float, step: int) -> float:  # noqa: ANN401
    import torch

    draws = torch.Generator().manual_seed(step)

    with torch.autocast("cpu", torch.bfloat16):
        latents = model.encoder(images)
        seen = model.decoder(latents + noise * torch.randn(latents.shape, generator=draws))
    z, out = latents.float(), seen.float()
    mean, spread = z.mean((0, 2, 3)), z.var((0, 2, 3))
    loss = (out - images).abs().mean() + 0.5 * edges(out, images) + 0.02 * (mean**2 + (spread - 1) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    _pointwise(model)
    return float(loss.detach())


def edges(a: Any, b: Any) -> Any:  # noqa: ANN401
    """Mean absolute difference of neighbours' differences, both ways."""
    across = (a.diff(dim=3) - b.diff(dim=3)).abs().mean()
    down = (a.diff(dim=2) - b.diff(dim=2)).abs().mean()
    return across + down


def _pointwise(model: Any) -> None:  # noqa: ANN401
    """Zero the first layer's weights but its middle ones."""
    import torch

    first = model.encoder.layers[0].weight
    middle = torch.zeros_like(first)
    middle[:, :, 1, 1] = 1
    with torch.no_grad():
        first.mul_(middle)
