"""Real pipeline classes of diffusers, one for each that the presets name, with a few thousand random weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.backends.tiny_models import BYTES, SPECIAL, tokenizer, write_diffusion_model

VOCABULARY = BYTES + len(SPECIAL)


def clip_text(width: int = 16, *, projection: bool = False) -> Any:  # noqa: ANN401 - transformers has no types
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=77,
        projection_dim=width,
        eos_token_id=BYTES,
        bos_token_id=None,
        pad_token_id=BYTES + 5,
    )
    return (CLIPTextModelWithProjection if projection else CLIPTextModel)(config)


def kl(channels: int = 4, *, double: bool = True) -> Any:  # noqa: ANN401
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
        latent_channels=channels,
        use_quant_conv=double,
        use_post_quant_conv=double,
        shift_factor=0.0,
        scaling_factor=0.5,
    )


def short(limit: int = 77) -> Any:  # noqa: ANN401
    words = tokenizer()
    words.model_max_length = limit
    return words


def causal(kind: str, width: int = 16, layers: int = 2) -> Any:  # noqa: ANN401
    import transformers

    config = getattr(transformers, f"{kind}Config")(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=1024,
        bos_token_id=None,
        eos_token_id=BYTES,
        pad_token_id=BYTES + 5,
        layer_types=["full_attention"] * layers,
    )
    return getattr(transformers, f"{kind}Model" if kind == "Gemma2" else f"{kind}ForCausalLM")(config)


def write_sdxl(folder: Path) -> Path:
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel

    unet = UNet2DConditionModel(
        sample_size=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(8, 8),
        layers_per_block=2,
        norm_num_groups=4,
        cross_attention_dim=32,
        attention_head_dim=(2, 4),
        transformer_layers_per_block=1,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + 16,
        use_linear_projection=True,
    )
    StableDiffusionXLPipeline(
        vae=kl(),
        text_encoder=clip_text(),
        text_encoder_2=clip_text(projection=True),
        tokenizer=short(),
        tokenizer_2=short(),
        unet=unet,
        scheduler=EulerDiscreteScheduler(steps_offset=1),
        add_watermarker=False,
    ).save_pretrained(folder)
    return folder


def write_flux(folder: Path) -> Path:
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel
    from transformers import T5Config, T5EncoderModel

    transformer = FluxTransformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=16,
        pooled_projection_dim=16,
        axes_dims_rope=(4, 4, 8),
    )
    t5 = T5Config(vocab_size=VOCABULARY, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=kl(4, double=False),
        text_encoder=clip_text(),
        tokenizer=short(),
        text_encoder_2=T5EncoderModel(t5),
        tokenizer_2=short(512),
        transformer=transformer,
    ).save_pretrained(folder)
    return folder


def write_flux2_klein(folder: Path) -> Path:
    from diffusers import (
        AutoencoderKLFlux2,
        FlowMatchEulerDiscreteScheduler,
        Flux2KleinPipeline,
        Flux2Transformer2DModel,
    )

    decoder = AutoencoderKLFlux2(
        block_out_channels=(8, 8, 8, 8), norm_num_groups=4, latent_channels=4, layers_per_block=1
    )
    transformer = Flux2Transformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=3 * 16,
        timestep_guidance_channels=8,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=False,
    )
    Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=decoder,
        text_encoder=causal("Qwen3", layers=28),  # the pipeline reads its layers 9, 18 and 27
        tokenizer=short(512),
        transformer=transformer,
        is_distilled=True,
    ).save_pretrained(folder)
    return folder


def write_z_image(folder: Path) -> Path:
    from diffusers import FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel

    transformer = ZImageTransformer2DModel(
        in_channels=4,
        dim=32,
        n_layers=1,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=16,
        axes_dims=[4, 4, 8],
        axes_lens=[1024, 64, 64],
    )
    ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=kl(4),
        text_encoder=causal("Qwen3"),
        tokenizer=short(512),
        transformer=transformer,
    ).save_pretrained(folder)
    return folder


def write_sana_sprint(folder: Path) -> Path:
    from diffusers import AutoencoderDC, SanaSprintPipeline, SanaTransformer2DModel, SCMScheduler

    decoder = AutoencoderDC(
        latent_channels=4,
        attention_head_dim=4,
        encoder_block_out_channels=(8, 8, 8),
        decoder_block_out_channels=(8, 8, 8),
        encoder_layers_per_block=(1, 1, 1),
        decoder_layers_per_block=(1, 1, 1),
        encoder_qkv_multiscales=((), (), ()),
        decoder_qkv_multiscales=((), (), ()),
        scaling_factor=0.41,
    )
    transformer = SanaTransformer2DModel(
        in_channels=4,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=8,
        num_layers=1,
        num_cross_attention_heads=2,
        cross_attention_head_dim=8,
        cross_attention_dim=16,
        caption_channels=16,
        sample_size=16,
        guidance_embeds=True,
        qk_norm="rms_norm_across_heads",
    )
    SanaSprintPipeline(
        tokenizer=short(300),
        text_encoder=causal("Gemma2"),
        vae=decoder,
        transformer=transformer,
        scheduler=SCMScheduler(prediction_type="trigflow", sigma_data=0.5),
    ).save_pretrained(folder)
    return folder


WRITERS: dict[str, Callable[[Path], Path]] = {
    "StableDiffusionPipeline": write_diffusion_model,
    "StableDiffusionXLPipeline": write_sdxl,
    "FluxPipeline": write_flux,
    "Flux2KleinPipeline": write_flux2_klein,
    "ZImagePipeline": write_z_image,
    "SanaSprintPipeline": write_sana_sprint,
}


def write_pipeline(name: str, folder: Path) -> Path:
    """A tiny pipeline of this class, the same every time."""
    import torch

    torch.manual_seed(0)
    return WRITERS[name](folder)
