"""Tiny models with random weights, in both layouts; nothing is downloaded."""
# ruff: noqa: ANN401 - any field of a config

import io
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from composer.xcomposer2 import checkpoint, layout
from composer.xcomposer2.config import XComposer2Config
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.plora import SITES

PATCH = 14


def config(
    *, side: int = 42, layers: int = 2, heads: int = 4, keys: int = 2, rank: int = 8, **more: Any
) -> XComposer2Config:
    """A model of 24 * heads wide and some ten thousand parameters; `side` px make (side / 14)^2 image tokens."""
    text = {
        "vocab_size": 120, "hidden_size": 8 * heads, "intermediate_size": 48, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": keys, "max_position_embeddings": 2048, "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}, "bos_token_id": 1, "eos_token_id": 2,
        "pad_token_id": 2, "model_type": "llama", **more.pop("text", {}),
    }  # fmt: skip
    vision = {
        "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
        "image_size": side, "patch_size": PATCH, "hidden_act": "quick_gelu",
    }  # fmt: skip
    plora = {site: {"rank": rank, "alpha": float(rank)} for site in SITES}
    return XComposer2Config(**{"text_config": text, "vision_config": vision, "plora": plora, **more})


def model(given: XComposer2Config | None = None, *, seed: int = 0) -> XComposer2ForConditionalGeneration:
    """A model whose PLoRA does something: B is drawn too, and everything is large enough to be told apart."""
    torch.manual_seed(seed)
    made: XComposer2ForConditionalGeneration = XComposer2ForConditionalGeneration(given or config()).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.15)
    return made


def official_tensors(made: XComposer2ForConditionalGeneration) -> dict[str, Tensor]:
    """A model's tensors under the official names."""
    state = {name: tensor.detach().contiguous() for name, tensor in made.state_dict().items()}
    return layout.to_official(state, checkpoint.heads(made.config))


def official_folder(path: Path, made: XComposer2ForConditionalGeneration, **fields: Any) -> Path:
    """A checkpoint as the official ones are laid out; `fields` are changed or added in its config.json."""
    path.mkdir(parents=True, exist_ok=True)
    text = made.config.text_config
    rope = dict(text.rope_parameters)
    names = [
        "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
        "num_key_value_heads", "rms_norm_eps", "max_position_embeddings", "bos_token_id", "eos_token_id", "pad_token_id",
    ]  # fmt: skip
    vision = made.config.vision_config.to_dict()
    content = {name: getattr(text, name) for name in names} | {
        "architectures": ["InternLMXComposer2ForCausalLM"], "model_type": "internlmxcomposer2", "hidden_act": "silu",
        "rope_theta": rope["rope_theta"], "rope_scaling": {"type": "dynamic", "factor": 1.0}, "bias": False,
        "tie_word_embeddings": False, "torch_dtype": None, "max_length": 4096, "do_sample": False,
        "img_size": made.config.vision_config.image_size,
        "vision_config": {n: vision[n] for n in ("hidden_size", "intermediate_size", "num_hidden_layers",
                                                 "num_attention_heads", "patch_size", "hidden_act")} | {"image_size": 336},
    }  # fmt: skip
    (path / "config.json").write_text(json.dumps(content | fields), encoding="utf-8")
    save_file(official_tensors(made), path / "model.safetensors")
    return path


def prompt(made: XComposer2ForConditionalGeneration, *parts: int | str, seed: int = 0) -> Tensor:
    """(1, n) ids: a number of random text tokens for a number, a picture's place for "image"."""
    generator = torch.Generator().manual_seed(seed)
    tokens = made.config.tokens_per_image
    runs = [
        torch.full((tokens,), -1) if part == "image" else torch.randint(3, 119, (int(part),), generator=generator)
        for part in parts
    ]
    return torch.cat(runs)[None]


def pixels(made: XComposer2ForConditionalGeneration, count: int, seed: int = 0) -> Tensor:
    side = made.config.vision_config.image_size
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def write_tokenizer(file: Path) -> int:
    """A sentencepiece model of bytes and a few pieces, with the official special tokens; returns its size."""
    import sentencepiece

    made = io.BytesIO()
    text = ["the heron stands in the shallow water and waits", "tea comes from yunnan and goes over the sea"]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text), model_writer=made, model_type="bpe", vocab_size=320, byte_fallback=True,
        unk_id=0, bos_id=1, eos_id=2, normalization_rule_name="identity", remove_extra_whitespaces=False,
        add_dummy_prefix=False, minloglevel=2,
        user_defined_symbols=["[UNUSED_TOKEN_145]", "[UNUSED_TOKEN_146]", "\n"],
    )  # fmt: skip
    file.write_bytes(made.getvalue())
    return int(sentencepiece.SentencePieceProcessor(model_proto=made.getvalue()).get_piece_size())
