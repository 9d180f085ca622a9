"""An IP-Adapter for a tiny pipeline: a CLIP eye and one pair of projections for each cross-attention, at random."""

from pathlib import Path
from typing import Any

WIDTH = 16  # of the eye and its vectors


def write_adapter(folder: Path, pipeline: Path) -> Path:
    """`models/adapter.safetensors` with its eye in `models/image_encoder`, for the pipeline in a folder."""
    import torch
    from diffusers import UNet2DConditionModel
    from safetensors.torch import save_file
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(1)
    eye = CLIPVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=224,
        patch_size=32,
        projection_dim=WIDTH,
    )
    models = folder / "models"
    CLIPVisionModelWithProjection(eye).save_pretrained(models / "image_encoder")
    CLIPImageProcessor().save_pretrained(models / "image_encoder")
    unet = UNet2DConditionModel.from_pretrained(pipeline / "unet")
    save_file(_weights(unet), models / "adapter.safetensors")
    return folder


def _weights(unet: Any) -> dict[str, Any]:  # noqa: ANN401 - diffusers has no types
    import torch

    width = unet.config.cross_attention_dim
    found = {
        "image_proj.proj.weight": torch.randn(4 * width, WIDTH),
        "image_proj.proj.bias": torch.randn(4 * width),
        "image_proj.norm.weight": torch.ones(width),
        "image_proj.norm.bias": torch.zeros(width),
    }
    crossing = [n for n in unet.attn_processors if n.endswith("attn2.processor")]
    own = dict(unet.named_modules())
    for number, name in enumerate(crossing):
        inner = own[name.removesuffix(".processor")].to_q.out_features
        for part in ("to_k_ip", "to_v_ip"):
            found[f"ip_adapter.{2 * number + 1}.{part}.weight"] = torch.randn(inner, width)
    return found
