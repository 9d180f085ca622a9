"""Training by the paper's stages: what learns and how fast, the loop, and going on after any interruption.

Rows, order and dropout of every step follow from the recipe's seed and the number of the step, so that a run which was
killed ends as it would have. Knows recipes and models; `examples` makes the rows.
"""

import json
import math
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from composer.errors import SetupError, UsageError
from composer.xcomposer2 import assemble, examples
from composer.xcomposer2.examples import IGNORED, Tokenised
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.processing import XComposer2Processor
from composer.xcomposer2.recipe import Recipe

COLUMNS = ("step", "loss", "learning_rate", "tokens", "seconds")
STEP_SEEDS = 1_000_003  # apart enough that steps of neighbouring seeds do not meet


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One step on the curve."""

    step: int
    loss: float  # of a token that is learnt
    learning_rate: float
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What every step needs."""

    recipe: Recipe
    accelerator: Any
    learner: nn.Module
    optimizer: Any
    processor: XComposer2Processor


class Learner(nn.Module):
    """The model as what is trained: from a batch to its share of the step's loss."""

    def __init__(self, model: XComposer2ForConditionalGeneration) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: dict[str, Tensor], total: int) -> Tensor:
        """The sum over the tokens that are learnt, divided by `total`; only these go through the output layer."""
        inputs = {name: value for name, value in batch.items() if name != "labels"}
        hidden = self.model.model(**inputs, use_cache=False).last_hidden_state[:, :-1]
        labels = batch["labels"][:, 1:]
        learnt = labels != IGNORED
        logits = self.model.lm_head(hidden[learnt])
        return functional.cross_entropy(logits.float(), labels[learnt], reduction="sum") / total


def train(recipe: Recipe, tell: Callable[[Point], None] = lambda point: None) -> Path:
    """Runs a stage, or goes on with one that was interrupted; returns the folder of the model.

    Raises UsageError for data that cannot be used, SetupError for a model that cannot be loaded.
    """
    from accelerate import Accelerator
    from accelerate.utils import DistributedDataParallelKwargs

    unused = DistributedDataParallelKwargs(
        find_unused_parameters=True
    )  # a batch without pictures has no gradient for PLoRA
    accelerator = Accelerator(kwargs_handlers=[unused])
    if recipe.batch % accelerator.num_processes:
        raise UsageError(f"batch must be a multiple of the {accelerator.num_processes} devices, not {recipe.batch}.")
    processor = XComposer2Processor.from_pretrained(recipe.model)
    model = XComposer2ForConditionalGeneration.from_pretrained(Path(recipe.model), dtype=torch.float32)
    groups = prepare(model, recipe)
    output = Path(recipe.output)
    output.mkdir(parents=True, exist_ok=True)
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, weight_decay=recipe.weight_decay)
    first = resume(output, model, optimizer, recipe)
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        _curves_until(output, first)
    learner, wrapped = accelerator.prepare(Learner(model), optimizer)
    run = Run(recipe=recipe, accelerator=accelerator, learner=learner, optimizer=wrapped, processor=processor)
    batches = _batches(_data(recipe, processor), recipe, first)
    for step, batch_rows in zip(range(first, recipe.steps), batches, strict=False):
        point = _step(run, step, batch_rows)
        if accelerator.is_main_process:
            _note(output, point)
            tell(point)
            if (step + 1) % recipe.save_every == 0 and step + 1 < recipe.steps:
                keep(output, model, optimizer, step + 1, recipe)
    if accelerator.is_main_process:
        assemble.save(model, output / "model", Path(recipe.model))
    accelerator.wait_for_everyone()
    return output / "model"


def prepare(model: XComposer2ForConditionalGeneration, recipe: Recipe) -> list[dict[str, Any]]:
    """Freezes what does not learn (in bfloat16 where the recipe says so), and gives the optimizer's groups: each with
    the factor of its learning rate, and no decay for biases and norms."""
    found: dict[tuple[float, bool], list[nn.Parameter]] = {}
    depth = model.config.vision_config.num_hidden_layers
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(group_of(name) in recipe.train)
        if parameter.requires_grad:
            key = (factor(name, recipe, depth), parameter.ndim > 1)
            found.setdefault(key, []).append(parameter)
        elif recipe.precision == "bfloat16":
            parameter.data = parameter.data.bfloat16()
    model.train()
    if recipe.checkpointing:
        model.activation_checkpointing_enable()
    return [
        {"params": parameters, "factor": scale, **({} if decays else {"weight_decay": 0.0})}
        for (scale, decays), parameters in sorted(found.items(), key=lambda item: item[0])
    ]


def group_of(name: str) -> str:
    """Which of the recipe's groups a parameter belongs to."""
    if ".plora_a." in name or ".plora_b." in name:
        return "plora"
    if ".vision_tower." in name:
        return "tower"
    return "projector" if ".projector." in name or name.endswith(("row_end", "overview_end")) else "llm"


def factor(name: str, recipe: Recipe, depth: int) -> float:
    """What the learning rate is multiplied by: less for earlier layers of the tower (Bao et al. 2021, BEiT), and less for
    the language model."""
    group = group_of(name)
    if group == "tower":
        layer = re.search(r"\.layers\.(\d+)\.", name)
        return float(recipe.layer_decay ** (depth - int(layer[1]) if layer else depth + 1))
    return recipe.llm_factor if group == "llm" else 1.0


def rate(recipe: Recipe, step: int) -> float:
    """The learning rate of a step, from 0 on: a linear rise, then half a cosine to nothing."""
    rise = max(1, round(recipe.warmup * recipe.steps))
    if step < rise:
        return recipe.learning_rate * (step + 1) / rise
    share = (step - rise) / max(1, recipe.steps - rise)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


def keep(output: Path, model: nn.Module, optimizer: torch.optim.Optimizer, step: int, recipe: Recipe) -> None:
    """Writes all that is needed to go on after `step` steps. A kill at any moment leaves the last state whole."""
    folder = output / f"state-{step}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    learnt = {n: p.detach().cpu().contiguous() for n, p in model.named_parameters() if p.requires_grad}
    save_file(learnt, folder / "learnt.safetensors")
    torch.save(optimizer.state_dict(), folder / "optimizer.pt")
    (folder / "recipe.json").write_text(json.dumps(asdict(recipe)), encoding="utf-8")
    new = output / "latest.new"
    new.write_text(str(step), encoding="utf-8")
    os.replace(new, output / "latest")
    for old in output.glob("state-*"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)


def resume(output: Path, model: nn.Module, optimizer: torch.optim.Optimizer, recipe: Recipe) -> int:
    """Takes the last state up, and gives the number of steps done. Raises SetupError where it is another recipe's."""
    if not (output / "latest").is_file():
        return 0
    step = int((output / "latest").read_text(encoding="utf-8"))
    folder = output / f"state-{step}"
    before = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    now = json.loads(json.dumps(asdict(recipe)))
    changed = [name for name in now if now[name] != before.get(name) and name != "save_every"]
    if changed:
        raise SetupError(f"{output} holds a run with another {', '.join(changed)}. Name another output, or empty it.")
    learnt = load_file(folder / "learnt.safetensors")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.copy_(learnt[name])
    optimizer.load_state_dict(torch.load(folder / "optimizer.pt", weights_only=True))
    return step


def _data(recipe: Recipe, processor: XComposer2Processor) -> list[Tokenised]:
    found = [e for file in recipe.data for e in examples.read_examples(Path(file), Path(recipe.images))]
    if not found:
        raise UsageError(f"There are no conversations in {', '.join(recipe.data)}.")
    return [examples.tokenised(example, processor, recipe.length) for example in found]


def _batches(data: Sequence[Tokenised], recipe: Recipe, first: int) -> Iterator[list[list[Tokenised]]]:
    """The rows of every step from `first` on: the data again and again, each time in another order."""
    epoch, waiting, number = 0, list[list[Tokenised]](), 0
    while True:
        seed = recipe.seed * STEP_SEEDS + epoch
        waiting += examples.rows(data, recipe.length, seed=seed, pack=recipe.pack)
        epoch += 1
        while len(waiting) >= recipe.batch:
            step, waiting = waiting[: recipe.batch], waiting[recipe.batch :]
            if number >= first:
                yield step
            number += 1


def _step(run: Run, step: int, batch_rows: Sequence[Sequence[Tokenised]]) -> Point:
    """One step of the optimizer over all rows; each device takes its own share of them."""
    recipe, accelerator = run.recipe, run.accelerator
    begin = time.monotonic()
    torch.manual_seed(recipe.seed * STEP_SEEDS + step)
    total = sum(label != IGNORED for row in batch_rows for one in row for label in one.labels[1:])
    own = batch_rows[accelerator.process_index :: accelerator.num_processes]
    loss = torch.zeros((), device=accelerator.device)
    for at in range(0, len(own), recipe.micro_batch):
        batch = examples.collated(own[at : at + recipe.micro_batch], run.processor)
        with torch.autocast(accelerator.device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
            share = run.learner({name: t.to(accelerator.device) for name, t in batch.items()}, total)
        accelerator.backward(share * accelerator.num_processes)  # devices' gradients are averaged
        loss += share.detach()
    accelerator.clip_grad_norm_(run.learner.parameters(), recipe.clip)
    learning_rate = rate(recipe, step)
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate * group["factor"]
    run.optimizer.step()
    run.optimizer.zero_grad()
    return Point(
        step=step + 1,
        loss=float(accelerator.reduce(loss, "sum")),
        learning_rate=learning_rate,
        tokens=sum(len(one.ids) for row in batch_rows for one in row),
        seconds=round(time.monotonic() - begin, 4),
    )


def _curves_until(output: Path, step: int) -> None:
    """Takes the steps that are done again out of the curves."""
    curves = output / "curves.csv"
    lines = curves.read_text(encoding="utf-8").splitlines() if step and curves.is_file() else []
    done = [line for line in lines if line.split(",")[0].isdigit() and int(line.split(",")[0]) <= step]
    curves.write_text("\n".join([",".join(COLUMNS), *done, ""]), encoding="utf-8")


def _note(output: Path, point: Point) -> None:
    with (output / "curves.csv").open("a", encoding="utf-8") as file:
        file.write(",".join(str(value) for value in asdict(point).values()) + "\n")
