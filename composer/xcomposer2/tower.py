"""Another image tower than CLIP's: the starter image-text model's, whose tokens are made for small drawings.

A convolutional network's last feature map, pooled to a few cells, and before them the picture's vector in the space that
pictures and texts share. Knows pixels and features; the projector makes embeddings of them.
"""
# ruff: noqa: ANN401 - transformers hands its arguments through

from pathlib import Path
from typing import Any

import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor
from torch.nn import functional
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

MEAN = STD = 0.5  # of each channel, as the starter image-text model has it


@strict
class DrawingTowerConfig(PreTrainedConfig):  # type: ignore[misc]
    """A timm network with open_clip's projection. A token is the joint vector's part and the map's part side by side,
    each zero where the token is of the other kind: `hidden_size` is the sum of the two."""

    model_type = "drawing_tower"

    trunk: str = "tf_efficientnet_lite0"
    channels: int = 1280  # of the trunk's last map
    joint: int = 384  # length of the vector that pictures and texts share
    image_size: int = 112  # px; pictures are made to fit, on white
    patch_size: int = 28  # px of the trunk's cells
    cells: int = 2  # along one side of the map once it is pooled
    hidden_size: int = 1664
    num_hidden_layers: int = 1

    @property
    def tokens(self) -> int:
        """Tokens of one picture."""
        return 1 + self.cells**2


class DrawingTower(PreTrainedModel):  # type: ignore[misc]
    """Frozen: its running means stay as they are in training, too."""

    config_class = DrawingTowerConfig
    main_input_name = "pixel_values"
    input_modalities = ("image",)

    def __init__(self, config: DrawingTowerConfig) -> None:
        from open_clip.timm_model import TimmModel

        super().__init__(config)
        self.visual = TimmModel(config.trunk, config.joint, config.image_size, pool="avg", proj="mlp")
        self.post_init()

    def train(self, mode: bool = True) -> "DrawingTower":
        super().train(False)
        return self

    def forward(self, pixel_values: Tensor, **kwargs: Any) -> BaseModelOutput:
        """(n, tokens, hidden_size) of (n, 3, side, side) with values in -1..1."""
        features = self.visual.trunk.forward_features(pixel_values)  # (n, channels, h, w)
        joint = functional.normalize(self.visual.head(features.mean((2, 3))).float(), dim=1)
        return BaseModelOutput(last_hidden_state=tokens_of(joint, features, self.config.cells).to(pixel_values.dtype))


def tokens_of(joint: Tensor, features: Tensor, cells: int) -> Tensor:
    """Joint vectors of unit length, (n, joint), and maps, (n, channels, h, w), as tokens, (n, 1 + cells^2, joint + channels)."""
    pooled = (
        functional.adaptive_avg_pool2d(features.float(), cells).flatten(2).transpose(1, 2)
    )  # (n, cells^2, channels)
    first = functional.pad(joint * joint.shape[1] ** 0.5, (0, features.shape[1]))  # each part about 1 in size
    return torch.cat([first[:, None], functional.pad(pooled, (joint.shape[1], 0))], 1)


def tower_of(folder: Path, *, cells: int) -> DrawingTower:
    """The image tower of an open_clip folder such as assets/models/starter-clip, in float32."""
    import json

    from safetensors.torch import load_file

    fields = json.loads((folder / "open_clip_config.json").read_text(encoding="utf-8"))["model_cfg"]
    vision = fields["vision_cfg"]
    state = load_file(folder / "open_clip_model.safetensors")
    own = {name.removeprefix("visual."): value.float() for name, value in state.items() if name.startswith("visual.")}
    channels, joint = own["head.mlp.fc1.weight"].shape[1], int(fields["embed_dim"])
    config = DrawingTowerConfig(
        trunk=vision["timm_model_name"], channels=channels, joint=joint, image_size=vision["image_size"],
        cells=cells, hidden_size=channels + joint,
    )  # fmt: skip
    tower: DrawingTower = DrawingTower(config)
    tower.eval()
    tower.visual.load_state_dict(own)
    return tower


AutoConfig.register(DrawingTowerConfig.model_type, DrawingTowerConfig, exist_ok=True)
AutoModel.register(DrawingTowerConfig, DrawingTower, exist_ok=True)
