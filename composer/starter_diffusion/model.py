"""The parts of the starter generator as diffusers and transformers build them, and the folder they are kept in.

A frozen MiniLM with fewer tokens reads the prompt, a small UNet denoises latents, a tiny autoencoder makes pictures of
them. Knows classes, sizes and files; trains nothing.
"""

import copy
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.torchvision_fix import allow_cpu_torchvision

BLOCKS = ("DownBlock2D", "CrossAttnDownBlock2D"), ("CrossAttnUpBlock2D", "UpBlock2D")
WIDTH = 384  # of the text encoder


def text_parts(sentences: Path, texts: Sequence[str], recipe: Mapping[str, Any], folder: Path) -> tuple[Any, Any]:
    """Tokenizer and frozen text encoder with the tokens that `texts` need and the commonest, written to `folder`."""
    allow_cpu_torchvision()
    import torch
    from safetensors.torch import load_file
    from transformers import BertConfig, BertModel, BertTokenizerFast

    from retrieval.training.model import smaller_vocabulary

    place = folder / "tokenizer"
    place.mkdir(parents=True, exist_ok=True)
    kept = smaller_vocabulary(sentences, texts, recipe["vocabulary"], place)
    settings = json.loads((sentences / "config.json").read_text())
    # The pipeline passes the prompt's mask on only to encoders that ask for it by this setting.
    config = BertConfig(**{**settings, "vocab_size": len(kept), "use_attention_mask": True})
    model = BertModel(config).eval().requires_grad_(False)
    state = load_file(str(sentences / "model.safetensors"))
    key = "embeddings.word_embeddings.weight"
    state[key] = state[key][torch.tensor(kept)]
    wanted = model.state_dict()
    model.load_state_dict({k: v for k, v in state.items() if k in wanted}, strict=True)
    tokenizer = BertTokenizerFast.from_pretrained(place, model_max_length=recipe["tokens"])
    return tokenizer, model


def embedded(tokenizer: Any, encoder: Any, texts: Sequence[str]) -> NDArray[np.float16]:  # noqa: ANN401
    """(texts, tokens, 384): what the UNet is told of each prompt, padding and all, as the pipeline does it."""
    import torch

    length, found = tokenizer.model_max_length, []
    for begin in range(0, len(texts), 128):
        some = list(texts[begin : begin + 128])
        batch = tokenizer(some, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            found.append(encoder(batch["input_ids"], attention_mask=batch["attention_mask"])[0].half().numpy())
    return np.concatenate(found) if found else np.zeros((0, length, WIDTH), np.float16)


def unet(settings: Mapping[str, Any], recipe: Mapping[str, Any], latents: int, seed: int) -> Any:  # noqa: ANN401
    """A fresh UNet: the prompt reaches it by attention at the lower size and, pooled, beside the time."""
    allow_cpu_torchvision()
    import torch
    from diffusers import UNet2DConditionModel

    torch.manual_seed(seed)
    made = UNet2DConditionModel(
        sample_size=recipe["px"] // 4,
        in_channels=latents,
        out_channels=latents,
        block_out_channels=tuple(settings["widths"]),
        layers_per_block=settings["layers"],
        down_block_types=BLOCKS[0],
        up_block_types=BLOCKS[1],
        mid_block_type="UNetMidBlock2DCrossAttn",
        cross_attention_dim=WIDTH,
        attention_head_dim=settings["heads"],  # so diffusers calls their number
        resnet_time_scale_shift="scale_shift",
        addition_embed_type="text",
        addition_embed_type_num_heads=6,
        norm_num_groups=16,
    )
    torch.nn.init.zeros_(made.conv_out.weight)
    return made


def scheduler() -> Any:  # noqa: ANN401
    """Velocity, from pure noise (zero terminal SNR: Lin et al. 2023, arXiv 2305.08891)."""
    allow_cpu_torchvision()
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        steps_offset=1,  # asked for by the pipeline; of no consequence where the last step is the first time
        set_alpha_to_one=True,
    )


def pipeline(parts: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """diffusers' StableDiffusionPipeline of these parts: text_encoder, tokenizer, unet, vae."""
    allow_cpu_torchvision()
    import diffusers

    diffusers.logging.set_verbosity_error()
    return diffusers.StableDiffusionPipeline(
        **parts,
        scheduler=scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def save(parts: Mapping[str, Any], folder: Path) -> None:
    """The pipeline's folder in half precision; the parts stay as they were."""
    import torch

    logging.getLogger("diffusers").setLevel(logging.ERROR)
    halves = {k: copy.deepcopy(v).to(torch.float16) if hasattr(v, "parameters") else v for k, v in parts.items()}
    pipeline(halves).save_pretrained(folder, safe_serialization=True)
    for path in folder.glob("*/config.json"):  # diffusers writes down where a part was loaded from
        kept = {k: v for k, v in json.loads(path.read_text(encoding="utf-8")).items() if k != "_name_or_path"}
        path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def load(folder: Path) -> Any:  # noqa: ANN401
    """The pipeline of a folder in single precision: half precision is slow on a CPU."""
    allow_cpu_torchvision()
    import diffusers
    import torch

    diffusers.logging.set_verbosity_error()
    made = diffusers.StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32)
    made.set_progress_bar_config(disable=True)
    return made
