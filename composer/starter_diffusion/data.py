"""What the starter generator learns from: drawings on white, the prompts that ask for them, and which pairs are held out.

Knows sets, styles and prompts; trains nothing. A pair is a concept (a label's telling words) in a style (a set). A
held-out pair's concept is seen in other styles only; in its own style nothing is seen whose label includes all of its words.
"""

import hashlib
import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.training.holdout import Words, words_in
from retrieval.training.sets import Drawing

RECIPE = Path(__file__).resolve().parents[2] / "assets" / "starter_diffusion.toml"
OTHER_STYLES = 2  # that must show a concept for it to be held out in one
MOST_LOST = 8  # drawings of a style that may go with a held-out pair

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Rows of drawings: those trained on, and the held-out pairs'."""

    train: list[int]
    held: list[int]


def table(path: Path = RECIPE) -> dict[str, Any]:
    """The whole recipe file."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def prompt_of(label: str, style: str) -> str:
    """What asks for a concept in a style; either may be empty."""
    return ", ".join(part for part in (label, style) if part)


def prompts_of(drawing: Drawing, styles: Mapping[str, str]) -> tuple[str, str]:
    """A drawing's prompt, and one that adds two of its tags."""
    style = styles[drawing.source]
    tagged = ", ".join((drawing.label, *[t for t in drawing.tags if t not in drawing.label][:2]))
    return prompt_of(drawing.label, style), prompt_of(tagged, style)


def split(drawings: Sequence[Drawing], recipe: Mapping[str, Any], styles: Mapping[str, str]) -> Split:
    """Hold out pairs by a hash of each, so that the choice stays when sets are added."""
    words = {i: words_in(d.label) for i, d in enumerate(drawings) if d.source in styles}
    sets: dict[Words, set[str]] = defaultdict(set)
    for i, w in words.items():
        sets[w].add(drawings[i].source)
    drop = re.compile(recipe["drop"])
    wanted = {
        i: w for i, w in words.items() if len(sets[w]) >= recipe["fewest_styles"] and not drop.search(drawings[i].label)
    }
    held = {style: _held(style, drawings, wanted, sets, recipe) for style in recipe["held_styles"]}
    out = [i for i, w in wanted.items() if w in held.get(drawings[i].source, ())]
    near = {i for i, w in wanted.items() if any(h <= w for h in held.get(drawings[i].source, ()))}
    return Split(train=[i for i in wanted if i not in near], held=out)


def _held(
    style: str,
    drawings: Sequence[Drawing],
    wanted: Mapping[int, Words],
    sets: Mapping[Words, set[str]],
    recipe: Mapping[str, Any],
) -> set[Words]:
    """The concepts held out in a style."""
    own = [w for i, w in wanted.items() if drawings[i].source == style]
    chosen = {w for w in own if len(sets[w]) > OTHER_STYLES and _number(w, style) < recipe["held_percent"]}
    return {w for w in chosen if sum(w <= other for other in own) <= MOST_LOST}


def _number(words: Words, style: str) -> int:
    return int(hashlib.sha256(f"{style}: {' '.join(sorted(words))}".encode()).hexdigest()[:8], 16) % 100


def on_white(pixels: Pixels, px: int, margin: int) -> Any:  # noqa: ANN401 - a tensor
    """(n, 3, px, px) float32 in -1..1 of RGBA (n, p, p, 4) with straight alpha: on white, with a white margin.

    Alpha is multiplied in once, before anything is resized, and the result clamped: Lanczos and bicubic overshoot.
    """
    import torch
    from torch.nn import functional

    x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float().div_(255)
    flat = x[:, :3] * x[:, 3:] + (1 - x[:, 3:])
    side = px - 2 * margin
    if flat.shape[-1] != side:
        flat = functional.interpolate(flat, (side, side), mode="bicubic", antialias=True).clamp_(0, 1)
    return functional.pad(flat, (margin,) * 4, value=1.0) * 2 - 1


def pictures(pixels: Pixels, rows: Sequence[int], recipe: Mapping[str, Any]) -> NDArray[np.float32]:
    """(rows, 3, px, px) in -1..1, all in memory."""
    parts = [rows[i : i + 256] for i in range(0, len(rows), 256)]
    return np.concatenate([on_white(pixels[list(p)], recipe["px"], recipe["margin"]).numpy() for p in parts])
