"""Tiles, merging and separators of the 4khd model, and the official preparation of pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file

from composer.xcomposer2 import checkpoint
from composer.xcomposer2.convert import convert
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.pixels import MEAN, STD, in_tiles, squashed
from composer.xcomposer2.plora import SITES
from composer.xcomposer2.tiles import cut, joined, tiled, token_count
from tests.xcomposer2 import tiny

SIDE = 56


def test_squashed_pictures_are_normalised_as_by_the_official_transform() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    image = Image.fromarray(noise)
    pixels = squashed([image, image.convert("L")], 28)
    wanted = np.asarray(image.resize((28, 28), Image.Resampling.BICUBIC)).astype(np.float32) / 255
    torch.testing.assert_close(
        pixels[0], ((torch.tensor(wanted) - torch.tensor(MEAN)) / torch.tensor(STD)).permute(2, 0, 1)
    )
    assert pixels.shape == (2, 3, 28, 28)


@settings(max_examples=40, deadline=None)
@given(width=st.integers(1, 300), height=st.integers(1, 300), most=st.integers(1, 20))
def test_tiles_never_exceed_what_is_allowed(width: int, height: int, most: int) -> None:
    image = tiled(Image.new("RGB", (width, height)), SIDE, most)
    assert image.width % SIDE == image.height % SIDE == 0
    rows, columns = image.height // SIDE, image.width // SIDE
    assert 1 <= rows * columns <= most
    assert (image.width >= image.height) or height > width


def test_the_overview_and_the_tiles_are_in_reading_order() -> None:
    pixels = torch.arange(6).reshape(2, 3).repeat_interleave(4, 0).repeat_interleave(4, 1).expand(3, 8, 12).float()
    parts, grid = cut(pixels, 4)
    assert grid == (2, 3)
    assert parts.shape == (7, 3, 4, 4)
    assert [int(part[0, 0, 0]) for part in parts[1:]] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 3), (1, 4)])
def test_merged_tokens_stand_in_rows_that_are_closed(rows: int, columns: int) -> None:
    """Patches carry their place in the picture; what comes out is read back."""
    m, c = 2, 3
    features = torch.zeros(1 + rows * columns, 16, c)
    for tile in range(rows * columns):
        for patch in range(16):
            y, x = tile // columns * 4 + patch // 4, tile % columns * 4 + patch % 4
            features[1 + tile, patch] = torch.tensor([y, x, 1.0])
    end, between = torch.full((4 * c,), -1.0), torch.full((4 * c,), -2.0)
    tokens = joined(features, [(rows, columns)], end, between)
    assert len(tokens) == token_count(rows, columns, 4)
    overview = m * (m + 1)
    assert torch.equal(tokens[overview], between)
    body = tokens[overview + 1 :].reshape(rows * m, columns * m + 1, 4, c)
    assert (body[:, -1] == -1).all()
    for y in range(rows * m):
        for x in range(columns * m):
            places = [tuple(p.tolist()) for p in body[y, x]]
            assert places == [(2 * y + dy, 2 * x + dx, 1.0) for dy in (0, 1) for dx in (0, 1)]


def test_the_count_is_the_documented_one() -> None:
    assert token_count(3, 4, 24) == (3 * 4 + 1) * 144 + 1 + (3 + 1) * 12


def test_the_4khd_layout_loads_runs_and_converts(tmp_path: Path) -> None:
    sizes = {site: {"rank": 6, "alpha": 6.0} for site in SITES} | {"qkv": {"rank": 8, "alpha": 16.0}}
    model = tiny.model(tiny.config(side=SIDE, tiles=True, max_tiles=4, plora=sizes))
    folder = tiny.official_folder(tmp_path / "official", model)
    shapes = checkpoint.look(folder).shapes
    assert shapes["plora_glb_GN"] == (1, 1, 64)
    assert shapes["plora_sub_GN"] == (1, 1, 1, 64)
    loaded = XComposer2ForConditionalGeneration.from_pretrained(folder).eval()
    assert loaded.config.lows["qkv"].scale == 2.0
    assert loaded.config.lows["up"].scale == 1.0
    images = [Image.effect_noise((90, 40), 60), Image.effect_noise((30, 80), 60)]
    pixels, grids = in_tiles(images, SIDE, 4)
    assert grids.tolist() == [[1, 3], [3, 1]] or grids.prod(1).max() <= 4
    count = sum(token_count(h, w, loaded.config.grid) for h, w in grids.tolist())
    ids = torch.tensor([[5, *[-1] * count, 6, 7]])
    with torch.inference_mode():
        outputs = [m(ids, pixel_values=pixels, image_grids=grids).logits for m in (model, loaded)]
        beams = loaded.generate(input_ids=ids, pixel_values=pixels, image_grids=grids, max_new_tokens=3, num_beams=2)
    torch.testing.assert_close(*outputs)
    assert beams.shape[1] > ids.shape[1]
    with pytest.raises(ValueError, match="image_grids"):
        model(ids, pixel_values=pixels)
    convert(folder, tmp_path / "own")
    convert(tmp_path / "own", tmp_path / "back")
    before, after = (load_file(f / "model.safetensors") for f in (folder, tmp_path / "back"))
    assert all(torch.equal(t, after[n]) and t.shape == after[n].shape for n, t in before.items())
