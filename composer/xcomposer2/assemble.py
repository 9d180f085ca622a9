"""A new XComposer2 out of a language model of Llama's family and an image tower: PLoRA that changes nothing yet, and a
projector drawn by chance."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from composer.errors import SetupError
from composer.xcomposer2.config import XComposer2Config
from composer.xcomposer2.convert import ALONG
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.plora import SITES


def assembled(
    language: str | Path,
    vision: Mapping[str, Any],
    *,
    rank: int,
    alpha: float | None = None,
    tower: nn.Module | None = None,
    dropout: float = 0.05,
) -> XComposer2ForConditionalGeneration:
    """A model around the language model of a folder or a .gguf file. `vision` are the fields of a CLIPVisionConfig, `tower` a
    CLIPVisionModel of that form whose weights are taken; where there is none it is drawn by chance.

    Raises SetupError for a language model that cannot be loaded.
    """
    try:
        folder, options = _source(Path(language))
        text_config = AutoConfig.from_pretrained(folder, **options)
        source = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **options)
    except (OSError, ValueError, ImportError) as error:  # reading .gguf needs the package of that name
        raise SetupError(f"{language} is no language model that can be loaded: {error}") from error
    plora = {site: {"rank": rank, "alpha": float(alpha if alpha is not None else rank)} for site in SITES}
    config = XComposer2Config(
        text_config=text_config.to_dict(), vision_config=dict(vision), plora=plora, plora_dropout=dropout
    )
    model: XComposer2ForConditionalGeneration = XComposer2ForConditionalGeneration(config)
    own = source.model.state_dict()
    left = model.model.language_model.load_state_dict(own, strict=False)
    if left.unexpected_keys or any(".plora_" not in name for name in left.missing_keys):
        raise SetupError(f"{language} is not built as its config.json says: {left}")
    model.lm_head.load_state_dict(source.lm_head.state_dict())
    if tower is not None:
        model.model.vision_tower.load_state_dict(tower.state_dict())
    model.eval()
    return model


def save(model: XComposer2ForConditionalGeneration, target: Path, tokenizer: Path) -> None:
    """Writes a model with the tokenizer of another folder or of a .gguf file."""
    model.save_pretrained(target)
    if tokenizer.suffix == ".gguf":
        folder, options = _source(tokenizer)
        AutoTokenizer.from_pretrained(folder, **options).save_pretrained(target)
        return
    for name in ALONG:
        if name.startswith(("tokenizer", "special", "added")) and (tokenizer / name).is_file():
            shutil.copyfile(tokenizer / name, target / name)


def _source(where: Path) -> tuple[Path, dict[str, str]]:
    """What transformers is told to load: a folder, and the name of the file where it is a .gguf one."""
    return (where.parent, {"gguf_file": where.name}) if where.suffix == ".gguf" else (where, {})
