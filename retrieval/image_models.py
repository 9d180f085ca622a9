"""The named image encoders of assets/image_encoders.toml, and what the licence of any open_clip model's weights forbids."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from retrieval.encoder import OpenClipEncoder

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = ROOT / "assets" / "image_encoders.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageModel:
    """An entry of the manifest. Published numbers are percent; 0: none."""

    name: str
    open_clip: str  # NAME/TAG, or a folder under the program's own
    about: str
    licence: str
    megabytes: int
    parameters: int  # millions
    multilingual: bool
    imagenet: float = 0.0  # top-1 without examples
    coco: float = 0.0  # text to image, R@1


@cache
def image_models() -> dict[str, ImageModel]:
    """All named image encoders."""
    return {name: ImageModel(name=name, **entry) for name, entry in _table().items() if isinstance(entry, dict)}


def image_encoder(name: str) -> OpenClipEncoder | None:
    """The encoder of a preset's name, of open_clip's NAME/TAG, or of a folder; None for "none"."""
    if name in ("", "none"):
        return None
    known = image_models().get(name)
    model = known.open_clip if known else name.removeprefix("open_clip:")
    return OpenClipEncoder(str(ROOT / model) if (ROOT / model).is_dir() else model)


def restriction(name: str) -> str:
    """Why these weights may not be used for everything; "" where nothing is known against them."""
    for entry in _table()["restricted"]:
        if re.search(entry["pattern"], name, re.IGNORECASE):
            return f"The weights of {name} are under {entry['licence']}: not for commercial work, and never a default."
    return ""


def _table() -> dict[str, Any]:
    return tomllib.loads(MANIFEST.read_text(encoding="utf-8"))
