"""The drawings that are learnt from, as features of the frozen tower: made once, kept on disk as fp16, read as needed.

Knows sets, labels, colours and the hold-out; asks nothing. Rows behind the drawings are pictures of several copies of one.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from composer.xcomposer2.tower import DrawingTower
from retrieval.colours import lab_of_hex
from retrieval.style import lab_of
from retrieval.training import augment, holdout
from retrieval.training.holdout import Words, words_in
from retrieval.training.keeping import whole
from retrieval.training.sets import Drawing

CHUNK = 128
Log = Callable[[str], None]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of one picture."""

    label: str
    tags: tuple[str, ...]
    source: str
    colour: str = ""  # its main one; "": it has none
    count: int = 1
    icon: bool = False  # of one colour, so that any would do


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """All pictures; row numbers are places in every sequence."""

    seen: Sequence[Seen]
    features: NDArray[np.float16]  # (rows, variants, joint + cells^2 * channels)
    train: Sequence[int]
    dev: Sequence[int]
    test: Sequence[int]
    style: Sequence[int]  # known labels in a style nobody trained on
    counted: Mapping[str, Sequence[int]]  # rows of several copies, by the part that their drawing is of

    def tokens(self, rows: Sequence[int], variants: Sequence[int], joint: int, cells: int) -> torch.Tensor:
        """(rows, 1 + cells^2, joint + channels) float32, as the tower gives them."""
        flat = torch.from_numpy(self.features[np.asarray(rows), np.asarray(variants)].astype(np.float32))
        maps = flat[:, joint:].reshape(len(flat), cells**2, -1)
        first = torch.nn.functional.pad(flat[:, :joint], (0, maps.shape[2]))
        return torch.cat([first[:, None], torch.nn.functional.pad(maps, (joint, 0))], 1)


def split(drawings: Sequence[Drawing], core: Sequence[str]) -> tuple[holdout.Split, frozenset[Words]]:
    """The parts, and the words of every label that is held out."""
    parts = holdout.split(drawings, core)
    return parts, frozenset(words_in(drawings[i].label) for i in (*parts.dev, *parts.test))


def tells(text: str, held: frozenset[Words]) -> bool:
    """Whether a text has all words of a held-out label, so that nothing may be learnt from it."""
    own = words_in(text)
    return any(one <= own for one in held)


def seen_of(drawing: Drawing, pixels: Pixels, recipe: Mapping[str, Any], held: frozenset[Words]) -> Seen:
    """What is known of a drawing; tags that name a held-out label are left out, for the drawing may be trained on."""
    tags = tuple(t for t in drawing.tags if 2 < len(t) < 24 and t != drawing.label and not tells(t, held))[:6]
    colour = "" if drawing.tinted else main_colour(pixels, recipe["colours"], recipe["pictures"]["main_colour"])
    return Seen(label=drawing.label, tags=tags, source=drawing.source, colour=colour, icon=drawing.tinted)


def main_colour(pixels: Pixels, names: Mapping[str, str], share: float) -> str:
    """The name of the colour that so much of an RGBA drawing has; "" where none has."""
    small = pixels[::4, ::4].reshape(-1, 4)
    solid = small[small[:, 3] > 128][:, :3]
    if not len(solid):
        return ""
    labs = lab_of(solid[None].astype(np.float64) / 255)[0]
    table = np.array([lab_of_hex(value) for value in names.values()])
    nearest = np.linalg.norm(labs[:, None] - table[None], axis=2).argmin(1)
    counts = np.bincount(nearest, minlength=len(table))
    best = int(counts.argmax())
    return list(names)[best] if counts[best] >= share * len(solid) else ""


def copies(pixels: Pixels, count: int, draws: np.random.Generator) -> Pixels:
    """RGBA of the same size with `count` (1 to 4) smaller copies that do not touch."""
    side = pixels.shape[0]
    half = pixels[::2, ::2]
    made = np.zeros_like(pixels)
    for place in draws.permutation(4)[:count]:
        y, x = (place // 2) * (side // 2), (place % 2) * (side // 2)
        made[y : y + half.shape[0], x : x + half.shape[1]] = half
    return made


def features_of(tower: DrawingTower, images: Any) -> NDArray[np.float16]:  # noqa: ANN401 - a tensor
    """(n, joint + cells^2 * channels) of images (n, 3, px, px) in 0..1."""
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        hidden = tower((images * 2 - 1).to(memory_format=torch.channels_last)).last_hidden_state.float()
    joint = tower.config.joint
    flat = torch.cat([hidden[:, 0, :joint], hidden[:, 1:, joint:].flatten(1)], 1)
    return np.asarray(flat.to(torch.float16).numpy())


def prepared(
    pixels: Pixels, drawings: Sequence[Drawing], tower: DrawingTower, recipe: Mapping[str, Any], folder: Path, log: Log
) -> Pictures:
    """Features of all drawings and of counted ones, made the first time; a killed run begins its file anew."""
    own = recipe["pictures"]
    parts, held = split(drawings, own["core"])
    counted = _counted(parts, own)
    path, about = folder / "features.f16", folder / "seen.json"
    width = tower.config.joint + tower.config.cells**2 * tower.config.channels
    rows = len(drawings) + sum(len(made) for made in counted.values())
    if not about.is_file():
        _write(path, pixels, drawings, counted, tower, own, log)
        known = [seen_of(d, pixels[i], recipe, held) for i, d in enumerate(drawings)]
        known += [_many(known[row], count) for made in counted.values() for row, count in made]
        with whole(about) as place:
            place.write_text(json.dumps([asdict(one) for one in known]), encoding="utf-8")
    seen = [Seen(**{**one, "tags": tuple(one["tags"])}) for one in json.loads(about.read_text(encoding="utf-8"))]
    features = np.memmap(path, np.float16, "r", shape=(rows, own["variants"], width))
    places, at = {}, len(drawings)
    for part, made in counted.items():
        places[part] = list(range(at, at + len(made)))
        at += len(made)
    return Pictures(
        seen=seen, features=features, train=parts.train, dev=parts.dev, test=parts.test, style=parts.style, counted=places
    )  # fmt: skip


def _many(one: Seen, count: int) -> Seen:
    return Seen(**{**asdict(one), "count": count})


def _counted(parts: holdout.Split, own: Mapping[str, Any]) -> dict[str, list[tuple[int, int]]]:
    """Drawings of each part, and how many copies a picture is to have."""
    draws = np.random.default_rng(own["seed"])
    found = {}
    for name, rows, most in (("train", parts.train, own["counted"]), ("test", parts.test, own["counted"] // 10)):
        chosen = draws.choice(np.asarray(rows, np.int64), min(most, len(rows)), replace=False) if len(rows) else []
        found[name] = [(int(row), 2 + n % 3) for n, row in enumerate(chosen)]
    return found


def _write(
    path: Path,
    pixels: Pixels,
    drawings: Sequence[Drawing],
    counted: Mapping[str, Sequence[tuple[int, int]]],
    tower: DrawingTower,
    own: Mapping[str, Any],
    log: Log,
) -> None:
    tinted = np.array([d.tinted for d in drawings])
    with path.open("wb") as file:
        for number, (rgba, ink) in enumerate(_chunks(pixels, tinted, counted, own["seed"])):
            draws = torch.Generator().manual_seed(own["seed"] * 1_000_003 + number)
            made = [features_of(tower, augment.plain(rgba, tower.config.image_size))]
            for _ in range(1, own["variants"]):
                grounds, ground = augment.on_grounds(rgba, ink, draws)
                changed = augment.moved(grounds, ground, np.zeros(len(rgba), np.bool_), tower.config.image_size, draws)
                made.append(features_of(tower, changed))
            file.write(np.stack(made, 1).tobytes())
            if number % 8 == 0:
                log(f"features of {number * CHUNK} of {len(drawings)} drawings")


def _chunks(
    pixels: Pixels, tinted: NDArray[np.bool_], counted: Mapping[str, Sequence[tuple[int, int]]], seed: int
) -> Iterator[tuple[Pixels, NDArray[np.bool_]]]:
    """RGBA of all rows in order, some at a time."""
    for begin in range(0, len(pixels), CHUNK):
        yield np.array(pixels[begin : begin + CHUNK]), tinted[begin : begin + CHUNK]
    draws = np.random.default_rng(seed)
    pairs = [pair for made in counted.values() for pair in made]
    for begin in range(0, len(pairs), CHUNK):
        some = pairs[begin : begin + CHUNK]
        yield np.stack([copies(pixels[row], n, draws) for row, n in some]), tinted[[row for row, _ in some]]
