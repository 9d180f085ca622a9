"""From the official layout to this project's and back, tensor by tensor, without loss and without building a model.

Every tensor keeps its number type and its bits. The official config.json is kept inside the new one, and the
tokenizer's files go along.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from composer.errors import SetupError, UsageError
from composer.xcomposer2 import layout
from composer.xcomposer2.checkpoint import Folder, check, heads, look, read
from composer.xcomposer2.config import to_official
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration

SHARD = 4 * 2**30  # bytes of one file, at most, but for a single larger tensor
ALONG = ("tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
         "generation_config.json", "chat_template.jinja", "README.md", "LICENSE")  # fmt: skip


def convert(source: Path, target: Path, *, shard: int = SHARD) -> list[Path]:
    """Writes `source`, in either layout, to the empty folder `target` in the other one; returns the files with tensors.

    Raises SetupError where tensors are missing, extra or misshapen, UsageError where `target` holds something.
    """
    folder = look(source)
    check(XComposer2ForConditionalGeneration, folder)
    if any(place.is_file() for place in (target, *target.parents)):
        raise UsageError(f"{target} is a file, or lies in one. Name a new folder.")
    if target.exists() and any(target.iterdir()):
        raise UsageError(f"{target} is not empty. Name a new folder.")
    target.mkdir(parents=True, exist_ok=True)
    files = _write(target, _groups(folder), shard)
    for name in ALONG:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
    if folder.official:
        folder.config.save_pretrained(target)
    else:
        text = json.dumps(to_official(folder.config), indent=2, ensure_ascii=False)
        (target / "config.json").write_text(text + "\n", encoding="utf-8")
    return files


def _groups(folder: Folder) -> Iterator[dict[str, Tensor]]:
    """Tensors of the target layout; what is packed or unpacked together comes together."""
    packing = heads(folder.config)
    if folder.official:
        for name in folder.shapes:
            yield layout.to_ours(name, read(folder, [name])[name], packing)
        return
    for name in folder.shapes:
        match = layout.UNPACKED.match(name)
        if match is None:
            yield layout.to_official(read(folder, [name]), packing)
        elif match[2] == "q":
            names = [name.replace(".q_proj.", f".{part}.") for part in layout.QKV]
            yield layout.to_official(read(folder, names), packing)


def _write(target: Path, groups: Iterator[dict[str, Tensor]], shard: int) -> list[Path]:
    """Shards as transformers writes them, or one file where it is small enough."""
    written: list[tuple[Path, list[str]]] = []
    held: dict[str, Tensor] = {}
    total = size = 0

    def flush() -> None:
        path = target / f"part-{len(written) + 1}.safetensors"
        save_file(held, path, metadata={"format": "pt"})
        written.append((path, list(held)))
        held.clear()

    for group in groups:
        weight = sum(t.numel() * t.element_size() for t in group.values())
        if held and size + weight > shard:
            flush()
            size = 0
        held.update({name: tensor.contiguous() for name, tensor in group.items()})
        size += weight
        total += weight
    if not held and not written:
        raise SetupError("There are no tensors to convert.")
    if held:
        flush()
    return _named(target, written, total)


def _named(target: Path, written: list[tuple[Path, list[str]]], total: int) -> list[Path]:
    if len(written) == 1:
        return [written[0][0].rename(target / "model.safetensors")]
    names = [f"model-{n:05d}-of-{len(written):05d}.safetensors" for n in range(1, len(written) + 1)]
    where = {tensor: name for name, (_, tensors) in zip(names, written, strict=True) for tensor in tensors}
    index = {"metadata": {"total_size": total}, "weight_map": where}
    (target / "model.safetensors.index.json").write_text(json.dumps(index, indent=1), encoding="utf-8")
    return [path.rename(target / name) for name, (path, _) in zip(names, written, strict=True)]
