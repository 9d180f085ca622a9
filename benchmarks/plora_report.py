"""The table and the plot of `benchmarks.plora`, out of the numbers of its runs."""

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

NAMES = {
    "plora": "Partial LoRA",
    "lora": "LoRA on all tokens",
    "projector": "projector alone",
    "full": "full fine-tuning",
}
COLUMNS = (
    "choice among unlike", "choice among near", "caption, a word", "content", "colour", "style", "count",
)  # fmt: skip
Runs = Sequence[Mapping[str, Any]]


def write(runs: Runs, root: Path, *, steps: int, batch: int) -> None:
    """`benchmarks/results/plora.md` and `docs/images/plora.svg` under a root."""
    for place in (root / "benchmarks" / "results", root / "docs" / "images"):
        place.mkdir(parents=True, exist_ok=True)
    (root / "benchmarks" / "results" / "plora.md").write_text(table(runs, steps=steps, batch=batch), encoding="utf-8")
    plot(runs, root / "docs" / "images" / "plora.svg")


def table(runs: Runs, *, steps: int, batch: int) -> str:
    """Means over the seeds, and the largest distance of a seed from the mean."""
    seeds = sorted({int(one["seed"]) for one in runs})
    lines = [
        "# Partial LoRA compared",
        "",
        f"`python -m benchmarks.plora --steps {steps} --batch {batch}`, {datetime.now(UTC):%Y-%m-%d}, {platform.machine()},",
        f"torch {torch.__version__}, {torch.get_num_threads()} thread.",
        "",
        f"{steps} steps of {batch} conversations, seeds {', '.join(map(str, seeds))}; shares on held-out concepts, in %. The",
        "choice has four pictures (chance 25). Perplexity is of text alone; continuations are greedy, out of those made.",
        "",
        "| | learnt, M | " + " | ".join(COLUMNS) + " | perplexity (before) | the same continuations |",
        "|---|" + "---:|" * (len(COLUMNS) + 3),
    ]
    for method in [m for m in NAMES if any(one["method"] == m for one in runs)]:
        own = [one for one in runs if one["method"] == method]
        cells = [spread([100 * float(one[name]) for one in own]) for name in COLUMNS]
        text = f"{spread([float(one['perplexity']) for one in own], 2)} ({float(own[0]['perplexity before']):.2f})"
        same = f"{spread([float(one['the same']) for one in own], 0)} of {own[0]['continuations']}"
        lines.append(f"| {NAMES[method]} | {own[0]['learnt'] / 1e6:.1f} | " + " | ".join([*cells, text, same]) + " |")
    return "\n".join(lines) + "\n"


def spread(values: Sequence[float], digits: int = 1) -> str:
    """A mean, and how far the seeds are from it."""
    mean = float(np.mean(values))
    most = max(abs(v - mean) for v in values)
    return f"{mean:.{digits}f} ± {most:.{digits}f}" if len(values) > 1 else f"{mean:.{digits}f}"


def plot(runs: Runs, path: Path) -> None:
    """What was gained with pictures against what became of text: one point a run."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "plora"  # the same numbers, the same file
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 4.2))
    for method, marker in zip(NAMES, "osD^", strict=True):
        own = [one for one in runs if one["method"] == method]
        if own:
            x = [100 * float(one["choice among unlike"]) for one in own]
            y = [float(one["perplexity"]) / float(one["perplexity before"]) for one in own]
            axes.scatter(x, y, marker=marker, label=NAMES[method], s=48)
    axes.axvline(25, color="grey", linewidth=0.8, linestyle=":")
    axes.axhline(1, color="grey", linewidth=0.8, linestyle=":")
    axes.set_xlabel("held-out pictures chosen right out of four, %")
    axes.set_ylabel("perplexity of text alone, times the base model's")
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
