"""How fast XComposer2 is here, against a straightforward model of the official scheme on the same random weights.

    python -m benchmarks.xcomposer2 [--device cuda] [--shapes 7b] [--threads 1] [--dtype bfloat16] [--write]

Measures reading and writing at 0, 1 and 6 pictures and batches of 1 and 8, what Partial LoRA costs while reading, and the
choice of pictures for an article of ten slots. What is compared stands in the result's notes. No weights are needed.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from benchmarks.xcomposer2_baseline import Baseline, Cache
from composer.models import Usage
from composer.xcomposer2 import checkpoint, layout
from composer.xcomposer2.config import XComposer2Config
from composer.xcomposer2.drawing import LIKELIEST, drawing
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.pixels import prepared
from composer.xcomposer2.plora import SITES
from composer.xcomposer2.processing import IMAGE, Encoded
from composer.xcomposer2.reader import Reader

RESULT = Path(__file__).parent / "results" / "xcomposer2.md"
TEXT = 300  # tokens of text in a prompt
WRITTEN = 16  # tokens of a reply
SLOTS, CANDIDATES, LINE = 10, 4, 100  # of the article; tokens of a line
CHOICE = 3  # tokens of a reply that names a choice: ":", " C", end
SMALL = {"hidden": 384, "inner": 1024, "layers": 6, "heads": 6, "keys": 3, "vocabulary": 4096, "rank": 32, "tower": 192}
TRUE = {
    "hidden": 4096,
    "inner": 14336,
    "layers": 32,
    "heads": 32,
    "keys": 8,
    "vocabulary": 92544,
    "rank": 256,
    "tower": 1024,
}
NOTES = (
    "## What is compared",
    "",
    "Both sides have the same random weights and are given the same picture features, so that the language model is what is",
    "timed. The baseline (benchmarks/xcomposer2_baseline.py) does what the official code does: boolean-mask indexing in every",
    "linear layer, eager attention over repeated heads, caches that grow by `cat`, logits at every position. The native model",
    "reads logits at the last position alone; this is part of its gain, and a larger one with the true vocabulary.",
    "Plain Llama is transformers' own path through the same model with the same embeddings and no rows marked as pictures.",
    "The choice of pictures is timed with the image tower: the official program sends all pictures in view through the tower",
    "for every slot. Each number of reading and writing is the median of the runs; the choice is run once. Other work may",
    "have run on the machine: compare the numbers of one table with each other, not with those of another run.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: seconds."""

    images: int
    batch: int
    read: tuple[float, float, float]  # native, plain Llama, baseline
    write: tuple[float, float, float]  # a token


def build(sizes: dict[str, int], device: str, dtype: torch.dtype = torch.float32) -> XComposer2ForConditionalGeneration:
    """A model with random weights, pictures of 224 px."""
    text = {
        "model_type": "llama", "vocab_size": sizes["vocabulary"], "hidden_size": sizes["hidden"],
        "intermediate_size": sizes["inner"], "num_hidden_layers": sizes["layers"], "num_attention_heads": sizes["heads"],
        "num_key_value_heads": sizes["keys"], "max_position_embeddings": 32768, "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}, "bos_token_id": 1, "eos_token_id": None,
        "pad_token_id": 0,
    }  # fmt: skip
    large = sizes["tower"] == 1024
    vision = {
        "hidden_size": sizes["tower"], "intermediate_size": 4 * sizes["tower"], "num_hidden_layers": 24 if large else 6,
        "num_attention_heads": 16 if large else 3, "image_size": 224, "patch_size": 14, "hidden_act": "quick_gelu",
    }  # fmt: skip
    plora = {site: {"rank": sizes["rank"], "alpha": float(sizes["rank"])} for site in SITES}
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    with torch.device(device):
        model: XComposer2ForConditionalGeneration = XComposer2ForConditionalGeneration(
            XComposer2Config(text_config=text, vision_config=vision, plora=plora)
        )
    torch.set_default_dtype(torch.float32)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".plora_b." in name:
                parameter.normal_(0, 0.02)
    model.eval()
    return model


def speed(model: XComposer2ForConditionalGeneration, baseline: Baseline, images: int, batch: int, runs: int) -> Row:
    """Reading and writing with this many pictures in each of `batch` prompts."""
    tokens = model.config.tokens_per_image
    pieces = [torch.randint(3, 1000, (TEXT // (images + 1),)) for _ in range(images + 1)]
    parts = [part for piece in pieces for part in (torch.full((tokens,), IMAGE), piece)][1:]
    ids = torch.cat(parts).repeat(batch, 1).to(model.device)
    features = torch.randn(
        batch * images * tokens, model.config.text_config.hidden_size, device=model.device, dtype=model.dtype
    )
    embeds, shown = baseline.embeds(ids, features if images else None)
    pictures = {"image_features": features} if images else {}

    def native() -> float:
        out = model(ids, **pictures, use_cache=True, logits_to_keep=1)
        return written(
            lambda token: model(token, past_key_values=out.past_key_values, use_cache=True).logits, out.logits
        )

    def plain() -> float:
        out = model(inputs_embeds=embeds, use_cache=True, logits_to_keep=1)
        return written(
            lambda token: model(token, past_key_values=out.past_key_values, use_cache=True).logits, out.logits
        )

    def official() -> float:
        cache = Cache()
        logits = baseline.logits(embeds, shown, cache)
        return written(lambda token: baseline.logits(*baseline.embeds(token, None), cache), logits)

    results = [both(way, runs) for way in (native, plain, official)]
    (a, b, c), (d, e, f) = zip(*results, strict=True)
    return Row(images=images, batch=batch, read=(a, b, c), write=(d, e, f))


def written(step: Callable[[Tensor], Tensor], logits: Tensor) -> float:
    """Seconds of a token while WRITTEN tokens are written after a prompt whose logits are given."""
    wait(logits.device)
    token = logits[:, -1:].argmax(-1)
    begin = time.perf_counter()
    for _ in range(WRITTEN):
        token = step(token)[:, -1:].argmax(-1)
    wait(logits.device)
    return (time.perf_counter() - begin) / WRITTEN


def both(way: Callable[[], float], runs: int) -> tuple[float, float]:
    """Medians of the seconds of reading and of writing a token, after a run to warm up."""
    read, write = [], []
    for run in range(runs + 1):
        begin = time.perf_counter()
        token = way()
        if run:
            read.append(time.perf_counter() - begin - WRITTEN * token)
            write.append(token)
    return statistics.median(read), statistics.median(write)


def article(tokens: int) -> list[Encoded]:
    """The ten requests that choose a picture for each slot, as the protocol lays them out."""
    generator = torch.Generator().manual_seed(1)

    def text(count: int) -> list[int]:
        return torch.randint(3, 1000, (count,), generator=generator).tolist()

    def picture() -> Image.Image:
        return Image.frombytes(
            "RGB", (64, 48), bytes(torch.randint(0, 256, (64 * 48 * 3,), generator=generator).tolist())
        )

    lines, rest, tail = [text(LINE) for _ in range(SLOTS)], text(6), text(12)
    ids, images = [1, *text(20)], list[Image.Image]()
    prompts = []
    for line in lines:
        ids += line
        candidates = [picture() for _ in range(CANDIDATES)]
        asked = ids + rest + [n for _ in candidates for n in (*rest[:3], *[IMAGE] * tokens)] + tail
        shown = (*images, *candidates)
        prompts.append(Encoded(ids=tuple(asked), images=shown, sizes=(tokens,) * len(shown)))
        ids += [IMAGE] * tokens
        images.append(candidates[0])
    return prompts


def choices(
    model: XComposer2ForConditionalGeneration, baseline: Baseline, prompts: Sequence[Encoded]
) -> tuple[list[float], list[int]]:
    """Seconds and tokens read for all slots: shared caches, native without, baseline."""
    seconds, read = [], []
    for keep in (True, False):
        usage = Usage()
        reader = Reader(model, usage)
        begin = time.perf_counter()
        for prompt in prompts:
            if not keep:
                reader = Reader(model, usage)
            list(reader.tokens(prompt, CHOICE, drawing(LIKELIEST)))
        seconds.append(time.perf_counter() - begin)
        read.append(usage.prompt_tokens - usage.cached_tokens)
    begin = time.perf_counter()
    for prompt in prompts:
        pixels = prepared(prompt.images, model.config)["pixel_values"].to(model.device, model.dtype)
        ids = torch.tensor([prompt.ids], device=model.device)
        baseline.greedy(*baseline.embeds(ids, model.get_image_features(pixels)), CHOICE)
    wait(model.device)
    return [*seconds, time.perf_counter() - begin], [*read, sum(len(prompt.ids) for prompt in prompts)]


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def report(rows: Sequence[Row], chosen: tuple[list[float], list[int]], about: str) -> str:
    """The result for one number type as Markdown."""
    lines = [
        about, "",
        "| pictures | batch | read native, s | plain Llama, s | baseline, s | gain | PLoRA costs | write native, ms/token | "
        "plain, ms | baseline, ms | gain |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    for row in rows:
        (native, plain, official), (w_native, w_plain, w_official) = row.read, row.write
        lines.append(
            f"| {row.images} | {row.batch} | {native:.3f} | {plain:.3f} | {official:.3f} | {official / native:.2f} x | "
            f"{native / plain - 1:+.1%} | {1e3 * w_native:.1f} | {1e3 * w_plain:.1f} | {1e3 * w_official:.1f} | "
            f"{w_official / w_native:.2f} x |"
        )
    seconds, tokens = chosen
    lines += ["", f"### Choosing for {SLOTS} slots among {CANDIDATES} pictures each", "",
              "| | tokens read | s | against the baseline |", "| --- | ---: | ---: | ---: |"]  # fmt: skip
    for name, s, t in zip(("native, shared caches", "native, nothing kept", "baseline"), seconds, tokens, strict=True):
        lines.append(f"| {name} | {t} | {s:.2f} | {seconds[2] / s:.2f} x |")
    return "\n".join([*lines, ""])


def measured(parsed: argparse.Namespace, dtype: torch.dtype) -> str:
    """Everything for one number type, both sides in the same one."""
    sizes = SMALL if parsed.shapes == "small" else TRUE
    model = build(sizes, parsed.device, dtype)
    baseline = Baseline(layout.to_official(dict(model.state_dict()), checkpoint.heads(model.config)), model.config)
    rows = [speed(model, baseline, images, batch, parsed.runs) for batch in (1, 8) for images in (0, 1, 6)]
    chosen = choices(model, baseline, article(model.config.tokens_per_image))
    cpu = f"CPU ({platform.machine()}), {parsed.threads} threads"
    what = torch.cuda.get_device_name() if parsed.device == "cuda" else cpu
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    return report(rows, chosen, f"## {dtype}\n\n{when}, {what}, torch {torch.__version__}; sizes: {sizes}.")


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--shapes", choices=("small", "7b"), default="small")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtype", nargs="+", choices=("float32", "bfloat16"), help="both on a CPU, bfloat16 on a GPU")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"also into {RESULT.name}")
    parsed = parser.parse_args()
    torch.set_num_threads(parsed.threads)
    dtypes = parsed.dtype or (["float32", "bfloat16"] if parsed.device == "cpu" else ["bfloat16"])
    parts = [measured(parsed, getattr(torch, name)) for name in dtypes]
    text = "\n".join(["# XComposer2: speed", "", *parts, *NOTES, ""])
    print(text)
    if parsed.write:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
