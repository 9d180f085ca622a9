"""What an XComposer2 model is made of, in the form of transformers 5 and in that of the official checkpoints.

Knows the fields of both; does not know tensors.
"""
# ruff: noqa: ANN401 - transformers hands its arguments through

from collections.abc import Mapping
from typing import Any

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec

from composer.xcomposer2 import tower  # registers its config
from composer.xcomposer2.plora import SITES, Low

OFFICIAL = "InternLMXComposer2ForCausalLM"
VOCABULARY = 92544  # of InternLM2
END_OF_TURN = 92542  # [UNUSED_TOKEN_145]
IMAGE_TOKEN = 92397  # [UNUSED_TOKEN_0]: no tokenizer output and no embedding of the model stands behind it
TILE = 336  # px; of the 4khd model
VIT_LARGE: dict[str, Any] = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "patch_size": 14,
    "projection_dim": 768,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
}
TEXT_FIELDS = (
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
    "hidden_act", "initializer_range", "rms_norm_eps", "max_position_embeddings", "head_dim",
    "bos_token_id", "eos_token_id", "pad_token_id",
)  # fmt: skip


@strict
class XComposer2Config(PreTrainedConfig):  # type: ignore[misc]
    """Language model, image tower and Partial LoRA. `vision_config.image_size` is the side that pictures are given.

    `plora` gives rank and alpha for each site of `plora.SITES`; sites that are left out stay plain. With `tiles`,
    pictures of any form are cut into squares of `vision_config.image_size` (the 4khd model).
    """

    model_type = "xcomposer2"
    sub_configs_defaults = {  # noqa: RUF012 - as the base class has it
        "text_config": SubConfigSpec(config_class=AutoConfig, model_type="llama"),
        "vision_config": SubConfigSpec(config_class=AutoConfig, model_type="clip_vision_model"),
    }

    text_config: Any = None
    vision_config: Any = None
    plora: dict[str, Any] | None = None
    plora_dropout: float = 0.05
    image_token_id: int = -1  # stands in `input_ids` where a picture's features go; -1 is no token of any vocabulary
    tiles: bool = False
    max_tiles: int = 16
    tie_word_embeddings: bool = False
    official: dict[str, Any] | None = None  # the config.json this one was made from, for the way back
    base: str | None = None  # the model of assets/models.toml whose weights the language model has; they lie there
    likeness: float = 0.0  # of a choice: what the cosine of line and picture counts, in the tower's own space
    tower_texts: str | None = None  # the folder of assets/models whose text tower shares that space
    letters: float = 1.0  # of a choice among pictures: what letters count; the rest is how well a line captions each

    def __post_init__(self, **kwargs: Any) -> None:
        if self.plora is None:
            self.plora = {site: {"rank": 256, "alpha": 256.0} for site in SITES}
        super().__post_init__(**kwargs)
        if getattr(self.text_config, "tie_word_embeddings", False):
            self.tie_word_embeddings = True

    @property
    def lows(self) -> dict[str, Low]:
        """The correction at every site; rank 0 where there is none."""
        given = self.plora or {}
        return {
            site: Low(rank=int(given[site]["rank"]), alpha=float(given[site]["alpha"]))
            if site in given
            else Low(rank=0, alpha=1.0)
            for site in SITES
        }

    @property
    def grid(self) -> int:
        """Patches along one side of a picture or tile."""
        return int(self.vision_config.image_size // self.vision_config.patch_size)

    @property
    def tokens_per_image(self) -> int:
        """Tokens of one picture, where it is not cut into tiles."""
        own = self.vision_config
        return own.tokens if isinstance(own, tower.DrawingTowerConfig) else self.grid**2


def is_official(config: Mapping[str, Any]) -> bool:
    """Whether a config.json is one of the official checkpoints'."""
    return "text_config" not in config and (
        OFFICIAL in (config.get("architectures") or ()) or str(config.get("model_type", "")).startswith("internlm")
    )


def from_official(
    official: Mapping[str, Any], ranks: Mapping[str, int], *, tiles: bool, tied: bool
) -> XComposer2Config:
    """The config of an official checkpoint. Ranks and `tiles` are read off its tensors, for its config.json is silent.

    The scale of PLoRA is 1, but for the rank 8 on wqkv of the 4khd model, where it is 2 (LMDeploy's table). An own
    checkpoint may say otherwise with `lora_scale` or `lora_alpha`.
    """
    vision = {**VIT_LARGE, **(official.get("vision_config") or {})}
    vision["image_size"] = TILE if tiles and not official.get("img_size") else int(official.get("img_size") or TILE)
    large = int(official.get("vocab_size", 0)) == VOCABULARY
    return XComposer2Config(
        text_config=_text(official, tied=tied),
        vision_config={k: v for k, v in vision.items() if k != "model_type"},
        plora={site: {"rank": r, "alpha": _alpha(official, site, r, tiles=tiles)} for site, r in ranks.items() if r},
        image_token_id=IMAGE_TOKEN if large else -1,
        tiles=tiles,
        tie_word_embeddings=tied,
        official=dict(official),
        bos_token_id=official.get("bos_token_id", 1),
        eos_token_id=official.get("eos_token_id", 2),
        pad_token_id=official.get("pad_token_id", 2),
        dtype=official.get("torch_dtype") or official.get("dtype"),
    )


def stop_ids(config: XComposer2Config) -> list[int]:
    """Tokens that end a reply: end of text, and end of turn where the vocabulary is InternLM2's."""
    own = config.text_config.eos_token_id
    ids = list(own) if isinstance(own, list) else [own] if own is not None else []
    return [*ids, END_OF_TURN] if config.text_config.vocab_size == VOCABULARY else ids


def to_official(config: XComposer2Config) -> dict[str, Any]:
    """The config.json of the official layout: the one it came from, or a new one."""
    if config.official:
        return dict(config.official)
    text, rope = config.text_config, dict(config.text_config.rope_parameters)
    fields: dict[str, Any] = {
        name: getattr(text, name) for name in TEXT_FIELDS if getattr(text, name, None) is not None
    }
    theta, kind = rope.pop("rope_theta"), rope.pop("rope_type", "default")
    vision = config.vision_config.to_dict()
    first = next(iter(config.lows.values()))
    return fields | {
        "architectures": [OFFICIAL],
        "model_type": "internlmxcomposer2",
        "bias": bool(text.attention_bias),
        "rope_theta": theta,
        "rope_scaling": None if kind == "default" else {"type": kind, **rope},
        "tie_word_embeddings": bool(config.tie_word_embeddings),
        "img_size": config.vision_config.image_size,
        "vision_config": {name: vision[name] for name in [*VIT_LARGE, "image_size"] if name in vision},
        "lora_alpha": first.alpha if first.rank else None,
    }


def _text(official: Mapping[str, Any], *, tied: bool) -> dict[str, Any]:
    fields = {name: official[name] for name in TEXT_FIELDS if official.get(name) is not None}
    scaling = dict(official.get("rope_scaling") or {})
    kind = scaling.pop("type", None) or scaling.pop("rope_type", None) or "default"
    rope = {"rope_type": kind, "rope_theta": float(official.get("rope_theta", 10000)), **scaling}
    return fields | {
        "model_type": "llama",
        "attention_bias": bool(official.get("bias", False)),
        "rope_parameters": rope,
        "tie_word_embeddings": tied,
    }


def _alpha(official: Mapping[str, Any], site: str, rank: int, *, tiles: bool) -> float:
    if "lora_scale" in official:
        return float(official["lora_scale"]) * rank
    if official.get("lora_alpha") is not None:
        return float(official["lora_alpha"])
    return 2.0 * rank if tiles and site == "qkv" and rank == 8 else float(rank)
