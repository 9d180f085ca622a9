"""From packages to a folder that diffusers loads: each step done once and kept, so that a killed run goes on.

Knows the order of the work and its files; the work itself is its neighbours'.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from composer.errors import SetupError
from composer.starter_diffusion import autoencoder, data, loop, model, tail
from composer.starter_diffusion.card import TRAINING
from retrieval.training import command, sets
from retrieval.training.keeping import whole
from retrieval.training.sets import Drawing

Log = Callable[[str], None]
What = Literal["all", "tail", "save"]
START = "start"  # the model that a training goes on from
SIDE = 512  # px of what the shipped model draws


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What all steps share."""

    recipe: dict[str, Any]
    drawings: Sequence[Drawing]
    pixels: data.Pixels
    parts: data.Split


def run(
    folder: Path,
    home: Path,
    log: Log,
    changes: Mapping[str, Any] | None = None,
    *,
    what: What = "all",
    start: Path | None = None,
) -> Path:
    """Make the model in `folder`/model; its folder. `changes` overrule the recipe's training. Raises SetupError.

    "all" goes on to the recipe's end. "tail" trains the decoder's last layers alone, "save" nothing: both save the model
    of the last checkpoint, also beside a training that goes on. Two at once in one folder would overwrite each other's
    checkpoints, so the second is refused. `start` is a model's folder whose weights a new training goes on from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if what != "all" and not (folder / "unet.pt").is_file():
        raise SetupError(f"{folder} has no checkpoint yet. Train for a while first.")
    with command.alone(folder / (".training" if what == "all" else ".saving")):
        if start is not None and not (start / "unet").is_dir():
            raise SetupError(f"{start} is no model to go on from: it has no unet/ folder.")
        if start is not None and not (folder / "unet.pt").is_file():
            shutil.copytree(start, folder / START, dirs_exist_ok=True)
        return _run(folder, home, log, changes or {}, what)


def prepared(folder: Path, home: Path, log: Log) -> Prepared:
    """Drawings, fetched and drawn the first time, and how they are split."""
    recipe = data.table()
    whole = sets.table()
    wanted = [one for one in whole["sets"] if one["name"] in recipe["styles"]]
    packs = [name for name in whole["packs"]["names"] if name in recipe["styles"]]
    chosen = {**whole, "sets": wanted, "packs": {"names": packs}, "recipe": recipe["recipe"]}
    pixels, drawings = command.drawn(chosen, folder, home, log)
    parts = data.split(drawings, recipe["recipe"], recipe["styles"])
    return Prepared(recipe=recipe, drawings=drawings, pixels=pixels, parts=parts)


def _run(folder: Path, home: Path, log: Log, changes: Mapping[str, Any], what: What) -> Path:
    sentences = home / "models" / "minilm"
    if not (sentences / "model.safetensors").is_file():
        raise SetupError("Training needs the sentence encoder. Run: python -m composer models pull minilm")
    work = prepared(folder, home, log)
    recipe = work.recipe
    log(f"{len(work.parts.train)} drawings to train on, {len(work.parts.held)} held-out pairs")
    begun = model.load(folder / START) if (folder / START).is_dir() else None
    if begun is None:
        small, latents = _autoencoder(work, folder, log)
        scale = 1 / float(latents.std())
    else:
        latents, scale = _latents_by(begun.vae, work, folder, log), float(begun.vae.config.scaling_factor)
    tokenizer, encoder = model.text_parts(sentences, _texts(work), recipe["recipe"], folder / "text")
    unet = model.unet(recipe["unet"], recipe["recipe"], recipe["autoencoder"]["latents"], recipe["recipe"]["seed"])
    if begun is not None:
        unet.load_state_dict(begun.unet.state_dict())
    if what == "all":
        settings = {**recipe["training"], "seed": recipe["recipe"]["seed"], **changes}
        loop.train(unet, _latents(work, tokenizer, encoder, latents * scale, folder), settings, folder, log)
    steps, seen = loop.mean_of(folder, unet)
    log(f"the mean of the weights after {steps} steps")
    large = _tail(work, small, scale, folder, log if what != "save" else None) if begun is None else begun.vae
    parts = {"text_encoder": encoder, "tokenizer": tokenizer, "unet": unet, "vae": large}
    model.save(parts, folder / "model")
    labels = {work.drawings[i].label for i in work.parts.train}
    before = json.loads((folder / START / TRAINING).read_text(encoding="utf-8")) if begun is not None else {}
    done = {"steps": steps + before.get("steps", 0), "pictures": seen + before.get("pictures", 0)}
    facts = {"drawings": len(work.parts.train), "concepts": len(labels), "held": len(work.parts.held)}
    (folder / "model" / TRAINING).write_text(json.dumps(done | facts) + "\n", encoding="utf-8")
    return folder / "model"


def _texts(work: Prepared) -> list[str]:
    """All labels and tags of the styles' sets: what the smaller vocabulary must say."""
    return sorted({t for d in work.drawings if d.source in work.recipe["styles"] for t in (d.label, *d.tags)})


def _latents(work: Prepared, tokenizer: Any, encoder: Any, latents: NDArray[Any], folder: Path) -> loop.Latents:  # noqa: ANN401
    """What the UNet learns from; prompts are embedded once."""
    path = folder / "prompts.npz"
    if not path.is_file():
        both = [data.prompts_of(work.drawings[i], work.recipe["styles"]) for i in work.parts.train]
        plain, tagged = (model.embedded(tokenizer, encoder, [pair[n] for pair in both]) for n in (0, 1))
        nothing = model.embedded(tokenizer, encoder, [""])[0]
        with whole(path) as part, part.open("wb") as file:
            np.savez(file, plain=plain, tagged=tagged, nothing=nothing)
    held = np.load(path)
    return loop.Latents(
        latents=latents.astype(np.float16), plain=held["plain"], tagged=held["tagged"], nothing=held["nothing"]
    )


def _autoencoder(work: Prepared, folder: Path, log: Log) -> tuple[Any, NDArray[np.float32]]:
    """The trained small autoencoder and the training pictures' latents, made once."""
    settings = work.recipe["autoencoder"]

    def made() -> NDArray[np.float32]:
        pictures = _pictures(work)
        return autoencoder.latents_of(autoencoder.train(pictures, settings, folder, log), pictures)

    latents = _kept(folder, made)
    return autoencoder.trained(settings, folder), latents


def _latents_by(large: Any, work: Prepared, folder: Path, log: Log) -> NDArray[np.float32]:  # noqa: ANN401
    """The training pictures' latents by a whole model's autoencoder, which sees each px as a square of 8: the same as
    the small one's, whose layers it has behind exact halvings."""
    side = SIDE // work.recipe["recipe"]["px"]

    def made() -> NDArray[np.float32]:
        pictures, found = _pictures(work), []
        for begin in range(0, len(pictures), 8):
            if begin % 800 == 0:
                log(f"latents of {begin} of {len(pictures)} pictures")
            squares = pictures[begin : begin + 8].repeat(side, axis=2).repeat(side, axis=3)
            found.append(autoencoder.latents_of(large, squares))
        return np.concatenate(found)

    return _kept(folder, made)


def _pictures(work: Prepared) -> NDArray[np.float32]:
    return data.pictures(work.pixels, work.parts.train, work.recipe["recipe"])


def _kept(folder: Path, made: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
    """The training pictures' latents, made the first time."""
    path = folder / "latents.npy"
    if not path.is_file():
        latents = made()
        with whole(path) as part, part.open("wb") as file:
            np.save(file, latents)
    return np.asarray(np.load(path), np.float32)


def _tail(work: Prepared, small: Any, scale: float, folder: Path, log: Log | None) -> Any:  # noqa: ANN401
    """The autoencoder of 512 px, trained once; without a log it is not trained now, and doubles smoothly."""
    import torch

    settings, path = work.recipe["tail"], folder / "tail.pt"
    large = tail.taller(small, work.recipe["autoencoder"], settings["doublings"], scale)
    if path.is_file():
        large.load_state_dict(torch.load(path, weights_only=True))
        return large.eval()
    if log is None:
        return large
    found = _found(work, folder)
    log(f"drawing {len(found)} pictures of {SIDE} px")
    pictures = tail.drawn(found, SIDE, work.recipe["recipe"]["margin"] * 2 ** settings["doublings"])
    large = tail.train(large, pictures, settings, settings["doublings"], log)
    torch.save(large.state_dict(), path)
    return large


def _found(work: Prepared, folder: Path) -> list[Drawing]:
    """Some of the training drawings with their SVG, which the file of pixels does not keep."""
    whole, styles = sets.table(), work.recipe["styles"]
    base = whole["emojibase"]
    packages = folder / "packages"
    names = sets.emoji_names(sets.member(sets.archive(base["package"], base["version"], packages), "en/data.json"))
    known = {(work.drawings[i].source, work.drawings[i].label) for i in work.parts.train}
    found = [
        drawing
        for one in sets.icon_sets(whole)
        if one.name in styles
        for drawing in sets.drawings_of(
            one, sets.member(sets.archive(one.package, one.version, packages), "icons.json"), names
        )
        if (drawing.source, drawing.label) in known
    ]
    step = max(1, len(found) // work.recipe["tail"]["drawings"])
    return found[::step]
