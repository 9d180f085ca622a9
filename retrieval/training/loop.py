"""The training itself: pictures against texts in batches, all pictures of a label its matches; resumes after a kill.

Loss: InfoNCE both ways (Radford et al. 2021, arXiv 2103.00020) with every picture of the same text a match (Khosla et al.
2020, arXiv 2004.11362). What is saved is the running mean of the weights.
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.training import augment
from retrieval.training.keeping import whole
from retrieval.training.sets import Drawing

MEAN_OF_STEPS = 300  # the running mean looks back about so far
KEEP_EVERY_S = 60  # between two checkpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What is trained on."""

    pixels: NDArray[np.uint8]  # (n, px, px, 4)
    drawings: Sequence[Drawing]
    always: Sequence[int]  # rows in every epoch
    sometimes: Sequence[int]  # rows of which each epoch takes some
    texts: Mapping[str, int]  # row of each label and tag in `vectors`
    vectors: Any  # (texts, width) of the frozen text encoder, before the projection


def train(model: Any, data: Data, recipe: Mapping[str, Any], folder: Path, log: Callable[[str], None]) -> Any:  # noqa: ANN401
    """Train `model` in place to the end of the recipe, going on from `folder`'s checkpoint; the mean of its weights."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device, memory_format=torch.channels_last)
    steps = recipe["epochs"] * _steps(data, recipe)
    optimizer = _optimizer(model, recipe)
    mean = {k: v.detach().clone().float() for k, v in _moving(model).items()}
    first = _resume(folder, model, optimizer, mean)
    began = kept = time.monotonic()
    for step, rows in enumerate(_batches(data, recipe, first), start=first):
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * _schedule(step / steps)
        loss = _step(model, optimizer, data, rows, recipe, step)
        decay = min(1 - 1 / MEAN_OF_STEPS, (step + 1) / (step + 10))
        for key, value in _moving(model).items():
            mean[key].lerp_(value.detach().float(), 1 - decay)
        if time.monotonic() - kept > KEEP_EVERY_S:
            _keep(folder, model, optimizer, mean, step + 1)
            kept = time.monotonic()
        if step % 20 == 0:
            rate = (step + 1 - first) / (time.monotonic() - began)
            log(json.dumps({"step": step, "of": steps, "loss": round(loss, 4), "left_s": round((steps - step) / rate)}))
    _keep(folder, model, optimizer, mean, steps)
    state = model.state_dict()
    model.load_state_dict({**state, **{k: v.to(state[k].dtype) for k, v in mean.items()}})
    return model.to("cpu").eval()


def _step(
    model: Any,  # noqa: ANN401
    optimizer: Any,  # noqa: ANN401
    data: Data,
    rows: NDArray[np.int64],
    recipe: Mapping[str, Any],
    step: int,
) -> float:
    import torch
    from torch.nn import functional

    device = next(model.parameters()).device
    draws = torch.Generator().manual_seed(recipe["seed"] * 1_000_003 + step)
    images = _images(data, rows, recipe["px"], draws).to(device, memory_format=torch.channels_last)
    texts, labels = _texts(data, rows, recipe["tags"], draws)
    _to_train(model, recipe["frozen_stages"])
    with torch.autocast(device.type, torch.bfloat16):
        seen = model.visual((images - 0.5) / 0.5)
    a = functional.normalize(seen.float(), dim=1)
    b = functional.normalize(model.text.proj(data.vectors[texts].to(device)), dim=1)
    texts, labels = texts.to(device), labels.to(device)
    same = ((labels[:, None] == labels) | (texts[:, None] == texts)).float()
    scores = a @ b.T / recipe["temperature"]
    ways = ((scores, same), (scores.T, same.T))
    loss = sum(-(m / m.sum(1, keepdim=True) * s.log_softmax(1)).sum(1).mean() / 2 for s, m in ways)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    return float(loss.detach())


def _images(data: Data, rows: NDArray[np.int64], px: int, draws: Any) -> Any:  # noqa: ANN401
    order = np.argsort(rows)  # the file is read from front to back
    pixels = np.empty((len(rows), *data.pixels.shape[1:]), np.uint8)
    pixels[order] = data.pixels[rows[order]]
    shown = [data.drawings[i] for i in rows]
    flat, ground = augment.on_grounds(pixels, np.array([d.tinted for d in shown]), draws)
    may_flip = np.array([not {"left", "right"} & set(d.label.split()) for d in shown])
    return augment.moved(flat, ground, may_flip, px, draws)


def _texts(data: Data, rows: NDArray[np.int64], share: float, draws: Any) -> tuple[Any, Any]:  # noqa: ANN401
    import torch

    shown = [data.drawings[i] for i in rows]
    chance = torch.rand(len(shown), 2, generator=draws).tolist()
    said = [
        d.tags[int(which * len(d.tags))] if d.tags and one < share else d.label
        for d, (one, which) in zip(shown, chance, strict=True)
    ]
    return torch.tensor([data.texts[t] for t in said]), torch.tensor([data.texts[d.label] for d in shown])


def _batches(data: Data, recipe: Mapping[str, Any], begin: int) -> Iterator[NDArray[np.int64]]:
    """The rows of each step from `begin` on; the same for a seed wherever it begins."""
    size, each = recipe["batch"], _steps(data, recipe)
    for epoch in range(begin // each, recipe["epochs"]):
        draws = np.random.default_rng([recipe["seed"], epoch])
        some = draws.choice(len(data.sometimes), min(recipe["icons"], len(data.sometimes)), replace=False)
        rows = np.concatenate([np.array(data.always, np.int64), np.array(data.sometimes, np.int64)[some]])
        draws.shuffle(rows)
        for n in range(max(0, begin - epoch * each), each):
            yield rows[n * size : (n + 1) * size]


def _steps(data: Data, recipe: Mapping[str, Any]) -> int:
    rows = len(data.always) + min(int(recipe["icons"]), len(data.sometimes))
    return max(1, rows // int(recipe["batch"]))


def _schedule(part: float) -> float:
    """Share of the peak learning rate: a short warm-up, then half a cosine."""
    return part / 0.04 if part < 0.04 else 0.5 * (1 + math.cos(math.pi * (part - 0.04) / 0.96))


def _stages(model: Any, frozen: int) -> list[Any]:  # noqa: ANN401
    trunk = model.visual.trunk
    return [trunk.conv_stem, trunk.bn1, *list(trunk.blocks)[:frozen]]


def _optimizer(model: Any, recipe: Mapping[str, Any]) -> Any:  # noqa: ANN401
    import torch

    for parameter in model.parameters():
        parameter.requires_grad = False
    for part in (model.visual, model.text.proj):
        part.requires_grad_(True)
    for stage in _stages(model, recipe["frozen_stages"]):
        stage.requires_grad_(False)
    trunk = [p for p in model.visual.trunk.parameters() if p.requires_grad]
    new = [*model.visual.head.parameters(), *model.text.proj.parameters()]
    groups = [{"params": trunk, "peak": recipe["backbone_lr"]}, {"params": new, "peak": recipe["lr"]}]
    return torch.optim.AdamW(groups, lr=recipe["lr"], weight_decay=recipe["weight_decay"])


def _to_train(model: Any, frozen: int) -> None:  # noqa: ANN401
    model.visual.train()
    for stage in _stages(model, frozen):
        stage.eval()


def _moving(model: Any) -> dict[str, Any]:  # noqa: ANN401
    """What changes while training: not the text encoder, and no counters."""
    state = model.state_dict()
    return {k: v for k, v in state.items() if not k.startswith("text.transformer") and v.is_floating_point()}


def _keep(folder: Path, model: Any, optimizer: Any, mean: Any, step: int) -> None:  # noqa: ANN401
    import torch

    state = {"step": step, "model": _moving(model), "optimizer": optimizer.state_dict(), "mean": mean}
    with whole(folder / "checkpoint.pt") as part:
        torch.save(state, part)


def _resume(folder: Path, model: Any, optimizer: Any, mean: dict[str, Any]) -> int:  # noqa: ANN401
    import torch

    path = folder / "checkpoint.pt"
    if not path.is_file():
        return 0
    state = torch.load(path, map_location=next(model.parameters()).device, weights_only=True)
    model.load_state_dict({**model.state_dict(), **state["model"]})
    optimizer.load_state_dict(state["optimizer"])
    mean.update(state["mean"])
    return int(state["step"])
