"""Compares the model with recorded outputs of the official code: a folder of weights, pictures and expected tensors.

`shared/parity/xcomposer2/README.md` of the project says what the folder holds; any part of it may be absent.
"""

import json
import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from composer.errors import SetupError
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.pixels import prepared

TOLERANCE = 1e-4
STRIDE = 7  # of the recorded features and embeddings, only every seventh token is kept

Expected = dict[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Largest absolute differences, and whether whole numbers agree; None where nothing was recorded."""

    pixel_values: float | None = None
    image_features: float | None = None
    image_embeds: float | None = None
    logits: float | None = None
    text_logits: float | None = None
    argmax_equal: bool | None = None
    norm: float | None = None
    greedy_equal: bool | None = None

    @property
    def ok(self) -> bool:
        """Whether something was compared, and everything that was agrees."""
        given = [value for value in asdict(self).values() if value is not None]
        return bool(given) and all(v if isinstance(v, bool) else v <= TOLERANCE for v in given)

    def line(self) -> str:
        """One line of JSON; a difference that is no number is shown as the largest there is."""
        shown = {k: 1e308 if isinstance(v, float) and not math.isfinite(v) else v for k, v in asdict(self).items()}
        return json.dumps({"ok": self.ok} | shown)


@torch.inference_mode()
def compare(folder: Path, *, attention: str = "eager") -> Report:
    """Runs the model of the folder in float32 on the CPU, with the attention the outputs were recorded with.

    Raises SetupError where the folder cannot be used.
    """
    if not (folder / "expected.safetensors").is_file():
        raise SetupError(f"{folder} has no expected.safetensors: it is no folder of recorded outputs.")
    expected = load_file(folder / "expected.safetensors")
    options = {"dtype": torch.float32, "attn_implementation": attention}
    model = XComposer2ForConditionalGeneration.from_pretrained(folder, **options).eval()
    inputs = _inputs(model, folder, expected)
    seen = _compare_pictures(model, inputs, expected)
    return Report(**seen, **_compare_prompt(model, inputs, expected), **_compare_text(model, expected))


def _inputs(model: XComposer2ForConditionalGeneration, folder: Path, expected: Expected) -> dict[str, Tensor]:
    """Pictures in order of their numbers; where there are no files, the recorded pixels."""
    numbered = [(int(m[1]), p) for p in folder.iterdir() if (m := re.fullmatch(r"image_(\d+)\.\w+", p.name))]
    files = [path for _, path in sorted(numbered)]
    if files:
        return prepared([Image.open(file) for file in files], model.config)
    return {"pixel_values": expected["pixel_values"]} if "pixel_values" in expected else {}


def _compare_pictures(
    model: XComposer2ForConditionalGeneration, inputs: dict[str, Tensor], expected: Expected
) -> dict[str, Any]:
    if not inputs:
        return {}
    pixels = inputs["pixel_values"]
    features = model.model.tower_features(pixels) if "image_features" in expected else None
    embeds = None
    if "image_embeds" in expected:
        flat = model.get_image_features(**inputs)
        embeds = flat.reshape(len(expected["image_embeds"]), -1, flat.shape[-1])
    return {
        "pixel_values": _distance(pixels, expected.get("pixel_values")),
        "image_features": _distance(_thinned(features, expected.get("image_features")), expected.get("image_features")),
        "image_embeds": _distance(_thinned(embeds, expected.get("image_embeds")), expected.get("image_embeds")),
    }


def _compare_prompt(
    model: XComposer2ForConditionalGeneration, inputs: dict[str, Tensor], expected: Expected
) -> dict[str, Any]:
    if "input_ids" not in expected:
        return {}
    ids = expected["input_ids"].long().reshape(1, -1)
    pictures = inputs if bool((ids < 0).any()) else {}
    logits = model(input_ids=ids, **pictures).logits[0]  # (L, vocabulary)
    tail, argmax = expected.get("logits_tail"), expected.get("logits_argmax")
    return {
        "logits": None if tail is None else _distance(logits[len(logits) - len(tail) :], tail),
        "argmax_equal": None if argmax is None else torch.equal(logits.argmax(-1), argmax.long()),
        "norm": _distance(logits.norm(dim=-1), expected.get("logits_norm")),
        "greedy_equal": _greedy_equal(model, ids, pictures, expected.get("greedy")),
    }


def _greedy_equal(
    model: XComposer2ForConditionalGeneration, ids: Tensor, pictures: dict[str, Tensor], greedy: Tensor | None
) -> bool | None:
    """The first recorded entry is a placeholder; nothing stops the continuation."""
    if greedy is None:
        return None
    model.generation_config.eos_token_id = None
    new = len(greedy) - 1
    if new < 1:
        return True
    mask = torch.ones_like(ids)  # or else transformers takes a token that is also used for padding for padding
    out = model.generate(input_ids=ids, attention_mask=mask, **pictures, do_sample=False, max_new_tokens=new)
    return torch.equal(out[0, ids.shape[1] :], greedy[1:].long())


def _compare_text(model: XComposer2ForConditionalGeneration, expected: Expected) -> dict[str, Any]:
    if "text_ids" not in expected or "text_logits" not in expected:
        return {}
    logits = model(input_ids=expected["text_ids"].long().reshape(1, -1)).logits[0]
    return {"text_logits": _distance(logits, expected["text_logits"])}


def _thinned(values: Tensor | None, like: Tensor | None) -> Tensor | None:
    """Every seventh token, or whatever step gives as many as were recorded."""
    if values is None or like is None:
        return None
    tokens = values.shape[1]
    steps = [STRIDE, *range(1, tokens + 1)]
    step = next((s for s in steps if math.ceil(tokens / s) == like.shape[1]), 1)
    return values[:, ::step]


def _distance(values: Tensor | None, expected: Tensor | None) -> float | None:
    """The largest absolute difference; infinite where the shapes differ or something is no number."""
    if values is None or expected is None:
        return None
    if values.shape != expected.shape:
        return math.inf
    largest = float((values.double() - expected.double()).abs().max()) if values.numel() else 0.0
    return math.inf if math.isnan(largest) else largest
