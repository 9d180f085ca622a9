"""Checkpoints on disk: which layout a folder has, whether its tensors are whole, and loading it.

The tensors themselves are read by transformers, straight into the wanted number type and onto the wanted device.
"""
# ruff: noqa: ANN401 - transformers hands its arguments through

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.conversion_mapping import register_checkpoint_conversion_mapping
from transformers.core_model_loading import ConversionOps, WeightConverter, WeightRenaming

from composer.errors import InterleaveError, SetupError
from composer.xcomposer2 import layout
from composer.xcomposer2.config import XComposer2Config, from_official, is_official
from composer.xcomposer2.layout import Heads
from composer.xcomposer2.weights import Shapes, read_file, read_json, shapes_of, weight_files

LICENCE = (
    "The weights of InternLM-XComposer2 are open for academic research; commercial use needs the form on the model's "
    "page. The code that came with them is under Apache-2.0."
)
SITE_OF = {
    "qkv": "attention.wqkv",
    "o": "attention.wo",
    "gate": "feed_forward.w1",
    "up": "feed_forward.w3",
    "down": "feed_forward.w2",
}
HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
EXAMPLE = "internlm/internlm-xcomposer2-7b"
NAMED = 12  # at most so many tensors are named in one message

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A checkpoint on disk, looked at but not read."""

    path: Path
    shapes: Shapes  # of all tensors, under their names in the files
    files: Mapping[str, Path]  # where each tensor is
    official: bool
    config: XComposer2Config


def look(path: Path) -> Folder:
    """What a folder holds. Raises SetupError when it is no checkpoint."""
    if not (path / "config.json").is_file():
        raise SetupError(f"{path} has no config.json: it is not the folder of a model.")
    fields = read_json(path / "config.json")
    shapes: Shapes = {}
    files: dict[str, Path] = {}
    for file in weight_files(path):
        for name, shape in shapes_of(file).items():
            shapes[name], files[name] = shape, file
    official = is_official(fields) or "model.tok_embeddings.weight" in shapes
    with explained(path):
        config = _official_config(fields, shapes) if official else XComposer2Config.from_dict(fields)
        if min(config.tokens_per_image, config.vision_config.image_size, config.text_config.num_attention_heads) < 1:
            raise ValueError("pictures have no patches, or attention no heads")
    return Folder(path=path, shapes=shapes, files=files, official=official, config=config)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Whatever a strange config.json makes the libraries raise, as a SetupError that says where it came from."""
    try:
        yield
    except InterleaveError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise SetupError(f"{path / 'config.json'} describes no model that can be built ({reason}).") from error


def heads(config: XComposer2Config) -> Heads:
    """How the language model's query, key and value are packed officially."""
    text = config.text_config
    return Heads(queries=text.num_attention_heads, keys=text.num_key_value_heads, size=text.head_dim)


def read(folder: Folder, names: Iterable[str]) -> dict[str, Tensor]:
    """These tensors, in the number types they have on disk."""
    wanted: dict[Path, list[str]] = {}
    for name in names:
        wanted.setdefault(folder.files[name], []).append(name)
    return {name: tensor for file, some in wanted.items() for name, tensor in read_file(file, some).items()}


def check(cls: type[nn.Module], folder: Folder) -> None:
    """Raises SetupError that names the missing, extra and misshapen tensors."""
    with explained(folder.path):
        expected = expected_shapes(cls, folder.config)
    present: dict[str, tuple[str, tuple[int, ...]]] = {}  # our name: theirs, and its shape under our name
    for name, shape in folder.shapes.items():
        for ours, part in _parts(name, shape, folder).items():
            present[ours] = (name, part)
    untied = {"lm_head.weight"} if folder.config.tie_word_embeddings else set()
    missing = [n for n in expected if n not in present and n not in untied and not layout.OPTIONAL.search(n)]
    extra = [theirs for ours, (theirs, _) in present.items() if ours not in expected and not layout.IDLE.search(theirs)]
    misshapen = [
        f"{theirs} {list(shape)}, wanted {list(expected[ours])}"
        for ours, (theirs, shape) in present.items()
        if ours in expected and shape != expected[ours] and ours != layout.POSITIONS
    ]
    if folder.official:
        missing = list(dict.fromkeys(layout.official_name(name) for name in missing))
    found = {"missing": missing, "not of this model": sorted(set(extra)), "of another shape": misshapen}
    wrong = [f"{what}: {_some(names)}" for what, names in found.items() if names]
    if wrong:
        raise SetupError(f"The tensors of {folder.path} do not fit its config.json. {'; '.join(wrong)}.")


def expected_shapes(cls: type[nn.Module], config: XComposer2Config) -> Shapes:
    """Names and shapes of a model's tensors; nothing is allocated."""
    with torch.device("meta"):
        model = cls(config)
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def load(
    cls: type[nn.Module], from_pretrained: Callable[..., Any], where: str | Path, *args: Any, **kwargs: Any
) -> Any:
    """The body of `XComposer2ForConditionalGeneration.from_pretrained`."""
    path = Path(os.fspath(where)).expanduser()
    folder = look(path if path.is_dir() else fetched(str(where)))
    check(cls, folder)
    _check_quantization(folder, kwargs.get("quantization_config"))
    kwargs.setdefault("config", folder.config)
    told = kwargs.pop("output_loading_info", False)
    model, info = from_pretrained(folder.path, *args, **kwargs, output_loading_info=True)
    lost = sorted(name for name in info["missing_keys"] if not layout.OPTIONAL.search(name))
    if lost:
        raise SetupError(f"transformers left out {_some(lost)} of {folder.path}.")
    return (model, info) if told else model


def _check_quantization(folder: Folder, quantization: object) -> None:
    """Raises SetupError for what would silently give another model."""
    if quantization is None:
        return
    if type(quantization).__name__ == "BitsAndBytesConfig":
        raise SetupError("bitsandbytes replaces the layers that carry Partial LoRA. Use TorchAoConfig instead.")
    if folder.official:
        raise SetupError(
            "Packed weights cannot be quantised while they are loaded. Run: python -m composer.xcomposer2 convert "
            f"{folder.path} NEW_FOLDER, and load that."
        )


def fetched(name: str) -> Path:
    """The folder of a model of the Hub, brought here if need be, after its licence was stated."""
    from huggingface_hub import snapshot_download

    if not HUB_NAME.fullmatch(name):
        raise SetupError(f"There is no folder {name}, and it is no name of the Hub, such as {EXAMPLE}. Check the path.")
    log.warning("%s: %s", name, LICENCE)
    try:
        patterns = ["*.json", "*.safetensors", "*.bin", "tokenizer.model"]
        return Path(snapshot_download(name, allow_patterns=patterns))
    except Exception as error:  # the Hub's client has many
        raise SetupError(f"{name} is no folder here, and cannot be brought from the Hub: {error}") from error


class Unpack(ConversionOps):  # type: ignore[misc]
    """wqkv to q, k and v while transformers loads."""

    def convert(
        self,
        input_dict: dict[str, Any],
        source_patterns: list[str],
        target_patterns: list[str],
        **kwargs: Any,
    ) -> dict[str, Tensor]:
        return dict(zip(target_patterns, layout.unpack(_only(input_dict), heads(kwargs["config"])), strict=True))


class Flatten(ConversionOps):  # type: ignore[misc]
    """The separators of the 4khd model are one row each."""

    def convert(
        self,
        input_dict: dict[str, Any],
        source_patterns: list[str],
        target_patterns: list[str],
        **kwargs: Any,
    ) -> dict[str, Tensor]:
        return {target_patterns[0]: _only(input_dict).reshape(-1)}


class Resize(ConversionOps):  # type: ignore[misc]
    """The tower's position table to the size that pictures have."""

    def convert(
        self,
        input_dict: dict[str, Any],
        source_patterns: list[str],
        target_patterns: list[str],
        **kwargs: Any,
    ) -> dict[str, Tensor]:
        return {target_patterns[0]: resized(_only(input_dict), kwargs["config"].grid)}


def resized(table: Tensor, grid: int) -> Tensor:
    """A position table, (1 + n^2, c), for grid x grid patches: bicubic, the CLS row kept. The same if it fits."""
    cls, patches = table[:1], table[1:]
    side = round(len(patches) ** 0.5)
    if side == grid:
        return table
    if side * side != len(patches):
        raise SetupError(f"A position table of {len(table)} rows belongs to no square picture.")
    square = patches.float().reshape(1, side, side, -1).permute(0, 3, 1, 2)
    new = functional.interpolate(square, (grid, grid), mode="bicubic", align_corners=False)
    return torch.cat([cls, new.permute(0, 2, 3, 1).reshape(grid * grid, -1).to(table.dtype)])


def _register() -> None:
    triple = [f"self_attn.{part}" for part in layout.QKV]
    packed = [
        WeightConverter(f"attention.wqkv.{what}", [f"{one}.{what}" for one in triple], [Unpack()])
        for what in ("weight", "bias", "plora_b.weight")
    ]
    flat = [WeightConverter(name, name, [Flatten()]) for name in layout.SEPARATORS]
    table = WeightConverter(layout.POSITIONS, layout.POSITIONS, [Resize()])
    renamings = [WeightRenaming(official, ours) for official, ours in layout.NAMES]
    mapping = [*renamings, *packed, *flat, table]
    register_checkpoint_conversion_mapping("XComposer2ForConditionalGeneration", mapping, overwrite=True)


_register()


def _official_config(fields: Mapping[str, Any], shapes: Shapes) -> XComposer2Config:
    names = {site: f"model.layers.0.{part}.Plora_A.weight" for site, part in SITE_OF.items()}
    ranks = {site: shapes[name][0] for site, name in names.items() if name in shapes}
    tied = bool(fields.get("tie_word_embeddings")) and "output.weight" not in shapes
    return from_official(fields, ranks, tiles="plora_glb_GN" in shapes, tied=tied)


def _parts(name: str, shape: tuple[int, ...], folder: Folder) -> Shapes:
    """Names and shapes under our names; packed rows that do not divide keep their whole shape in each part."""
    if not folder.official:
        return {name: shape}
    ours = layout.ours(name)
    if len(ours) == 1:
        flat = ours[0] in layout.SEPARATORS
        return {ours[0]: (torch.Size(shape).numel(),) if flat else shape}
    h = heads(folder.config)
    rows = (h.queries * h.size, h.keys * h.size, h.keys * h.size)
    fits = shape[0] == sum(rows)
    return {n: ((r, *shape[1:]) if fits else shape) for n, r in zip(ours, rows, strict=True)}


def _only(tensors: Mapping[str, Any]) -> Tensor:
    value = next(iter(tensors.values()))
    tensor: Tensor = value[0] if isinstance(value, list) else value
    return tensor


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
