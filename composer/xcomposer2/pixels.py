"""Pictures to the numbers the image tower takes, exactly as the official code does it."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from composer.xcomposer2 import tiles, tower
from composer.xcomposer2.config import XComposer2Config

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


def squashed(images: Sequence[Image.Image], side: int) -> Tensor:
    """(n, 3, side, side) float32: bicubic whatever the form, then CLIP's mean and deviation."""
    if not images:
        return torch.empty(0, 3, side, side)
    return torch.stack([normal(i.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)) for i in images])


def whole(images: Sequence[Image.Image], side: int) -> Tensor:
    """(n, 3, side, side) float32 in -1..1: made to fit, in the middle of a white square."""
    made = torch.empty(len(images), 3, side, side)
    for row, image in zip(made, images, strict=True):
        scale = side / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        square = Image.new("RGB", (side, side), "white")
        square.paste(
            image.convert("RGB").resize(size, Image.Resampling.BICUBIC), ((side - size[0]) // 2, (side - size[1]) // 2)
        )
        row.copy_(torch.from_numpy(np.array(square)).permute(2, 0, 1).float().div(255).sub(tower.MEAN).div(tower.STD))
    return made


def in_tiles(images: Sequence[Image.Image], side: int, most: int) -> tuple[Tensor, Tensor]:
    """Overviews and tiles of all pictures, (m, 3, side, side) float32, and rows and columns of each, (n, 2) int64."""
    cuts = [tiles.cut(normal(tiles.tiled(image.convert("RGB"), side, most)), side) for image in images]
    grids = torch.tensor([grid for _, grid in cuts], dtype=torch.long).reshape(-1, 2)
    return torch.cat([pixels for pixels, _ in cuts]) if cuts else torch.empty(0, 3, side, side), grids


def normal(image: Image.Image) -> Tensor:
    """(3, h, w) float32 of an RGB picture."""
    values = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)
    mean, std = torch.tensor(MEAN)[:, None, None], torch.tensor(STD)[:, None, None]
    return (values - mean) / std


def prepared(images: Sequence[Image.Image], config: XComposer2Config) -> dict[str, Tensor]:
    """What a model of this config takes: `pixel_values`, and `image_grids` where it has tiles."""
    side = int(config.vision_config.image_size)
    if isinstance(config.vision_config, tower.DrawingTowerConfig):
        return {"pixel_values": whole(images, side)}
    if not config.tiles:
        return {"pixel_values": squashed(images, side)}
    pixel_values, grids = in_tiles(images, side, config.max_tiles)
    return {"pixel_values": pixel_values, "image_grids": grids}
