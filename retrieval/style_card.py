"""A style card: what reference pictures have in common, as values that a person can read and change.

Made from pixels alone: an image encoder's mean vector was tried beside them and changed nothing. Knows nothing of what
pictures show or of articles.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.colours import hex_of, lab_of_hex, named
from retrieval.errors import UsageError
from retrieval.picture import Digest
from retrieval.style import FINE, Style, around, distance, lab_of, style_of

Medium = Literal["photo", "drawing", "line art"]
COLOURS = 5  # in a palette
PALETTE_PX = 48
STROKE = 50.0  # CIELAB L*, the mean of what is not ground
DARK, BRIGHT, STRONG, COLOURFUL = 40.0, 70.0, 28.0, 30.0  # CIELAB L*, L*, spread of L*, chroma
FLATS, FLAT, SAME = 12, 1.5, 2.0  # of a picture at most; CIELAB: no more within a flat area; one house colour
HOUSE, PALETTE, MEDIUM = 2.0, 1.0, 1.0  # what each counts beside `style.distance`; see benchmarks/style.py


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """A colour of a palette in CIELAB (D65), and the share of the pixels it stands for."""

    lab: tuple[float, float, float]
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a picture's pixels say of its style."""

    style: Style
    palette: tuple[Colour, ...]
    flats: tuple[Colour, ...] = ()  # the exact colours of its flat areas, the largest first; () for a photograph


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleCard:
    """The style of reference pictures; `words` are for people and for diffusion models and may be changed."""

    look: Style  # the mean of the references'
    palette: tuple[Colour, ...]
    flats: tuple[Colour, ...] = ()  # of all references: drawings of one hand share their exact colours
    medium: Medium
    brightness: float  # mean CIELAB L*, 0 to 100
    contrast: float  # standard deviation of L*
    edges: float  # share of pixels on an edge
    words: str = ""
    references: tuple[Digest, ...] = ()  # the pictures it was made from


def see(image: Image.Image) -> Seen:
    """Look at a picture."""
    return Seen(style=style_of(image), palette=palette_of(image), flats=flats_of(image))


def card_of(seen: Sequence[Seen], references: Sequence[Digest] = ()) -> StyleCard:
    """The card of one or more references. Raises UsageError for none."""
    if not seen:
        raise UsageError("A style card is made from at least one reference picture; none was given.")
    features = np.mean([s.style.features for s in seen], axis=0)
    medium = _medium(features)
    points = np.array([c.lab for s in seen for c in s.palette])
    palette = _clusters(points, np.array([c.share for s in seen for c in s.palette]))
    return StyleCard(
        look=Style(tuple(features.tolist())),
        palette=palette,
        flats=tuple(c for s in seen for c in s.flats),
        medium=medium,
        brightness=float(features[0]),
        contrast=float(features[1]),
        edges=float(features[6]),
        words=_words(features, medium),
        references=tuple(references),
    )


def closeness(card: StyleCard, seen: Seen) -> float:
    """From 0 to 1: how near a picture's style is to the card's; 1 for its own only reference."""
    far = distance(card.look, seen.style)
    if card.flats:
        far += HOUSE * (1 - _shared(card.flats, seen.flats))
    else:
        far += PALETTE * (1 - _palette_likeness(card.palette, seen.palette))
    if (card.medium == "photo") != (_medium(np.array(seen.style.features)) == "photo"):
        far += MEDIUM
    return float(np.exp(-far / 2))


def with_palette(card: StyleCard, colours: Sequence[str]) -> StyleCard:
    """The card with other colours, "#rrggbb" each, which count alike. Raises UsageError for what is no colour."""
    labs = [lab_of_hex(colour) for colour in colours]
    palette = tuple(Colour(lab=lab, share=1 / len(labs)) for lab in labs)
    return replace(card, palette=palette or card.palette, flats=palette if card.flats else ())


def hexes(card: StyleCard) -> list[str]:
    """The palette as "#rrggbb"."""
    return [hex_of(c.lab) for c in card.palette]


def wording(card: StyleCard) -> str:
    """What a diffusion model is told of the style: the words, then the colours by name."""
    names = list(dict.fromkeys(named(c.lab) for c in card.palette if c.share >= 0.05))
    return f"{card.words}, colours: {', '.join(names)}" if names else card.words


def palette_of(image: Image.Image) -> tuple[Colour, ...]:
    """At most five colours of an RGB picture by k-means in CIELAB, the largest share first; shares sum to 1."""
    small = image.convert("RGB").resize((PALETTE_PX, PALETTE_PX), Image.Resampling.BILINEAR)
    points = lab_of(np.asarray(small, np.float64) / 255).reshape(-1, 3)
    return _clusters(points, np.full(len(points), 1 / len(points)))


def flats_of(image: Image.Image) -> tuple[Colour, ...]:
    """The exact colours of an RGB picture's flat areas but for a white ground, the largest share of them first."""
    fine = image.convert("RGB").resize((FINE, FINE), Image.Resampling.BILINEAR)
    lab = lab_of(np.asarray(fine, np.float64) / 255)
    flat = (lab[..., 0] < 97) | (np.hypot(lab[..., 1], lab[..., 2]) >= 2)
    for band in np.moveaxis(lab, -1, 0):
        flat &= (around(band, np.maximum) - around(band, np.minimum)) < FLAT
    points, counts = np.unique(np.round(lab[flat]), axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:FLATS]
    return tuple(Colour(lab=_triple(points[i]), share=float(counts[i] / counts[order].sum())) for i in order)


def _clusters(points: NDArray[np.float64], shares: NDArray[np.float64]) -> tuple[Colour, ...]:
    """Weighted k-means from the farthest points on, so that the same picture gives the same palette."""
    shares = shares / shares.sum()
    centres = [points[int(shares.argmax())]]
    for _ in range(COLOURS - 1):
        distance = np.min([((points - c) ** 2).sum(axis=1) for c in centres], axis=0)  # (n,)
        if distance.max() < 1:  # no other colour is left
            break
        centres.append(points[int(distance.argmax())])
    middle = np.array(centres)  # (k, 3)
    for _ in range(12):
        nearest = ((points[:, None] - middle[None]) ** 2).sum(axis=2).argmin(axis=1)
        weight = np.array([shares[nearest == k].sum() for k in range(len(middle))])
        sums = np.array([(points * shares[:, None])[nearest == k].sum(axis=0) for k in range(len(middle))])
        middle = np.where(weight[:, None] > 0, sums / np.maximum(weight, 1e-12)[:, None], middle)
    order = [int(k) for k in np.argsort(-weight, kind="stable") if weight[k] > 0]
    return tuple(Colour(lab=_triple(middle[k]), share=float(weight[k])) for k in order)


def _palette_likeness(a: Sequence[Colour], b: Sequence[Colour]) -> float:
    """From 0 to 1, by the mean distance of each colour to the nearest one of the other palette."""
    distance = np.linalg.norm(np.array([c.lab for c in a])[:, None] - np.array([c.lab for c in b])[None], axis=2)
    there = float(np.dot([c.share for c in a], distance.min(axis=1)))
    back = float(np.dot([c.share for c in b], distance.min(axis=0)))
    return float(np.exp(-(there + back) / 2 / 20))


def _shared(house: Sequence[Colour], own: Sequence[Colour]) -> float:
    """From 0 to 1: the share of a picture's flat areas that have a house colour; 0 where it has none."""
    if not own:
        return 0.0
    gaps = np.linalg.norm(np.array([c.lab for c in own])[:, None] - np.array([c.lab for c in house])[None], axis=2)
    return float(np.dot([c.share for c in own], np.exp(-((gaps.min(axis=1) / SAME) ** 2) / 2)))


def _medium(features: NDArray[np.float64]) -> Medium:
    if features[9] > 1.75 and features[7] < 0.45:  # as `looks` tells a photograph
        return "photo"
    strokes = features[0] < STROKE and features[2] < 8 and features[10] > 0.5  # dark and grey on white
    return "line art" if strokes else "drawing"


def _words(features: NDArray[np.float64], medium: Medium) -> str:
    light = "dark" if features[0] < DARK else "bright" if features[0] > BRIGHT else "medium brightness"
    contrast = "strong contrast" if features[1] > STRONG else "soft contrast"
    colour = "vivid colours" if features[2] > COLOURFUL else "muted colours"
    ground = ", white ground" if features[10] > 0.5 else ""
    return f"{medium}, {light}, {contrast}, {colour}{ground}"


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
