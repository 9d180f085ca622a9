"""Pictures of a trained model: the same seed, the same picture. Knows the pipeline's call; trains nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from composer.starter_diffusion import data
from composer.starter_diffusion.model import load

BATCH = 8


def drawn(folder: Path, prompts: Sequence[str], *, seed: int = 0) -> list[Image.Image]:
    """A picture of each prompt by the model in `folder`, the n-th with the seed `seed` + n."""
    settings = data.table()["judging"]
    return pictures(load(folder), prompts, seed, (settings["steps"], settings["guidance"]))


def pictures(pipe: Any, prompts: Sequence[str], seed: int, how: tuple[int, float]) -> list[Image.Image]:  # noqa: ANN401
    """RGB of the pipeline's own size; `how` is the number of steps and the guidance."""
    import torch

    found: list[Image.Image] = []
    for begin in range(0, len(prompts), BATCH):
        some = list(prompts[begin : begin + BATCH])
        draws = [torch.Generator().manual_seed(seed + begin + n) for n in range(len(some))]
        with torch.inference_mode():
            made = pipe(some, num_inference_steps=how[0], guidance_scale=how[1], generator=draws)
        found += [image.convert("RGB") for image in made.images]
    return found
