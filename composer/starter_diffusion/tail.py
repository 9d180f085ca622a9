"""The autoencoder taken from 64 to 512 px: exact layers before the encoder, learned ones behind the decoder.

The encoder's new layers are linear: each halves the picture by means of four pixels, the last also does what was the
first layer's work; so latents of a 512 px picture are those of the picture made small. The decoder's new layers begin
as a smooth doubling of what the 64 px decoder knows, and then learn what edges look like at 512 px.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from composer.starter_diffusion.autoencoder import edges
from retrieval.torchvision_fix import allow_cpu_torchvision

Log = Callable[[str], None]


def taller(small: Any, settings: Mapping[str, Any], doublings: int, scale: float) -> Any:  # noqa: ANN401
    """An autoencoder of pictures 2**doublings as large, with the same latents; `scale` makes their variance 1."""
    allow_cpu_torchvision()
    import torch
    from diffusers import AutoencoderTiny

    widths = (settings["width"],) * (3 + doublings)
    made = AutoencoderTiny(
        encoder_block_out_channels=widths,
        decoder_block_out_channels=widths,
        num_encoder_blocks=(0,) * doublings + tuple(settings["encoder"]),
        num_decoder_blocks=tuple(settings["decoder"]) + (1,) * (doublings - 1) + (0,),
        latent_channels=settings["latents"],
        scaling_factor=scale,
    )
    with torch.no_grad():
        _before(small.encoder.layers, made.encoder.layers, doublings)
        _behind(small.decoder.layers, made.decoder.layers, doublings)
    return made.eval()


def train(
    model: Any,  # noqa: ANN401
    pictures: NDArray[np.uint8],
    settings: Mapping[str, Any],
    doublings: int,
    log: Log,
) -> Any:  # noqa: ANN401
    """Train the new decoder layers on pictures (n, 512, 512, 3) of this size; the rest stays as it is."""
    import torch

    device = next(model.parameters()).device
    layers = model.decoder.layers
    first = len(layers) - 3 * doublings  # each doubling: upsampling, convolution, block; the last: no block, colours
    model.requires_grad_(False)
    layers[first:].requires_grad_(True)
    new = [p for p in layers[first:].parameters()]
    optimizer = torch.optim.AdamW(new, lr=settings["lr"], weight_decay=1e-4)
    for step in range(settings["steps"]):
        for group in optimizer.param_groups:
            group["lr"] = settings["lr"] * min(1.0, (step + 1) / 20, (1 - step / settings["steps"]) / 0.4)
        wanted = _crops(pictures, settings, 2**doublings * 4, step).to(device)
        with torch.no_grad():
            latents = model.encoder(wanted)
            draws = torch.Generator().manual_seed(step)
            latents = latents + settings["noise"] * torch.randn(latents.shape, generator=draws).to(device)
        with torch.autocast("cpu", torch.bfloat16):
            seen = model.decoder(latents)
        loss = (seen.float() - wanted).abs().mean() + edges(seen.float(), wanted)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(new, 1.0)
        optimizer.step()
        if step % 20 == 0:
            log(f'{{"tail": {step}, "loss": {float(loss.detach()):.4f}}}')
    return model.eval()


def _crops(pictures: NDArray[np.uint8], settings: Mapping[str, Any], scale: int, step: int) -> Any:  # noqa: ANN401
    """(batch, 3, px, px) in -1..1: places of pictures that are not all ground, on the latents' grid."""
    import torch

    draws = np.random.default_rng([9, step])
    px, found = settings["crop"] * scale, list[NDArray[np.uint8]]()
    while len(found) < settings["batch"]:
        one = pictures[int(draws.integers(len(pictures)))]
        y, x = draws.integers(0, (one.shape[0] - px) // scale + 1, 2) * scale
        crop = one[y : y + px, x : x + px]
        if crop.std() > 4 or draws.random() < 0.02:
            found.append(crop)
    batch = torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2).float() / 127.5 - 1
    return batch.contiguous(memory_format=torch.channels_last)


def drawn(drawings: Any, px: int, margin: int) -> NDArray[np.uint8]:  # noqa: ANN401
    """(n, px, px, 3) of drawings with SVG or a file, on white with a margin; those that cannot be drawn are left out."""
    from retrieval.training import pixels

    side, found = px - 2 * margin, []
    for drawing in drawings:
        data = pixels.draw(drawing, side)
        if data is not None:
            rgba = np.frombuffer(data, np.uint8).reshape(side, side, 4).astype(np.float32) / 255
            flat = rgba[..., :3] * rgba[..., 3:] + 1 - rgba[..., 3:]
            square = np.ones((px, px, 3), np.float32)
            square[margin:-margin, margin:-margin] = flat
            found.append((square * 255).round().astype(np.uint8))
    return np.stack(found)


def _before(small: Any, tall: Any, doublings: int) -> None:  # noqa: ANN401
    """Channels 0 to 2 carry the colours, channel 3 carries a one, for the old first layer's offset."""
    for layer in tall[: doublings + 1]:
        layer.weight.zero_()
    tall[0].bias.zero_()
    for channel in range(3):
        tall[0].weight[channel, channel, 1, 1] = 1
        for layer in tall[1:doublings]:
            layer.weight[channel, channel, 1:, 1:] = 0.25
    tall[0].bias[3] = 1
    for layer in tall[1:doublings]:
        layer.weight[3, 3, 1, 1] = 1
    old = small[0]
    tall[doublings].weight[:, :3, 1:, 1:] = old.weight[:, :, 1, 1, None, None] / 4
    tall[doublings].weight[:, 3, 1, 1] = old.bias
    for kept, layer in zip(small[1:], tall[doublings + 1 :], strict=True):
        layer.load_state_dict(kept.state_dict())


def _behind(small: Any, tall: Any, doublings: int) -> None:  # noqa: ANN401
    import torch

    last = len(small) - 1
    for kept, layer in zip(small[:last], tall[:last], strict=True):
        layer.load_state_dict(kept.state_dict())
    smooth = torch.tensor([1.0, 2.0, 1.0]) / 4
    for layer in tall[last:]:
        if isinstance(layer, torch.nn.Conv2d) and layer.out_channels == layer.in_channels:
            layer.weight.zero_()
            for channel in range(layer.in_channels):
                layer.weight[channel, channel] = smooth[:, None] * smooth[None, :]
        elif hasattr(layer, "conv"):
            layer.conv[-1].weight.zero_()
            layer.conv[-1].bias.zero_()
    tall[-1].load_state_dict(small[last].state_dict())
