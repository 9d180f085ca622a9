"""Files with tensors: which ones a folder has, what is in them, and reading some of it. Knows no model."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from composer.errors import SetupError

Shapes = dict[str, tuple[int, ...]]


def weight_files(path: Path) -> list[Path]:
    """The files with tensors: safetensors, else .bin, in shards or whole. Raises SetupError where there are none."""
    for index in ("model.safetensors.index.json", "pytorch_model.bin.index.json"):
        if (path / index).is_file():
            names = sorted(set(_weight_map(path / index).values()))
            gone = [name for name in names if not (path / name).is_file()]
            if gone:
                raise SetupError(f"{path} lacks {', '.join(gone)}, which its {index} names. Bring the files again.")
            return [path / name for name in names]
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (path / name).is_file():
            return [path / name]
    raise SetupError(f"{path} has no model.safetensors, no pytorch_model.bin and no index of such files.")


def shapes_of(file: Path) -> Shapes:
    """Names and shapes of a file's tensors, without their values. Raises SetupError for a file that is broken."""
    try:
        if file.suffix == ".safetensors":
            from safetensors import safe_open

            with safe_open(file, "pt") as tensors:
                return {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
        return {name: tuple(tensor.shape) for name, tensor in _open_bin(file, "meta").items()}
    except Exception as error:  # of the two readers and of what pickles may hold
        raise SetupError(
            f"{file} cannot be read as tensors ({type(error).__name__}). It may have come only in part: bring it again."
        ) from error


def read_file(file: Path, names: list[str]) -> dict[str, Tensor]:
    """These tensors of a file, in the number types they have there."""
    if file.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(file, "pt") as tensors:
            return {name: tensors.get_tensor(name) for name in names}
    opened = _open_bin(file, "cpu")
    return {name: opened[name] for name in names}


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object. Raises SetupError where the file holds none."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SetupError(f"{file} cannot be read as JSON: {error}. Bring it again.") from error
    if not isinstance(value, dict):
        raise SetupError(f"{file} must hold a JSON object, not a {type(value).__name__}. Bring it again.")
    return value


def _weight_map(index: Path) -> dict[str, str]:
    found = read_json(index).get("weight_map")
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found.values()):
        raise SetupError(f"{index} has no weight_map from tensors to files. Bring it again.")
    return found


def _open_bin(file: Path, device: str) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = torch.load(file, map_location=device, mmap=True, weights_only=True)
    except RuntimeError:  # files older than torch 1.6 cannot be mapped
        tensors = torch.load(file, map_location=device, weights_only=True)
    return tensors
