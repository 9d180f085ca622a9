"""The training of the UNet: noisy latents and a prompt in, velocity out; resumes after a kill.

Loss: squared error of the velocity (Salimans & Ho 2022, arXiv 2202.00512), weighted by min-SNR (Hang et al. 2023, arXiv
2303.09556). What is saved is the running mean of the weights.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.training.keeping import rate, whole

KEEP_EVERY_S = 120  # between two checkpoints
Log = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latents:
    """What is trained on; all in memory."""

    latents: NDArray[np.float16]  # (n, channels, side, side), of variance 1
    plain: NDArray[np.float16]  # (n, tokens, width): each one's prompt
    tagged: NDArray[np.float16]  # the same with two tags
    nothing: NDArray[np.float16]  # (tokens, width): of the empty prompt


def train(model: Any, data: Latents, settings: Mapping[str, Any], folder: Path, log: Log) -> Any:  # noqa: ANN401
    """Train to the end of the recipe, going on from `folder`'s checkpoint; the model with the mean of its weights."""
    import torch
    from diffusers.models.attention_processor import AttnProcessor

    model.set_attn_processor(AttnProcessor())  # fused attention is slower than this in bf16 on a CPU
    model.to(memory_format=torch.channels_last).train()
    forward = torch.compile(model) if settings["compile"] and _compiler(log) else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings["lr"], weight_decay=0.01, betas=(0.9, 0.99))
    mean = {k: v.detach().clone() for k, v in model.state_dict().items()}
    steps, (first, seen) = settings["steps"], _resume(folder, model, optimizer, mean)
    began = kept = time.monotonic()
    losses: list[float] = []
    for step in range(first, steps):
        for group in optimizer.param_groups:
            group["lr"] = settings["lr"] * rate(step, settings)
        losses.append(_step(forward, optimizer, batch(data, settings, step), settings, step))
        share = 1 - min(1 - 1 / settings["mean_of"], (step + 1) / (step + 10))
        torch._foreach_lerp_(list(mean.values()), list(model.state_dict().values()), share)
        if time.monotonic() - kept > KEEP_EVERY_S:
            _keep(folder, model, optimizer, mean, (step + 1, seen + (step + 1 - first) * settings["batch"]))
            kept = time.monotonic()
        if step % 50 == 49:
            left = (steps - step) * (time.monotonic() - began) / (step + 1 - first)
            log(
                json.dumps(
                    {"step": step + 1, "of": steps, "loss": round(sum(losses) / len(losses), 4), "left_s": round(left)}
                )
            )
            losses.clear()
    if first < steps:
        _keep(folder, model, optimizer, mean, (steps, seen + (steps - first) * settings["batch"]))
    model.load_state_dict(mean)
    return model.eval()


def batch(data: Latents, settings: Mapping[str, Any], step: int) -> tuple[Any, Any, Any]:
    """Latents, prompts and noise's share of a step (in thousandths); the same for a step whenever it is made."""
    import torch

    size, count = settings["batch"], len(data.latents)
    each = max(1, count // size)
    order = np.random.default_rng([settings["seed"], step // each]).permutation(count)
    rows = order[(step % each) * size : (step % each + 1) * size]
    draws = np.random.default_rng([settings["seed"], 1, step])
    chance = draws.random(len(rows))
    prompts = np.where((chance < settings["tagged"])[:, None, None], data.tagged[rows], data.plain[rows])
    prompts[chance > 1 - settings["unconditional"]] = data.nothing
    # One time in each of the batch's strata: the loss is less noisy than with times drawn freely.
    times = ((draws.permutation(len(rows)) + draws.random(len(rows))) / len(rows) * 1000).astype(np.int64)
    return torch.from_numpy(data.latents[rows]).float(), torch.from_numpy(prompts).float(), torch.from_numpy(times)


def _compiler(log: Log) -> bool:
    """Whether torch can compile here, which makes a step two and a half times as fast; says so where it cannot."""
    found = shutil.which(os.environ.get("CXX", "g++")) is not None
    if not found:
        log("no C++ compiler (g++, or what CXX names): training goes on without, slower")
    return found


def _step(
    forward: Any,  # noqa: ANN401 - the model, compiled or not
    optimizer: Any,  # noqa: ANN401
    made: tuple[Any, Any, Any],
    settings: Mapping[str, Any],
    step: int,
) -> float:
    import torch

    latents, prompts, times = made
    share = signal(times)[:, None, None, None]
    draws = torch.Generator().manual_seed(settings["seed"] * 1_000_003 + step)
    noise = torch.randn(latents.shape, generator=draws)
    seen = (share.sqrt() * latents + (1 - share).sqrt() * noise).contiguous(memory_format=torch.channels_last)
    wanted = share.sqrt() * noise - (1 - share).sqrt() * latents
    with torch.autocast("cpu", torch.bfloat16):
        found = forward(seen, times, prompts).sample
    snr = share / (1 - share)
    weight = snr.clamp(max=settings["gamma"]) / (snr + 1)
    # At pure noise min-SNR's weight is nothing, and there the composition is decided: never less than a tenth.
    loss = (weight.clamp(min=0.1) * (found.float() - wanted) ** 2).mean()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
    optimizer.step()
    return float(loss.detach())


def signal(times: Any) -> Any:  # noqa: ANN401
    """The share of variance that is picture at each time, as the scheduler has it."""
    from composer.starter_diffusion.model import scheduler

    global _SIGNAL
    if _SIGNAL is None:
        _SIGNAL = scheduler().alphas_cumprod.float()
    return _SIGNAL[times]


_SIGNAL: Any = None


def mean_of(folder: Path, model: Any) -> tuple[int, int]:  # noqa: ANN401
    """Put the checkpoint's mean of weights into `model`; how many steps it had, and of how many pictures in all."""
    import torch

    state = torch.load(folder / "unet.pt", weights_only=True, map_location="cpu")
    model.load_state_dict(state["mean"])
    model.eval()
    return int(state["step"]), int(state["seen"])


def _keep(folder: Path, model: Any, optimizer: Any, mean: Any, done: tuple[int, int]) -> None:  # noqa: ANN401
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    state = {
        "step": done[0],
        "seen": done[1],
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "mean": mean,
    }
    with whole(folder / "unet.pt") as part:
        torch.save(state, part)


def _resume(folder: Path, model: Any, optimizer: Any, mean: dict[str, Any]) -> tuple[int, int]:  # noqa: ANN401
    """Take the checkpoint up; steps and pictures so far."""
    import torch

    path = folder / "unet.pt"
    if not path.is_file():
        return 0, 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    for key, value in state["mean"].items():
        mean[key].copy_(value)
    return int(state["step"]), int(state["seen"])
