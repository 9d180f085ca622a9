"""The folder that the small model ships in: everything but the language model's own weights, which lie where
`python -m composer models pull` put them.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.initialization import no_init_weights

from composer.errors import SetupError
from composer.weights import path_of
from composer.xcomposer2.checkpoint import Folder
from composer.xcomposer2.config import XComposer2Config
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.plora import SITES
from composer.xcomposer2.tower import DrawingTower, tower_of

SOURCED = ("quantization_config", "_name_or_path", "dtype")  # fields of where a config came from


def fresh(recipe: dict[str, Any], assets: Path) -> XComposer2ForConditionalGeneration:
    """A new model of a recipe, in float32: a correction that changes nothing yet, a projector drawn by chance. Raises
    SetupError with the command that brings the language model."""
    own = recipe["model"]
    tower = tower_of(assets / "models" / own["tower"], cells=own["cells"])
    torch.manual_seed(recipe["training"]["seed"])
    model = around(own["language"], tower, rank=own["rank"], alpha=own["alpha"] * own["rank"])
    model.config.letters = float(own["letters"])  # the config takes no whole number
    model.config.likeness, model.config.tower_texts = float(own["likeness"]), own["tower"]
    return model


def around(language: str, tower: DrawingTower, *, rank: int, alpha: float) -> XComposer2ForConditionalGeneration:
    """A model around a language model of assets/models.toml."""
    plora = {site: {"rank": rank, "alpha": alpha} for site in SITES}
    config = XComposer2Config(
        text_config=text_config(path_of(language)), vision_config=tower.config.to_dict(), plora=plora,
        plora_dropout=0.0, base=language, tie_word_embeddings=True,
    )  # fmt: skip
    model = _built(config)
    model.model.vision_tower.load_state_dict(tower.state_dict())
    model.eval()
    return model


def save(model: XComposer2ForConditionalGeneration, target: Path) -> None:
    """Writes config, tokenizer and, in fp16, every tensor that is not the language model's own."""
    target.mkdir(parents=True, exist_ok=True)
    state = {n: v.detach().cpu() for n, v in model.state_dict().items() if not is_base(n)}
    half = {n: (v.to(torch.float16) if v.is_floating_point() else v).contiguous().clone() for n, v in state.items()}
    save_file(half, target / "model.safetensors", {"format": "pt"})
    fields = model.config.to_dict()
    fields["text_config"] = {k: v for k, v in fields["text_config"].items() if k not in SOURCED}
    fields["architectures"] = [type(model).__name__]
    (target / "config.json").write_text(json.dumps(fields, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    save_tokenizer(str(model.config.base), target)


def save_tokenizer(language: str, target: Path) -> None:
    """Writes the tokenizer of a language model of assets/models.toml."""
    where, options = _source(path_of(language))
    AutoTokenizer.from_pretrained(where, **options).save_pretrained(target)
    for path in target.glob("*.jinja"):
        path.unlink()  # turns are laid out by `chat`


def load_on_base(folder: Folder, dtype: torch.dtype | None = None) -> XComposer2ForConditionalGeneration:
    """The model of such a folder, on the CPU. Raises SetupError where the language model is not here (with the command
    that brings it), or where tensors are missing, extra or misshapen."""
    with no_init_weights():  # everything is read; drawing it by chance first would take longer than reading
        model = _built(folder.config)
    state = {
        n: v.float() if v.is_floating_point() else v for n, v in load_file(folder.path / "model.safetensors").items()
    }
    wanted = {n: v.shape for n, v in model.state_dict().items() if not is_base(n)}
    wrong = sorted(wanted.keys() ^ state.keys()) or [n for n, v in state.items() if v.shape != wanted[n]]
    if wrong:
        raise SetupError(f"The tensors of {folder.path} do not fit its config.json: {', '.join(wrong[:8])}.")
    model.load_state_dict(state, strict=False)
    model.to(dtype or torch.float32).eval()
    return model


def is_base(name: str) -> bool:
    """Whether a tensor is the language model's own."""
    return name == "lm_head.weight" or (name.startswith("model.language_model.") and ".plora_" not in name)


def text_config(path: Path) -> dict[str, Any]:
    """The fields of a language model's config, without those that say where it came from."""
    where, options = _source(path)
    fields = AutoConfig.from_pretrained(where, **options).to_dict()
    return {name: value for name, value in fields.items() if name not in SOURCED}


def language_model(name: str) -> nn.Module:
    """A language model of assets/models.toml by itself, float32; a .gguf file's numbers are taken out of their blocks."""
    try:
        where, options = _source(path_of(name))
        model: nn.Module = AutoModelForCausalLM.from_pretrained(where, dtype=torch.float32, **options)
    except ImportError as error:
        raise SetupError("The package gguf is not installed. Run: pip install -r requirements.txt") from error
    return model.eval()


def _built(config: XComposer2Config) -> XComposer2ForConditionalGeneration:
    """A model of a config with the language model's weights in it."""
    source: Any = language_model(str(config.base))
    model: XComposer2ForConditionalGeneration = XComposer2ForConditionalGeneration(config)
    left = model.model.language_model.load_state_dict(source.model.state_dict(), strict=False)
    if left.unexpected_keys or any(".plora_" not in name for name in left.missing_keys):
        raise SetupError(f"{config.base} is not the language model that this config.json tells of: {left}")
    model.lm_head.load_state_dict(source.lm_head.state_dict())
    return model


def _source(path: Path) -> tuple[Path, dict[str, str]]:
    return (path.parent, {"gguf_file": path.name}) if path.suffix == ".gguf" else (path, {})
