"""An arrangement: things side by side on a ground, below a sky, as flat illustrations do it.

Knows pixels, sizes and colours (`templates/arrangement.toml`); does not know queries. Everything follows from the seed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from composer.arranging.cutouts import Cast, Thing, scene_words, table
from retrieval.colours import hex_of
from retrieval.style_card import palette_of

HORIZON = {"flat": 0.68, "hills": 0.66, "waves": 0.6}  # from above, share of the height
BASE = {"large": 0.08, "middle": 0.15, "small": 0.2}  # how far below the horizon things stand; nearer ones lower
AFLOAT = 0.12  # how much lower on water: drawings of ships have some of it
LOWER = 0.8  # of the tallest, where something hangs above
ALONE = 0.55  # of the height: what hangs in the air with nothing below
TALLEST, WIDEST = 0.62, 0.86  # shares of the height that the tallest thing has, of the width that all have
GAP = 0.03  # of the width, between things
SAME_COLOUR = 40  # of 255, in each of red, green and blue
LOOSE = 0.05  # how much smaller, and farther from the middle, chance may put them
FINER = 2  # lines are drawn so much larger, then made small
TINTED = 0.6  # how much of a scene's colours is the references' palette

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Colours and form of what is behind the things."""

    sky: tuple[str, str]  # from above, "#rrggbb"
    ground: tuple[str, str]  # far and near
    form: str  # "flat", "hills", "waves"
    stars: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A thing, or some copies of it, ready to be put down."""

    image: Image.Image  # RGBA, cut to what it shows
    kind: str  # "large", "middle", "small", "air"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A thing in its size, and its upper left corner, px."""

    image: Image.Image  # RGBA
    at: tuple[int, int]


def scene_of(cast: Cast, references: Sequence[Image.Image], rng: np.random.Generator) -> Scene:
    """The scene that a query's words name, in the colours of the reference pictures where there are some."""
    named = {scene_words()[word] for word in cast.scene}
    sky = next((n for n in table()["sky"] if n in named), "plain")
    ground = next((n for n in table()["ground"] if n in named), "plain")
    above, below = _one_of(table()["sky"][sky]["colours"], rng), _one_of(table()["ground"][ground]["colours"], rng)
    if references:
        light, strong = _tints(references[0])
        above = (_mixed(above[0], light, TINTED), _mixed(above[1], light, TINTED / 2))
        below = (_mixed(below[0], strong, TINTED), _mixed(below[1], strong, TINTED))
    stars = bool(table()["sky"][sky].get("stars", False))
    return Scene(sky=above, ground=below, form=table()["ground"][ground]["form"], stars=stars)


def painted(cast: Cast, size: tuple[int, int], seed: int, references: Sequence[Image.Image] = ()) -> Image.Image:
    """The arrangement of a cast, RGB, `size` px. The same for the same seed."""
    rng = np.random.default_rng(seed)
    scene = scene_of(cast, references, rng)
    items = [_item(thing, rng) for thing in cast.things]
    above, below = ([i for i in items if (i.kind == "air") == hangs] for hangs in (True, False))
    picture = _background(scene, size, rng)
    put = _on_ground(below, scene, size, rng, tallest=TALLEST * (LOWER if above else 1.0))
    for placed in _in_air(above, put, size, rng):
        picture.alpha_composite(placed.image, placed.at)
    for placed in put:
        if scene.form != "waves":
            _put_shadow(picture, placed, scene)
        picture.alpha_composite(placed.image, placed.at)
    return picture.convert("RGB")


def kind_of(caption: str) -> str:
    """How large a thing is beside others, or whether it hangs in the air."""
    name = caption.lower()
    return next((kind for kind in ("air", "large", "small") if name in table()[kind]), "middle")


def _item(thing: Thing, rng: np.random.Generator) -> Item:
    kind, caption = kind_of(thing.cutout.caption), thing.cutout.caption.lower()
    image = cut(thing.cutout.path, water=table()["water"] if caption in table()["afloat"] else "")
    if thing.copies == 1:
        return Item(image=image, kind=kind)
    shares = (0.82, 1.0, 0.74)[: thing.copies]
    step = round(image.width * 0.72)
    whole = Image.new("RGBA", (step * (len(shares) - 1) + image.width, image.height))
    for number in sorted(range(len(shares)), key=lambda n: -shares[n]):  # the smaller ones in front
        one = _scaled(image, shares[number] * (1 - 0.06 * rng.random()))
        drop = 0 if kind != "air" else round(rng.random() * (image.height - one.height))
        whole.alpha_composite(one, (number * step + (image.width - one.width) // 2, image.height - one.height - drop))
    return Item(image=whole.crop(whole.getchannel("A").getbbox()), kind=kind)


@lru_cache(128)
def cut(path: Path, *, water: str = "") -> Image.Image:
    """A drawing cut to what it shows, without its own water of this colour."""
    with Image.open(path) as file:
        image = file.convert("RGBA")
    if water:
        pixels = np.array(image)
        near = np.abs(pixels[..., :3].astype(int) - np.array(_rgb(water))).max(2) <= SAME_COLOUR
        pixels[near, 3] = 0
        image = Image.fromarray(pixels)
    return image.crop(image.getchannel("A").getbbox())


def _background(scene: Scene, size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    width, height = size
    picture = _graded(scene.sky, size).convert("RGBA")
    horizon = HORIZON[scene.form] * height
    if scene.stars:
        _put_stars(picture, horizon, rng)
    ground = _graded(scene.ground, (width, height - int(horizon - 0.1 * height))).convert("RGBA")
    for back, share in ((True, 0.06), (False, 0.0)) if scene.form == "hills" else ((False, 0.0),):
        mask = _edge(size, horizon - share * height, 0.03 * height if scene.form == "hills" else 0.0, rng)
        layer = Image.new("RGBA", size)
        layer.paste(ground, (0, height - ground.height))
        if back:
            layer = Image.blend(layer, Image.new("RGBA", size, scene.sky[1]), 0.45)
        picture.paste(layer, (0, 0), mask)
    if scene.form == "waves":
        _put_waves(picture, scene, horizon, rng)
    return picture


def _on_ground(
    items: Sequence[Item], scene: Scene, size: tuple[int, int], rng: np.random.Generator, *, tallest: float
) -> list[Placed]:
    """Things on the ground, side by side, the first near the middle; those farther back first."""
    if not items:
        return []
    width, height = size
    heights = [table()["heights"][item.kind] for item in items]
    unit, gaps = tallest * height / max(heights), GAP * width * (len(items) - 1)
    scales = [unit * h / item.image.height for h, item in zip(heights, items, strict=True)]
    taken = sum(s * item.image.width for s, item in zip(scales, items, strict=True))
    share = min(1.0, (WIDEST * width - gaps) / taken) * (1 - LOOSE * rng.random())
    shown = [_scaled(item.image, s * share) for s, item in zip(scales, items, strict=True)]
    left = (width - sum(one.width for one in shown) - gaps) / 2 + LOOSE * width * (rng.random() - 0.5)
    placed = dict[int, Placed]()
    for number in _from_the_middle(len(items), rng):
        sunk = BASE[items[number].kind] + (AFLOAT if scene.form == "waves" else 0.0)
        base = round(height * min(0.97, HORIZON[scene.form] + sunk))
        placed[number] = Placed(image=shown[number], at=(round(left), max(0, base - shown[number].height)))
        left += shown[number].width + GAP * width
    return [placed[n] for n in sorted(placed, key=lambda n: -heights[n])]


def _in_air(
    items: Sequence[Item], below: Sequence[Placed], size: tuple[int, int], rng: np.random.Generator
) -> list[Placed]:
    """Things in the air, each where it is least covered by what stands below and by the others."""
    width, height = size
    tall = (table()["heights"]["air"] if below else ALONE) * height
    found = list[Placed]()
    for item in items:
        one = _scaled(item.image, min(tall / item.image.height, 0.8 * width / len(items) / item.image.width))
        top = round(height * (0.05 + 0.06 * rng.random())) if below else (height - one.height) // 3
        places = np.linspace(0.06 * width, max(0.06 * width, 0.94 * width - one.width), 13)
        places = places[6:7] if not below and len(items) == 1 else rng.permutation(places)
        lefts = [round(float(x)) for x in places]
        left = min(lefts, key=lambda x: sum(_covered(x, top, one, p) for p in (*below, *found)))
        found.append(Placed(image=one, at=(left, top)))
    return found


def _covered(left: int, top: int, one: Image.Image, other: Placed) -> int:
    """How many px of two boxes lie above each other."""
    across = min(left + one.width, other.at[0] + other.image.width) - max(left, other.at[0])
    down = min(top + one.height, other.at[1] + other.image.height) - max(top, other.at[1])
    return max(0, across) * max(0, down)


def _put_shadow(picture: Image.Image, placed: Placed, scene: Scene) -> None:
    one, at = placed.image, placed.at
    tall = max(4, round(one.width * 0.1))
    middle, foot = at[0] + one.width / 2, at[1] + one.height - tall * 0.15
    layer = Image.new("L", picture.size)
    box = (middle - one.width * 0.46, foot - tall / 2, middle + one.width * 0.46, foot + tall / 2)
    ImageDraw.Draw(layer).ellipse(box, fill=90)
    shade = Image.new("RGBA", picture.size, _mixed(scene.ground[1], "#000000", 0.55))
    picture.paste(shade, (0, 0), layer.filter(ImageFilter.GaussianBlur(tall * 0.25)))


def _put_stars(picture: Image.Image, horizon: float, rng: np.random.Generator) -> None:
    width, height = picture.size
    layer = Image.new("L", (width * FINER, height * FINER))
    pen = ImageDraw.Draw(layer)
    for _ in range(42):
        x, y = rng.random() * width * FINER, rng.random() ** 1.3 * horizon * 0.9 * FINER
        r = FINER * height / 512 * (0.7 + 1.3 * rng.random())
        pen.ellipse((x - r, y - r, x + r, y + r), fill=int(120 + 120 * rng.random()))
    picture.paste(Image.new("RGBA", picture.size, "#fff6d8"), (0, 0), layer.resize(picture.size, Image.Resampling.BOX))


def _put_waves(picture: Image.Image, scene: Scene, horizon: float, rng: np.random.Generator) -> None:
    width, height = picture.size
    layer = Image.new("L", (width * FINER, height * FINER))
    pen = ImageDraw.Draw(layer)
    for _ in range(16):
        y = (horizon + (0.05 + 0.9 * rng.random()) * (height - horizon)) * FINER
        x, long = rng.random() * width * FINER, (0.05 + 0.08 * rng.random()) * width * FINER
        points = [(x + long * t / 24, y + math.sin(t / 24 * 2 * math.pi) * 0.006 * height * FINER) for t in range(25)]
        pen.line(points, fill=110, width=max(1, round(height * FINER / 160)), joint="curve")
    light = Image.new("RGBA", picture.size, _mixed(scene.ground[0], "#ffffff", 0.6))
    picture.paste(light, (0, 0), layer.resize(picture.size, Image.Resampling.BOX))


def _edge(size: tuple[int, int], level: float, swing: float, rng: np.random.Generator) -> Image.Image:
    """A mask of all below a level line, or a softly swinging one."""
    width, height = size[0] * FINER, size[1] * FINER
    phase, turns = rng.random() * 2 * math.pi, 0.6 + 0.6 * rng.random()
    points = [
        (x, FINER * (level + swing * math.sin(phase + turns * 2 * math.pi * x / width))) for x in range(0, width + 8, 8)
    ]
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).polygon([*points, (width + 8, height), (0, height)], fill=255)
    return mask.resize(size, Image.Resampling.BOX)


def _graded(colours: tuple[str, str], size: tuple[int, int]) -> Image.Image:
    """From the first colour above to the second below."""
    first, last = (np.array(_rgb(c), np.float32) for c in colours)
    share = np.linspace(0, 1, size[1], dtype=np.float32)[:, None]
    rows = (first * (1 - share) + last * share).round().astype(np.uint8)  # (height, 3)
    return Image.fromarray(np.repeat(rows[:, None], size[0], axis=1))


def _from_the_middle(count: int, rng: np.random.Generator) -> list[int]:
    """Places from left to right, the first thing in the middle; which side comes next is chance."""
    order = [0]
    left = bool(rng.integers(2))
    for number in range(1, count):
        order = [number, *order] if left else [*order, number]
        left = not left
    return order


def _tints(reference: Image.Image) -> tuple[str, str]:
    """A light and a strong colour of a picture's palette."""
    colours = [c.lab for c in palette_of(reference.convert("RGB"))]
    light = max(colours, key=lambda lab: lab[0])
    strong = max(colours, key=lambda lab: math.hypot(lab[1], lab[2]))
    return hex_of(light), hex_of((min(max(strong[0], 55.0), 80.0), strong[1], strong[2]))


def _scaled(image: Image.Image, share: float) -> Image.Image:
    size = max(1, round(image.width * share)), max(1, round(image.height * share))
    return image.resize(size, Image.Resampling.LANCZOS)


def _one_of(choices: Sequence[Any], rng: np.random.Generator) -> tuple[str, str]:
    first, second = choices[int(rng.integers(len(choices)))]
    return str(first), str(second)


def _mixed(colour: str, other: str, share: float) -> str:
    """A colour with so much of another."""
    pairs = zip(_rgb(colour), _rgb(other), strict=True)
    return "#" + "".join(f"{round(a * (1 - share) + b * share):02x}" for a, b in pairs)


def _rgb(colour: str) -> Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
