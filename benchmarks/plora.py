"""Partial LoRA against LoRA on all tokens, the projector alone and full fine-tuning: same data, steps and seeds.

    python -m benchmarks.plora --data FOLDER --out FOLDER --steps 200 --seeds 1 2 3

`--data` is the folder of `python -m composer.xcomposer2.starter train --out`, where drawings and features are kept; `--out`
keeps the numbers of every run, so that what was broken off goes on. Writes benchmarks/results/plora.md and
docs/images/plora.svg once every run is there.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import torch
import transformers
from torch import Tensor, nn

from benchmarks.plora_report import write
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.starter import align, batch, command, folder, judge, loop, recipe
from composer.xcomposer2.starter.language import continued, perplexity
from composer.xcomposer2.starter.loop import Course
from composer.xcomposer2.starter.recipe import words
from composer.xcomposer2.starter.tasks import Pool, step_samples
from composer.xcomposer2.tokens import Tokens
from retrieval.home import home
from retrieval.training.keeping import rate

Method = Literal["plora", "lora", "projector", "full"]
ROOT = Path(__file__).resolve().parents[1]
FULL_LR = 5e-5  # of the language model's own weights: the paper's for fine-tuning
SCORED = ("choice among unlike", "choice among near")


def parts_of(method: Method) -> frozenset[str]:
    """What learns."""
    return {
        "plora": frozenset({"projector", "plora"}),
        "lora": frozenset({"projector", "plora"}),
        "projector": frozenset({"projector"}),
        "full": frozenset({"projector", "language"}),
    }[method]


@contextmanager
def on_all_tokens(model: XComposer2ForConditionalGeneration, *, wanted: bool) -> Iterator[None]:
    """Corrections on every token of every pass, text alone included: plain LoRA of the same size."""
    if not wanted:
        yield
        return
    language, rows = model.model.language_model, model.model.rows

    def before(module: nn.Module, arguments: Any, given: dict[str, Any]) -> None:  # noqa: ANN401
        some = given.get("inputs_embeds") if given.get("inputs_embeds") is not None else given["input_ids"]
        assert isinstance(some, Tensor)
        rows.index = torch.arange(some.shape[0] * some.shape[1], device=some.device)

    def after(module: nn.Module, arguments: Any, given: dict[str, Any], out: Any) -> None:  # noqa: ANN401
        rows.index = None

    handles = [
        language.register_forward_pre_hook(before, with_kwargs=True),
        language.register_forward_hook(after, with_kwargs=True),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def groups_of(model: XComposer2ForConditionalGeneration, method: Method, own: dict[str, Any]) -> list[dict[str, Any]]:
    """What learns, in float32, with the peak of its learning rate; the rest is frozen, in bfloat16."""
    peaks = {"projector": own["projector_lr"], "plora": own["lr"], "language": FULL_LR}
    groups: dict[str, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        part = loop.part_of(name)
        parameter.requires_grad_(part in parts_of(method))
        if parameter.requires_grad:
            groups.setdefault(part, []).append(parameter)
        else:
            parameter.data = parameter.data.bfloat16()
    loop.learning(model)
    return [{"params": some, "peak": peaks[part]} for part, some in sorted(groups.items())]


def trained(model: XComposer2ForConditionalGeneration, course: Course, method: Method, seed: int) -> list[float]:
    """Learns for the recipe's steps; the losses. Nothing is read without gradients, for two methods change text, too."""
    own = {**course.recipe["training"], "seed": seed}
    given = {**course.recipe, "training": own}
    vision, losses = model.config.vision_config, []
    groups = groups_of(model, method, own)
    optimizer = torch.optim.AdamW(groups, lr=own["lr"], weight_decay=own["weight_decay"], betas=(0.9, 0.98))
    with on_all_tokens(model, wanted=method == "lora"):
        for step in range(own["steps"]):
            samples = step_samples(course.pool, course.pictures.counted.get("train", ()), given, words(), step)
            rows = [batch.row_of(one, course.tokens, vision.tokens, letter=own["letter"]) for one in samples]
            made = batch.batch_of(rows, split=method in ("plora", "projector"))
            shown = ([s.row for s in made.shown], [s.variant for s in made.shown])
            with torch.autocast("cpu", torch.bfloat16):
                loss = batch.loss_of(model, made, course.pictures.tokens(*shown, vision.joint, vision.cells))
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_([p for g in groups for p in g["params"]], own["clip"])
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * rate(step, own)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            losses.append(float(loss.detach()))
    loop.reading(model)
    return losses


def measured(
    model: XComposer2ForConditionalGeneration, work: command.Prepared, pool: Pool, method: Method
) -> dict[str, Any]:
    """Scores on held-out concepts, and what became of the language."""
    own = work.recipe["judging"]
    model.to(torch.bfloat16).eval()
    encode = {label: vector for label, vector in work.vectors.items()}
    bench = judge.Bench(
        work=work, model=judge.model_of(model, work, work.tokens), pool=work.pool("test"), trained=pool,
        counted=work.pictures.counted["test"], encode=lambda some: judge.known_vectors(encode, some),
    )  # fmt: skip
    made: dict[str, Any] = {}
    with on_all_tokens(model, wanted=method == "lora"):
        for name, hard in zip(SCORED, (False, True), strict=True):
            made[name] = judge.choosing(bench, own["choices"], hard=hard)["model"]
        made["caption, a word"] = judge.captions(bench, own["looked"])["model"]["a word"]
        for kind in judge.QUESTIONS:
            made[kind] = judge.answers(bench, kind, own["looked"])["model"]
        openings = words()["openings"][: own["continuations"]]
        said = continued(model, work.tokens, openings)
        made["perplexity"] = round(perplexity(model, work.tokens, prose()), 4)
    before, made["perplexity before"] = untouched(str(model.config.base), work.tokens, tuple(openings))
    made["continuations"] = len(before)
    made["the same"] = sum(a == b for a, b in zip(said, before, strict=True))
    return made


@cache
def untouched(name: str, tokens: Tokens, openings: tuple[str, ...]) -> tuple[list[list[int]], float]:
    """The language model's own continuations and perplexity, the same for all runs."""
    base: Any = folder.language_model(name).to(torch.bfloat16)
    return continued(base, tokens, openings), round(perplexity(base, tokens, prose()), 4)


@cache
def prose() -> list[str]:
    """Paragraphs of this project's own documents: text without pictures. Read once: runs must share it."""
    found = []
    for name in ("retrieval", "quality", "engines", "generation"):
        text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
        found += [p.replace("\n", " ") for p in text.split("\n\n") if len(p) > 200 and p[:1].isalpha()][:8]
    return found


def run(method: Method, seed: int, work: command.Prepared, data: Path, out: Path) -> dict[str, Any]:
    """One run, or its numbers where it was made before."""
    path = out / f"{method}-{seed}-{work.recipe['training']['steps']}.json"
    if not path.is_file():
        torch.manual_seed(seed)
        model = folder.fresh(work.recipe, recipe.ASSETS)
        pool = work.pool("train")
        align.align(model.model.projector, command.known(work, model, pool), work.recipe, data, say)
        course = Course(pictures=work.pictures, pool=pool, tokens=work.tokens, recipe=work.recipe)
        losses = trained(model, course, method, seed)
        learnt = sum(p.numel() for n, p in model.named_parameters() if loop.part_of(n) in parts_of(method))
        made = {
            "method": method,
            "seed": seed,
            "losses": losses,
            "learnt": learnt,
            **measured(model, work, pool, method),
        }
        path.write_text(json.dumps(made, indent=1), encoding="utf-8")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def main(arguments: Sequence[str] | None = None) -> int:
    """Every method with every seed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plora", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("starter-xcomposer2"))
    parser.add_argument("--out", type=Path, default=Path("plora-runs"))
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--methods", nargs="+", choices=get_args(Method), default=list(get_args(Method)))
    parser.add_argument("--choices", type=int, default=200)
    parser.add_argument("--looked", type=int, default=60)
    parser.add_argument("--root", type=Path, default=ROOT, help="where the table and the plot are written")
    given = parser.parse_args(arguments)
    transformers.logging.disable_progress_bar()
    given.out.mkdir(parents=True, exist_ok=True)
    changes = {
        "training.steps": given.steps, "training.batch": given.batch, "judging.choices": given.choices,
        "judging.looked": given.looked,
    }  # fmt: skip
    work = command.prepared(given.data, home(), say, changes)
    runs = []
    for seed in given.seeds:
        for method in given.methods:
            runs.append(run(method, seed, work, given.data, given.out))
            say(json.dumps({k: v for k, v in runs[-1].items() if k != "losses"}))
    write(runs, given.root, steps=given.steps, batch=given.batch)
    return 0


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
