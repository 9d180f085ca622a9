"""Pictures of any form as square tiles, as the 4khd model sees them.

Every picture becomes a small square overview and h x w tiles. Of the tower's patches each 2 x 2 become one token; every
row of tokens ends with a learnt separator, and another stands between the overview and the tiles. A picture has
(h w + 1) m^2 + 1 + (h + 1) m tokens, m being half the patches along a tile's side (12 for 336 px).
"""

import math
from collections.abc import Sequence

import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional


def tiled(image: Image.Image, side: int, most: int) -> Image.Image:
    """The picture enlarged or shrunk to a width (or height, where it is taller) of as many tiles as `most` allow, and
    padded with white to whole tiles."""
    tall = image.height > image.width
    picture = image.transpose(Image.Transpose.TRANSPOSE) if tall else image
    ratio = picture.width / picture.height
    across = 1
    while (across + 1) * math.ceil((across + 1) / ratio) <= most:
        across += 1
    width = across * side
    height = max(1, int(width / ratio))
    resized = picture.resize((width, height), Image.Resampling.BILINEAR)
    whole = math.ceil(height / side) * side
    top = (whole - height) // 2
    padded = ImageOps.expand(resized, (0, top, 0, whole - height - top), fill=(255, 255, 255))
    return padded.transpose(Image.Transpose.TRANSPOSE) if tall else padded


def cut(pixels: Tensor, side: int) -> tuple[Tensor, tuple[int, int]]:
    """From (3, H, W) to the overview and the tiles row by row, (1 + h w, 3, side, side), and (h, w)."""
    _, height, width = pixels.shape
    rows, columns = height // side, width // side
    overview = functional.interpolate(pixels[None], (side, side), mode="bicubic", align_corners=False)
    parts = pixels.reshape(3, rows, side, columns, side).permute(1, 3, 0, 2, 4).reshape(-1, 3, side, side)
    return torch.cat([overview, parts]), (rows, columns)


def token_count(rows: int, columns: int, patches: int) -> int:
    """Tokens of a picture of rows x columns tiles with `patches` along a tile's side."""
    m = patches // 2
    return (rows * columns + 1) * m * m + 1 + (rows + 1) * m


def joined(features: Tensor, grids: Sequence[tuple[int, int]], row_end: Tensor, overview_end: Tensor) -> Tensor:
    """All pictures' merged features with separators, (tokens of all, 4 c), from the tower's (tiles, patches^2, c).

    `row_end` and `overview_end` are (4 c,).
    """
    pictures, begin = [], 0
    for rows, columns in grids:
        end = begin + 1 + rows * columns
        overview, parts = features[begin : begin + 1], features[begin + 1 : end]
        tokens = [_rows(overview, 1, 1, row_end), overview_end[None], _rows(parts, rows, columns, row_end)]
        pictures.append(torch.cat(tokens))
        begin = end
    return torch.cat(pictures)


def _rows(tiles: Tensor, rows: int, columns: int, row_end: Tensor) -> Tensor:
    """The tiles side by side as rows of merged tokens, each row closed: (rows m (columns m + 1), 4 c)."""
    n, patches, c = tiles.shape
    m = math.isqrt(patches) // 2
    merged = tiles.reshape(n, m, 2, m, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(rows, columns, m, m, 4 * c)
    plane = merged.permute(0, 2, 1, 3, 4).reshape(rows * m, columns * m, 4 * c)
    closed = torch.cat([plane, row_end.expand(rows * m, 1, 4 * c)], 1)
    return closed.reshape(-1, 4 * c)
