"""The model: CLIP tower, projector, a Llama-family language model, and Partial LoRA on its image tokens.

Attention, caches, masks and generation are transformers' own. Knows tensors; `processing` makes them from text and
pictures, `checkpoint` loads weights. One forward pass of a model at a time.
"""
# ruff: noqa: ANN401 - transformers hands its arguments through

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel, AutoModelForImageTextToText, PreTrainedModel
from transformers import initialization as init
from transformers.cache_utils import Cache
from transformers.generation import GenerationConfig, GenerationMixin
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from transformers.modeling_utils import slice_logits_to_keep

from composer.xcomposer2.config import XComposer2Config, stop_ids
from composer.xcomposer2.plora import add_plora, checkpointing
from composer.xcomposer2.tiles import joined
from composer.xcomposer2.tower import DrawingTower


def generation_defaults(config: XComposer2Config) -> GenerationConfig:
    """Stop ids and nothing else: how a reply is drawn is the caller's to say."""
    text = config.text_config
    return GenerationConfig(
        bos_token_id=text.bos_token_id, eos_token_id=stop_ids(config) or None, pad_token_id=text.pad_token_id
    )


class Projector(nn.Module):
    """Linear, GELU, linear: from the tower's features to the language model's embeddings."""

    def __init__(self, config: XComposer2Config) -> None:
        super().__init__()
        features = config.vision_config.hidden_size * (4 if config.tiles else 1)
        self.linear_1 = nn.Linear(features, config.text_config.hidden_size)
        self.linear_2 = nn.Linear(config.text_config.hidden_size, config.text_config.hidden_size)

    def forward(self, features: Tensor) -> Tensor:
        hidden: Tensor = self.linear_2(functional.gelu(self.linear_1(features)))
        return hidden


class XComposer2PreTrainedModel(PreTrainedModel):  # type: ignore[misc]
    """What transformers needs to know to place, load and split the model."""

    config_class = XComposer2Config
    base_model_prefix = "model"
    input_modalities = ("image", "text")
    supports_gradient_checkpointing = True
    _no_split_modules = ["LlamaDecoderLayer", "CLIPEncoderLayer"]  # noqa: RUF012 - as the base class has it
    _skip_keys_device_placement = ["past_key_values"]  # noqa: RUF012
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    _can_compile_fullgraph = True

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, XComposer2Model) and module.config.tiles:
            init.zeros_(module.row_end)
            init.zeros_(module.overview_end)


class XComposer2Model(XComposer2PreTrainedModel):
    """Tower, projector and language model, without the output layer."""

    def __init__(self, config: XComposer2Config) -> None:
        super().__init__(config)
        self.vision_tower = AutoModel.from_config(config.vision_config)  # CLIPVisionModel
        self.projector = Projector(config)
        self.language_model = AutoModel.from_config(config.text_config)
        if config.tiles:
            width = 4 * config.vision_config.hidden_size
            self.row_end = nn.Parameter(torch.zeros(width))
            self.overview_end = nn.Parameter(torch.zeros(width))
        self.rows = add_plora(self.language_model, 0, 1.0, dropout=config.plora_dropout, sites=config.lows)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        embeddings: nn.Module = self.language_model.get_input_embeddings()
        return embeddings

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.language_model.set_input_embeddings(value)

    def tower_features(self, pixel_values: Tensor) -> Tensor:
        """What the last layer says of every patch, (n, patches, c); neither the CLS token nor the last norm."""
        hidden: Tensor = self.vision_tower(pixel_values=pixel_values).last_hidden_state
        return hidden if isinstance(self.vision_tower, DrawingTower) else hidden[:, 1:]

    def get_image_features(self, pixel_values: Tensor, image_grids: Tensor | None = None) -> Tensor:
        """One row for each image token, pictures in order, (tokens, hidden).

        `pixel_values` is (pictures, 3, side, side), or with tiles (overviews and tiles of all pictures, 3, side, side);
        `image_grids` is then (pictures, 2): rows and columns of each picture's tiles.
        """
        features = self.tower_features(pixel_values.to(self.projector.linear_1.weight.dtype))
        if self.config.tiles:
            if image_grids is None:
                raise ValueError("A model with tiles needs image_grids beside pixel_values: rows and columns, (n, 2).")
            grids = [(int(h), int(w)) for h, w in image_grids.tolist()]
            features = joined(features, grids, self.row_end, self.overview_end)
        embeds: Tensor = self.projector(features)
        return embeds.reshape(-1, embeds.shape[-1])

    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        image_grids: Tensor | None = None,
        image_features: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        **kwargs: Any,
    ) -> BaseModelOutputWithPast:
        """Pictures come as `pixel_values`, or as `image_features` that were computed before (see
        `get_image_features`); `input_ids` hold `image_token_id` or -1 where their rows go, in order."""
        if position_ids is None and attention_mask is not None and attention_mask.ndim == 2:
            length = (input_ids if input_ids is not None else inputs_embeds).shape[1]  # type: ignore[union-attr]
            position_ids = (attention_mask.long().cumsum(-1) - 1).clamp(min=0)[:, -length:]
        rest = {"attention_mask": attention_mask, "position_ids": position_ids, "past_key_values": past_key_values}
        if pixel_values is None and image_features is None:
            return self.language_model(input_ids=input_ids, inputs_embeds=inputs_embeds, **rest, **kwargs)
        if input_ids is None:
            raise ValueError("Pictures need input_ids, which say where they stand; got inputs_embeds alone.")
        if image_features is None:
            assert pixel_values is not None
            image_features = self.get_image_features(pixel_values, image_grids)
        embeds, index = self._interleaved(input_ids, image_features)
        with self.rows.at(index):
            return self.language_model(inputs_embeds=embeds, **rest, **kwargs)

    def _interleaved(self, input_ids: Tensor, image_features: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings with the pictures in their places, and the flattened rows these are."""
        shown = self.is_image(input_ids)
        index = shown.flatten().nonzero().squeeze(1)  # (n,); the one time that a GPU is waited for
        if len(index) != len(image_features):
            raise ValueError(
                f"The prompt has {len(index)} image tokens, and the pictures have {len(image_features)}. "
                "Make both with the same processor."
            )
        embeds: Tensor = self.get_input_embeddings()(input_ids.masked_fill(shown, 0))
        flat = embeds.reshape(-1, embeds.shape[-1])
        features = image_features.to(device=flat.device, dtype=flat.dtype)
        return flat.index_copy(0, index, features).view_as(embeds), index

    def is_image(self, input_ids: Tensor) -> Tensor:
        """Where pictures stand, a mask of the ids' form."""
        shown: Tensor = (input_ids == self.config.image_token_id) | (input_ids < 0)
        return shown


class XComposer2ForConditionalGeneration(XComposer2PreTrainedModel, GenerationMixin):  # type: ignore[misc]
    """The whole model. `generate` is transformers'; a kept cache is continued by passing `past_key_values`, the ids of
    everything so far, and the pictures that are new."""

    _tied_weights_keys = {"lm_head.weight": "model.language_model.embed_tokens.weight"}  # noqa: RUF012

    def __init__(self, config: XComposer2Config) -> None:
        super().__init__(config)
        self.model = XComposer2Model(config)
        self.lm_head = nn.Linear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)
        self.post_init()
        self.generation_config = generation_defaults(config)

    @classmethod
    def from_pretrained(cls, where: Any, *args: Any, **kwargs: Any) -> Any:
        """A model from a folder or the Hub, in this project's layout or that of the official checkpoints; with
        `output_loading_info` also what transformers says about it."""
        from composer.xcomposer2.checkpoint import load

        loaded = load(cls, super().from_pretrained, where, *args, **kwargs)
        model: XComposer2ForConditionalGeneration = loaded[0] if isinstance(loaded, tuple) else loaded
        if model.config.official is not None:  # an official config.json mixes in what generation once took from it
            model.generation_config = generation_defaults(model.config)
        return loaded

    def save_pretrained(self, where: Any, **kwargs: Any) -> None:
        """In this project's layout; `composer.xcomposer2.convert` makes the official one of it."""
        super().save_pretrained(where, **{"save_original_format": False, **kwargs})

    def get_output_embeddings(self) -> nn.Module:
        return self.lm_head

    def set_output_embeddings(self, value: nn.Linear) -> None:
        self.lm_head = value

    def get_image_features(self, pixel_values: Tensor, image_grids: Tensor | None = None) -> Tensor:
        """See `XComposer2Model.get_image_features`."""
        return self.model.get_image_features(pixel_values, image_grids)

    def activation_checkpointing_enable(
        self, activation_checkpointing_kwargs: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:
        """See transformers; layers that are computed again know their image tokens."""
        options = {**(activation_checkpointing_kwargs or {}), **checkpointing(self.model.rows)}
        super().activation_checkpointing_enable(options, **kwargs)

    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        image_grids: Tensor | None = None,
        image_features: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        logits_to_keep: int | Tensor = 0,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """See `XComposer2Model.forward`. `labels` are input_ids with -100 where no loss is wanted."""
        kwargs.pop("return_dict", None)
        outputs = self.model(
            input_ids=input_ids,
            pixel_values=pixel_values,
            image_grids=image_grids,
            image_features=image_features,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            **kwargs,
        )
        logits = self.lm_head(slice_logits_to_keep(outputs.last_hidden_state, logits_to_keep))
        loss = None
        if labels is not None:
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=self.config.text_config.vocab_size)
        return CausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
        )

    def prepare_inputs_for_generation(
        self,
        input_ids: Tensor,
        pixel_values: Tensor | None = None,
        image_grids: Tensor | None = None,
        image_features: Tensor | None = None,
        is_first_iteration: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        inputs: dict[str, Any] = super().prepare_inputs_for_generation(
            input_ids, is_first_iteration=is_first_iteration, **kwargs
        )
        if is_first_iteration or not kwargs.get("use_cache", True):
            pictures = {"pixel_values": pixel_values, "image_grids": image_grids, "image_features": image_features}
            inputs |= {name: value for name, value in pictures.items() if value is not None}
        return inputs

    def _expand_inputs_for_generation(
        self,
        expand_size: int = 1,
        is_encoder_decoder: bool = False,
        input_ids: Tensor | None = None,
        **kwargs: Any,
    ) -> tuple[Tensor, dict[str, Any]]:
        """Several beams or samples of a prompt: its pictures are computed once, and repeated prompt by prompt."""
        pictures = {name: kwargs.pop(name, None) for name in ("pixel_values", "image_grids", "image_features")}
        features = pictures["image_features"]
        if expand_size > 1 and (features is not None or pictures["pixel_values"] is not None):
            assert input_ids is not None
            if features is None:
                features = self.get_image_features(pictures["pixel_values"], pictures["image_grids"])
            counts = self.model.is_image(input_ids).sum(1).tolist()
            repeated = [part for part in features.split(counts) for _ in range(expand_size)]
            pictures = {"image_features": torch.cat(repeated)}
        ids, kwargs = super()._expand_inputs_for_generation(
            expand_size=expand_size, is_encoder_decoder=is_encoder_decoder, input_ids=input_ids, **kwargs
        )
        return ids, kwargs | {name: value for name, value in pictures.items() if value is not None}


AutoConfig.register(XComposer2Config.model_type, XComposer2Config, exist_ok=True)
AutoModelForImageTextToText.register(XComposer2Config, XComposer2ForConditionalGeneration, exist_ok=True)
