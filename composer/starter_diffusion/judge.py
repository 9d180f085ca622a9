"""How good a model is on held-out concept-style pairs, beside known pairs, real pictures and a nearest neighbour.

An image-text model that was trained on other splits (by label, not by pair) looks at all of them. Of each kind: its score
(cosine of picture and label), R@k of the label among all labels, the share in the right style by a classifier of
colours and edges, the Fréchet distance to the real held-out pictures, and the share the gate lets pass. The nearest neighbour
is the training picture of the same style whose label is nearest in meaning: what a search would have given.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from composer.drawing.gate import things
from composer.starter_diffusion import command, data, looks, sheet
from composer.starter_diffusion.command import Prepared
from composer.starter_diffusion.model import load
from composer.starter_diffusion.offer import SHARE
from composer.starter_diffusion.sample import pictures
from retrieval.encoder import Encoder
from retrieval.image_models import image_encoder
from retrieval.training.sets import Drawing

JUDGE = "starter-clip"
MARKS = (0.9, 0.95, 0.99)  # of the gate's share, that are tried
FLOORS = (0.2, 0.25, 0.3, 0.35)  # of the cosine besides a share of 0.95
SHOWN = 24  # pairs of each kind on the sample sheet
THUMB = 32  # px at which pictures are compared for memorising

Floats = NDArray[np.float32]
Log = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """What is known before a picture is looked at."""

    encoder: Encoder
    labels: list[str]
    texts: Floats  # (labels, dim)
    things: Sequence[str]  # what the gate compares with
    thing_texts: Floats  # (things, dim)
    styles: list[str]
    weights: Floats  # of the classifier of styles
    real: Floats  # (n, dim): the held-out pictures
    axes: Floats  # (dim, components)


def judge(folder: Path, made: Path, home: Path, log: Log, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The report on the model in `folder`, whose training was in `made`; writes the sample sheet beside the model."""
    work = command.prepared(made, home, log)
    settings = {**work.recipe["judging"], **(changes or {})}
    rng = np.random.default_rng(5)
    held = chosen_of(rng, work.parts.held, settings["pairs"])
    known = chosen_of(
        rng, [i for i in work.parts.train if work.drawings[i].source in _held_styles(work)], settings["pairs"]
    )
    judges = judges_of(work, settings)
    log(f"drawing {len(held) + len(known)} pictures")
    how = settings["steps"], settings["guidance"]
    drawn = pictures(load(folder), [prompt(work, i) for i in (*held, *known)], 0, how)
    new, old = drawn[: len(held)], drawn[len(held) :]
    groups = _groups(work, judges, held, new) | {"known pairs, drawn": (known, old)}
    report = {name: measured(judges, [work.drawings[i] for i in rows], shown) for name, (rows, shown) in groups.items()}
    rows = [*held, *known]
    nearest = [nearest_training(work, one, work.drawings[i].source) for i, one in zip(rows, drawn, strict=True)]
    report["memorising"] = _memorising(work, held, known, nearest)
    some = [*_spread(0, len(held)), *_spread(len(held), len(rows))]
    sheet.write(
        folder / "samples.webp",
        _beside(work, [rows[n] for n in some], [drawn[n] for n in some], [nearest[n] for n in some]),
    )
    return report


def _groups(
    work: Prepared, judges: Judges, held: list[int], new: list[Image.Image]
) -> dict[str, tuple[list[int], list[Image.Image]]]:
    """What is measured of the held-out pairs: each one's row, and the picture that is to show it."""
    unseen = [n for n, i in enumerate(held) if work.drawings[i].source == "fluent"]
    return {
        "held-out pairs, drawn": (held, new),
        "of these rounded emoji, a style the judge never saw": ([held[n] for n in unseen], [new[n] for n in unseen]),
        "held-out pairs, real pictures": (held, [real(work, i) for i in held]),
        "held-out pairs, nearest neighbour": (held, [real(work, i) for i in _neighbours(work, judges, held)]),
        "held-out pairs, drawn for another prompt": (held, [*new[1:], *new[:1]]),
    }


def measured(judges: Judges, drawings: Sequence[Drawing], shown: Sequence[Image.Image]) -> dict[str, Any]:
    """The numbers of pictures that were to show these drawings' labels in their sets' styles."""
    if not shown:
        return {"pictures": 0}
    images = judges.encoder.encode_images(shown)  # (n, dim)
    asked = np.array([judges.labels.index(d.label) for d in drawings])
    likeness = images @ judges.texts.T  # (n, labels)
    own = likeness[np.arange(len(asked)), asked]
    ranks = (likeness > own[:, None]).sum(1)
    sure = np.array([sure_of(judges, d.label, row, mine) for d, row, mine in zip(drawings, images, own, strict=True)])
    right = looks.style_of(shown, judges.weights) == [judges.styles.index(d.source) for d in drawings]
    return {
        "pictures": len(shown),
        "score": round(float(own.mean()), 3),
        **{f"R@{k}": round(float((ranks < k).mean()), 3) for k in (1, 5, 10)},
        "style": round(float(right.mean()), 3),
        "distance": round(frechet(images @ judges.axes, judges.real @ judges.axes), 3),
        **{f"passes {mark}": round(float((sure >= mark).mean()), 3) for mark in MARKS},
        **{f"offered {floor}": round(float(((sure >= SHARE) & (own >= floor)).mean()), 3) for floor in FLOORS},
    }


def sure_of(judges: Judges, label: str, image: Floats, own: float) -> float:
    """What composer.drawing.gate asks: the share of plain names of other things that a picture resembles less."""
    other = [n for n, name in enumerate(judges.things) if name not in label and label not in name]
    return float((judges.thing_texts[other] @ image < own).mean())


def frechet(a: Floats, b: Floats) -> float:
    """Fréchet distance of two clouds (n, dim) taken for normal: Heusel et al. 2017, arXiv 1706.08500."""
    first, second = np.cov(a.T), np.cov(b.T)
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    both = np.sqrt(np.linalg.eigvalsh(root @ second @ root).clip(0)).sum()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first) + np.trace(second) - 2 * both)


def real(work: Prepared, row: int) -> Image.Image:
    """A drawing as it is, on white."""
    recipe = work.recipe["recipe"]
    flat = data.on_white(work.pixels[[row]], work.pixels.shape[1], 2 * recipe["margin"])[0]
    return Image.fromarray(((flat + 1) * 127.5).round().byte().permute(1, 2, 0).numpy())


def nearest_training(work: Prepared, image: Image.Image, style: str) -> tuple[int, float]:
    """The training picture of a style nearest in its pixels at 32 px, and its mean squared distance (colours 0 to 1)."""
    rows, small = _thumbs(work, style)
    one = (
        np.asarray(image.resize((THUMB, THUMB), Image.Resampling.BOX), np.float32).transpose(2, 0, 1).reshape(-1) / 255
    )
    distances = ((small - one) ** 2).mean(1)
    best = int(distances.argmin())
    return rows[best], float(distances[best])


_KEPT: dict[tuple[int, str], tuple[list[int], Floats]] = {}


def _thumbs(work: Prepared, style: str) -> tuple[list[int], Floats]:
    key = (id(work), style)
    if key not in _KEPT:
        rows = [i for i in work.parts.train if work.drawings[i].source == style]
        recipe = {**work.recipe["recipe"], "px": THUMB, "margin": 1}
        flat = (data.pictures(work.pixels, rows, recipe) + 1) / 2
        _KEPT[key] = rows, flat.reshape(len(rows), -1).astype(np.float32)
    return _KEPT[key]


def judges_of(work: Prepared, settings: Mapping[str, Any]) -> Judges:
    """What is known before a picture is looked at, by the recipe's settings of the judging."""
    encoder = image_encoder(JUDGE)
    if encoder is None:
        raise ValueError(f"{JUDGE} is not installed")
    rng = np.random.default_rng(6)
    chosen = chosen_of(rng, work.parts.train, settings["style_pictures"])
    seen = [real(work, i) for i in chosen]
    images = encoder.encode_images(seen)
    held = encoder.encode_images([real(work, i) for i in work.parts.held])
    styles = sorted(work.recipe["styles"])
    truth = np.array([styles.index(work.drawings[i].source) for i in chosen])
    labels = sorted({work.drawings[i].label for i in (*work.parts.train, *work.parts.held)})
    _, _, axes = np.linalg.svd(images - images.mean(0), full_matrices=False)
    return Judges(
        encoder=encoder,
        labels=labels,
        texts=encoder.encode_texts(labels),
        things=things(),
        thing_texts=encoder.encode_texts(things()),
        styles=styles,
        weights=looks.fitted(seen, truth, len(styles)),
        real=held,
        axes=axes[: settings["components"]].T,
    )


def _neighbours(work: Prepared, judges: Judges, rows: Sequence[int]) -> list[int]:
    """For each held-out pair the training picture of its style with the nearest label."""
    place = {label: n for n, label in enumerate(judges.labels)}
    found = []
    for row in rows:
        own = [i for i in work.parts.train if work.drawings[i].source == work.drawings[row].source]
        texts = judges.texts[[place[work.drawings[i].label] for i in own]]
        found.append(own[int((texts @ judges.texts[place[work.drawings[row].label]]).argmax())])
    return found


def _memorising(
    work: Prepared, held: Sequence[int], known: Sequence[int], nearest: Sequence[tuple[int, float]]
) -> dict[str, Any]:
    """Mean distance to the nearest training picture of the style; for known pairs also how often that is their own."""
    own = [a == i for i, (a, _) in zip((*held, *known), nearest, strict=True)][len(held) :]
    away = [nearest_training(work, real(work, i), work.drawings[i].source)[1] for i in held]
    return {
        "held-out pairs, drawn": round(float(np.mean([d for _, d in nearest[: len(held)]])), 4),
        "known pairs, drawn": round(float(np.mean([d for _, d in nearest[len(held) :]])), 4),
        "held-out pairs, real pictures": round(float(np.mean(away)), 4),
        "known pairs whose nearest picture is their own": round(float(np.mean(own)), 3),
    }


def _beside(
    work: Prepared, rows: Sequence[int], shown: Sequence[Image.Image], nearest: Sequence[tuple[int, float]]
) -> list[tuple[str, Image.Image, Image.Image]]:
    return [
        (prompt(work, i), image, real(work, near)) for i, image, (near, _) in zip(rows, shown, nearest, strict=True)
    ]


def _spread(first: int, last: int) -> range:
    """Places for the sample sheet, evenly from first to last, so that every style is there."""
    return range(first, last, max(1, -(-(last - first) // SHOWN)))


def _held_styles(work: Prepared) -> set[str]:
    return set(work.recipe["recipe"]["held_styles"])


def chosen_of(rng: Any, rows: Sequence[int], count: int) -> list[int]:  # noqa: ANN401
    """So many of these rows, by chance, in their order."""
    return sorted(int(i) for i in rng.choice(rows, min(count, len(rows)), replace=False))


def prompt(work: Prepared, row: int) -> str:
    """What the model is asked for to draw this drawing's concept in its style."""
    one = work.drawings[row]
    return data.prompt_of(one.label, work.recipe["styles"][one.source])
