"""The training of projector and Partial LoRA with the language model frozen; goes on after a kill.

Every step's questions follow from the recipe and the number of the step, so a run that was killed ends as it would have.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from composer.errors import SetupError
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.starter.batch import batch_of, loss_of, row_of
from composer.xcomposer2.starter.pictures import Pictures
from composer.xcomposer2.starter.recipe import words
from composer.xcomposer2.starter.tasks import Pool, step_samples
from composer.xcomposer2.tokens import Tokens
from retrieval.training.keeping import rate, whole

TOLD = 10  # steps between two lines
Log = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What every step needs."""

    pictures: Pictures
    pool: Pool
    tokens: Tokens
    recipe: Mapping[str, Any]


def train(model: XComposer2ForConditionalGeneration, course: Course, folder: Path, log: Log) -> None:
    """To the end of the recipe, from the folder's checkpoint on. Raises SetupError for a checkpoint of another recipe."""
    own = course.recipe["training"]
    groups = prepare(model, own)
    optimizer = torch.optim.AdamW(groups, lr=own["lr"], weight_decay=own["weight_decay"], betas=(0.9, 0.98))
    first = resume(folder, model, optimizer, course.recipe)
    kept, began, losses = time.monotonic(), time.monotonic(), list[float]()
    seen = 0
    for step in range(first, own["steps"]):
        loss, count = learn(model, course, step)
        nn.utils.clip_grad_norm_([p for g in groups for p in g["params"]], own["clip"])
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * rate(step, own)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss)
        seen += count
        if time.monotonic() - kept > own["keep_every"]:
            keep(folder, model, optimizer, step + 1, course.recipe)
            kept = time.monotonic()
        if step % TOLD == TOLD - 1:
            spent = time.monotonic() - began
            left = round((own["steps"] - step - 1) * spent / (step + 1 - first))
            told = {"step": step + 1, "loss": round(sum(losses) / len(losses), 4), "tokens_per_s": round(seen / spent)}
            log(json.dumps({**told, "left_s": left}))
            losses.clear()
    keep(folder, model, optimizer, own["steps"], course.recipe)
    reading(model)


def learn(model: XComposer2ForConditionalGeneration, course: Course, step: int) -> tuple[float, int]:
    """The gradients of one step; its loss, and how many tokens were read."""
    samples = step_samples(course.pool, course.pictures.counted.get("train", ()), course.recipe, words(), step)
    vision = model.config.vision_config
    letter = course.recipe["training"]["letter"]
    batch = batch_of([row_of(sample, course.tokens, vision.tokens, letter=letter) for sample in samples])
    rows, variants = [one.row for one in batch.shown], [one.variant for one in batch.shown]
    features = course.pictures.tokens(rows, variants, vision.joint, vision.cells)
    torch.manual_seed(course.recipe["training"]["seed"] * 1_000_003 + step)
    with torch.autocast("cpu", torch.bfloat16):
        loss = loss_of(model, batch, features)
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach()), int(batch.mask.sum())


def prepare(model: XComposer2ForConditionalGeneration, own: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Freezes the language model and the tower, in bfloat16; the optimizer's groups, with the learning rate of each."""
    groups: dict[str, list[nn.Parameter]] = {"projector": [], "plora": []}
    for name, parameter in model.named_parameters():
        part = part_of(name)
        parameter.requires_grad_(part in groups)
        if part in groups:
            groups[part].append(parameter)
        else:
            parameter.data = parameter.data.bfloat16()
    learning(model)
    peaks = {"projector": own["projector_lr"], "plora": own["lr"]}
    return [{"params": some, "peak": peaks[part]} for part, some in groups.items()]


def learning(model: XComposer2ForConditionalGeneration) -> None:
    """Ready for gradients. Fused attention is slow on the way back in bfloat16 on a CPU: a quarter of a step."""
    model.model.language_model.set_attn_implementation("eager")
    model.train()


def reading(model: XComposer2ForConditionalGeneration) -> None:
    """As it is used, and as the language model alone runs: with transformers' own attention, no gradients."""
    model.model.language_model.set_attn_implementation("sdpa")
    model.eval()


def part_of(name: str) -> str:
    """Which part of the model a parameter belongs to."""
    if ".plora_a." in name or ".plora_b." in name:
        return "plora"
    return "projector" if ".projector." in name else "tower" if ".vision_tower." in name else "language"


def keep(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, step: int, recipe: Mapping[str, Any]
) -> None:
    """Writes all that is needed to go on; a kill at any moment leaves the last checkpoint whole."""
    learnt = {n: p.detach() for n, p in model.named_parameters() if part_of(n) in ("projector", "plora")}
    state = {"step": step, "learnt": learnt, "optimizer": optimizer.state_dict(), "recipe": json.dumps(recipe)}
    with whole(folder / "checkpoint.pt") as part:
        torch.save(state, part)


def resume(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, recipe: Mapping[str, Any]) -> int:
    """Takes the last checkpoint up; the number of steps done. More steps may be wanted than before, nothing else."""
    if not (folder / "checkpoint.pt").is_file():
        return 0
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    before = json.loads(state["recipe"])
    free = ("steps", "keep_every", "letters", "likeness")
    for part, values in json.loads(json.dumps(recipe)).items():
        changed = [k for k, v in values.items() if part != "judging" and k not in free and before[part].get(k) != v]
        if changed:
            raise SetupError(
                f"{folder} holds a run with another {changed[0]} in [{part}]. Name another folder, or empty it."
            )
    restore(model, state["learnt"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def restore(model: nn.Module, learnt: Mapping[str, torch.Tensor]) -> None:
    """Puts what was learnt into a model."""
    with torch.no_grad():
        own = dict(model.named_parameters())
        for name, value in learnt.items():
            own[name].copy_(value)
