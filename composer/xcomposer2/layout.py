"""The names of the tensors in the official checkpoints and in this project's, and how one becomes the other.

Knows names and the packing of query, key and value; does not read files.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

NAMES = (  # official, ours; beginnings first, then what follows a dot
    (r"^model\.tok_embeddings\.", "model.language_model.embed_tokens."),
    (r"^model\.layers\.", "model.language_model.layers."),
    (r"^model\.norm\.", "model.language_model.norm."),
    (r"^output\.", "lm_head."),
    (r"^vision_proj\.0\.", "model.projector.linear_1."),
    (r"^vision_proj\.2\.", "model.projector.linear_2."),
    (r"^vit\.vision_tower\.vision_model\.", "model.vision_tower."),
    (r"^plora_glb_GN$", "model.overview_end"),
    (r"^plora_sub_GN$", "model.row_end"),
    (r"\.attention\.wo\.", ".self_attn.o_proj."),
    (r"\.feed_forward\.w1\.", ".mlp.gate_proj."),
    (r"\.feed_forward\.w3\.", ".mlp.up_proj."),
    (r"\.feed_forward\.w2\.", ".mlp.down_proj."),
    (r"\.attention_norm\.", ".input_layernorm."),
    (r"\.ffn_norm\.", ".post_attention_layernorm."),
    (r"\.Plora_A\.", ".plora_a."),
    (r"\.Plora_B\.", ".plora_b."),
    (r"\.attention\.wqkv\.plora_a\.", ".self_attn.plora_a."),
)
PACKED = re.compile(r"^model\.layers\.(\d+)\.attention\.wqkv\.((?:Plora_B\.)?(?:weight|bias))$")
UNPACKED = re.compile(
    r"^model\.language_model\.layers\.(\d+)\.self_attn\.([qkv])_proj\.((?:plora_b\.)?(?:weight|bias))$"
)
QKV = ("q_proj", "k_proj", "v_proj")
POSITIONS = "model.vision_tower.embeddings.position_embedding.weight"
SEPARATORS = {"model.overview_end": (1, 1, -1), "model.row_end": (1, 1, 1, -1)}  # their official form
IDLE = re.compile(r"(^|\.)(position_ids|inv_freq)$")  # buffers that some versions wrote, and nobody reads
OPTIONAL = re.compile(r"\.post_layernorm\.")  # of the tower: the model does not use it


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """How wqkv is packed: for each key-value head its queries, then its key, then its value."""

    queries: int
    keys: int
    size: int

    @property
    def group(self) -> int:
        return self.queries // self.keys


def unpack(packed: Tensor, heads: Heads) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of q, k and v out of the packed rows of a weight, (rows, n), or of a bias, (rows,)."""
    rest = packed.shape[1:]
    parts = packed.reshape(heads.keys, heads.group + 2, heads.size, *rest)
    q, k, v = parts[:, : heads.group], parts[:, heads.group], parts[:, heads.group + 1]
    return tuple(part.reshape(-1, *rest).contiguous() for part in (q, k, v))  # type: ignore[return-value]


def pack(q: Tensor, k: Tensor, v: Tensor, heads: Heads) -> Tensor:
    """The way back from `unpack`."""
    rest = q.shape[1:]
    queries = q.reshape(heads.keys, heads.group, heads.size, *rest)
    others = [part.reshape(heads.keys, 1, heads.size, *rest) for part in (k, v)]
    return torch.cat([queries, *others], 1).reshape(-1, *rest).contiguous()


def renamed(name: str) -> str:
    """Our name for an official tensor that is not packed."""
    for official, ours in NAMES:
        name = re.sub(official, ours, name)
    return name


def official_name(name: str) -> str:
    """The official name of one of our tensors; those of q, k and v are packed into one."""
    if match := UNPACKED.match(name):
        return f"model.layers.{match[1]}.attention.wqkv.{match[3].replace('plora_b', 'Plora_B')}"
    for official, ours in reversed(NAMES):
        begin = "^" if official.startswith("^") else ""
        name = re.sub(begin + re.escape(ours), _plain(official), name)
    return name


def ours(name: str) -> tuple[str, ...]:
    """Our names of what stands in an official tensor: one, or three for packed rows."""
    match = PACKED.match(name)
    if not match:
        return (renamed(name),)
    layer, what = match.groups()
    return tuple(
        f"model.language_model.layers.{layer}.self_attn.{part}.{what.replace('Plora_B', 'plora_b')}" for part in QKV
    )


def to_ours(name: str, tensor: Tensor, heads: Heads) -> dict[str, Tensor]:
    """One official tensor under our names."""
    names = ours(name)
    if len(names) == 3:
        return dict(zip(names, unpack(tensor, heads), strict=True))
    return {names[0]: tensor.reshape(-1) if names[0] in SEPARATORS else tensor}


def to_official(tensors: Mapping[str, Tensor], heads: Heads) -> dict[str, Tensor]:
    """Tensors under the official names; the three of q, k and v must be among `tensors` together."""
    result: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        match = UNPACKED.match(name)
        if not match:
            result[official_name(name)] = tensor.reshape(SEPARATORS.get(name, tensor.shape))
        elif match[2] == "q":
            q, k, v = (tensors[name.replace(".q_proj.", f".{part}.")] for part in QKV)
            result[official_name(name)] = pack(q, k, v, heads)
    return result


def _plain(pattern: str) -> str:
    return pattern.replace("\\", "").strip("^$")
