"""Texts and pictures as vectors: the protocol, the sentence encoder for captions, and any open_clip model for pixels.

Rows have unit length, so a dot product is a cosine. A vector belongs to the encoder's `name`: vectors of two encoders
never meet.
"""

import hashlib
import json
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.errors import SetupError, UsageError
from retrieval.home import home
from retrieval.torchvision_fix import allow_cpu_torchvision

Vectors = NDArray[np.float32]
BATCH = 64
ENDS = 1 << 16  # bytes


@runtime_checkable
class Encoder(Protocol):
    """Turns texts, and where it can pictures, into vectors of one space."""

    @property
    def name(self) -> str:
        """Model, weights and preprocessing: two encoders of one name give the same vectors."""
        ...

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """(n, dim) float32, rows of unit length; (0, dim) for no texts."""
        ...

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """(n, dim) float32, rows of unit length, of RGB pictures. Raises UsageError where the model reads only text."""
        ...


class SentenceEncoder:
    """A sentence-transformers model of the BERT family from a local folder, mean pooled; loaded when first used."""

    dim = 384

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: tuple[Any, Any] | None = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The folder's name and a mark of what is in it."""
        return f"sentence:{self._folder.name}:{fingerprint(self._folder)}"

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode_texts`. Long texts are cut at 128 tokens."""
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        import torch

        with self._lock, torch.inference_mode():
            tokenizer, model = self._load()
            order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # alike lengths waste no padding
            rows = np.zeros((len(texts), self.dim), np.float32)
            for begin in range(0, len(order), BATCH):
                chosen = order[begin : begin + BATCH]
                batch = tokenizer(
                    [texts[i] for i in chosen], padding=True, truncation=True, max_length=128, return_tensors="pt"
                )
                hidden = model(**batch).last_hidden_state.float()  # (b, tokens, dim)
                mask = batch["attention_mask"].unsqueeze(-1).float()
                rows[chosen] = ((hidden * mask).sum(1) / mask.sum(1)).numpy()
        return unit_rows(rows)

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """Not possible: it reads text."""
        raise UsageError(f"{self.name} reads texts, no pictures. Give an open_clip model for them.")

    def _load(self) -> tuple[Any, Any]:
        if self._parts is None:
            if not (self._folder / "model.safetensors").is_file():
                raise SetupError(f"No sentence encoder at {self._folder}. Run: python -m composer models pull minilm")
            allow_cpu_torchvision()
            from transformers import AutoModel, AutoTokenizer
            from transformers.utils import logging

            logging.disable_progress_bar()  # a second's loading needs none
            try:
                model = AutoModel.from_pretrained(self._folder, dtype=fast_dtype())
                self._parts = AutoTokenizer.from_pretrained(self._folder), model.eval()
            except (OSError, ValueError) as error:
                raise SetupError(f"The sentence encoder {self._folder} cannot be loaded: {error}") from error
        return self._parts


def sentence_encoder(name: str) -> SentenceEncoder | None:
    """The encoder of a folder, or of a name among the models in the home folder; None for "none". Nothing is loaded."""
    return None if name == "none" else _sentences(Path(name) if Path(name).is_dir() else home() / "models" / name)


@cache
def _sentences(folder: Path) -> SentenceEncoder:
    return SentenceEncoder(folder)


class OpenClipEncoder:
    """Any open_clip model: "NAME/TAG" from the Hub, or a folder in open_clip's own form; loaded when first used."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._parts: tuple[Any, Any, Any] | None = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """NAME/TAG, or a folder's name and a mark of what is in it."""
        folder = Path(self._model)
        return f"open_clip:{folder.name}:{fingerprint(folder)}" if folder.is_dir() else f"open_clip:{self._model}"

    @property
    def dim(self) -> int:
        """Length of a vector; loads the model."""
        return int(self.encode_texts(["a"]).shape[1])

    @property
    def image_px(self) -> int:
        """The longer side of what the model looks at, in px; more is not worth decoding. Loads the model."""
        with self._lock:
            size = self._load()[0].visual.image_size
        return int(max(size)) if isinstance(size, tuple | list) else int(size)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode_texts`. Texts are cut at the model's context length."""
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        import torch

        with self._lock, torch.inference_mode():
            model, _, tokenizer = self._load()
            rows = [
                model.encode_text(tokenizer(list(texts[i : i + BATCH]))).float().numpy()
                for i in range(0, len(texts), BATCH)
            ]
        return unit_rows(np.concatenate(rows))

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """See `Encoder.encode_images`."""
        if not images:
            return np.zeros((0, self.dim), np.float32)
        import torch

        with self._lock, torch.inference_mode():
            model, preprocess, _ = self._load()
            rows = [
                _looked_at(model, torch.stack([preprocess(im) for im in images[i : i + BATCH]]))
                for i in range(0, len(images), BATCH)
            ]
        return unit_rows(np.concatenate(rows))

    def _load(self) -> tuple[Any, Any, Any]:
        if self._parts is None:
            allow_cpu_torchvision()
            try:
                import open_clip

                folder = Path(self._model)
                name, _, tag = self._model.partition("/")
                name, tag = (f"local-dir:{folder.resolve()}", "") if folder.is_dir() else (name, tag)
                own = _text_settings(folder) if folder.is_dir() else {}
                model, _, preprocess = open_clip.create_model_and_transforms(name, pretrained=tag or None, **own)
                tokenizer = open_clip.get_tokenizer(name)
            except Exception as error:
                raise SetupError(
                    f"The image encoder {self._model} cannot be loaded: {error}. Give a folder or NAME/TAG as open_clip "
                    "lists them, or set INTERLEAVE_IMAGE_ENCODER=none."
                ) from error
            self._parts = _placed(model).eval(), preprocess, tokenizer
        return self._parts


def _looked_at(model: Any, batch: Any) -> NDArray[np.float32]:  # noqa: ANN401 - open_clip's types
    """(n, dim) of (n, 3, px, px), as `_placed` wants it."""
    import torch

    dtype = next(model.parameters()).dtype
    cast = dtype == torch.float32 and fast_dtype() == torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16, enabled=cast):
        rows = model.encode_image(batch.to(dtype).contiguous(memory_format=torch.channels_last))
    return np.asarray(rows.float().numpy())


def _placed(model: Any) -> Any:  # noqa: ANN401 - open_clip's types
    """The model as this CPU runs it fastest: in bfloat16 where it can, but with depthwise convolutions in float32 that is
    cast where it pays (six times as fast as bfloat16 weights for those)."""
    import torch

    layers = (m for m in model.modules() if isinstance(m, torch.nn.Conv2d))
    model.to(torch.float32 if any(m.groups > 1 for m in layers) else fast_dtype())
    return model.to(memory_format=torch.channels_last)


def _text_settings(folder: Path) -> dict[str, Any]:
    """What open_clip must be told of a folder whose text tower's settings lie in the folder itself, as "." says."""
    path = folder / "open_clip_config.json"
    text = json.loads(path.read_text(encoding="utf-8"))["model_cfg"]["text_cfg"] if path.is_file() else {}
    if text.get("hf_model_name") != ".":
        return {}
    return {"text_cfg": {**text, "hf_model_name": str(folder.resolve()), "hf_model_pretrained": False}}


def fingerprint(folder: Path) -> str:
    """Eight characters that change with a model's settings or weights; of the weights only both ends are read."""
    files = sorted(p for p in folder.glob("*") if p.suffix in (".json", ".safetensors", ".bin", ".pt"))
    return _fingerprint(tuple((p, p.stat().st_size, p.stat().st_mtime_ns) for p in files))


@cache
def _fingerprint(files: tuple[tuple[Path, int, int], ...]) -> str:
    found = hashlib.sha256()
    for path, size, _ in files:
        with path.open("rb") as file:
            found.update(f"{path.name} {size}".encode() + file.read(ENDS))
            file.seek(max(0, size - ENDS))
            found.update(file.read(ENDS))
    return found.hexdigest()[:8]


def unit_rows(rows: NDArray[Any]) -> Vectors:
    """The rows scaled to unit length; a row of zeros stays."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), np.float32)


def fast_dtype() -> Any:  # noqa: ANN401 - torch is not imported here
    """bfloat16 where this CPU multiplies it in hardware (three to four times as fast), else float32."""
    import torch

    return torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else torch.float32
