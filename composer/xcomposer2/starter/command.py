"""From packages to a folder that the engine loads: each step done once and kept, so that a killed run goes on.

Knows the order of the work and its files; the work itself is its neighbours'.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from composer.errors import SetupError
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.starter import align, folder, loop, pictures, recipe, texts
from composer.xcomposer2.starter.loop import Course
from composer.xcomposer2.starter.pictures import Pictures
from composer.xcomposer2.starter.tasks import Floats, Pool
from composer.xcomposer2.tokens import FastTokens
from composer.xcomposer2.tower import tower_of
from retrieval.training import command, sets
from retrieval.training.holdout import Words

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What training and judging share."""

    recipe: dict[str, Any]
    pictures: Pictures
    held: frozenset[Words]  # words of labels that nothing may be learnt from
    vectors: Mapping[str, Floats]  # of texts, in the space of pictures and texts
    tokens: FastTokens
    words: list[str]  # that the projector learns besides labels and tags

    def pool(self, part: str) -> Pool:
        """The pictures of "train", "dev", "test" or "style"."""
        return Pool(self.pictures, getattr(self.pictures, part), self.vectors)


def prepared(where: Path, home: Path, log: Log, changes: dict[str, Any] | None = None) -> Prepared:
    """Drawings, features, vectors and tokenizer, made in `where` the first time. Raises SetupError."""
    own = recipe.changed(recipe.table(), changes or {})
    where.mkdir(parents=True, exist_ok=True)
    clip = recipe.ASSETS / "models" / own["model"]["tower"]
    rows, drawings = command.drawn(sets.table(), where, home, log)
    tower = tower_of(clip, cells=own["model"]["cells"])
    seen = pictures.prepared(rows, drawings, tower, own, where, log)
    held = pictures.split(drawings, own["pictures"]["core"])[1]
    tokens = _tokens(own["model"]["language"], where)
    words = texts.common_words(tokens, held)
    every = {t for one in seen.seen for t in (one.label, *one.tags)} | set(words)
    log(f"{len(seen.train)} pictures to train on, {len(seen.test)} held out, {len(every)} texts")
    vectors = texts.vectors_of(every, texts.encoder_of(clip), where)
    return Prepared(recipe=own, pictures=seen, held=held, vectors=vectors, tokens=tokens, words=words)


def run(where: Path, home: Path, log: Log, changes: dict[str, Any] | None = None) -> Path:
    """Trains the model in `where`, or goes on, and writes it to `where`/model; the folder. Raises SetupError.

    Two at once in one folder would overwrite each other's checkpoints, so the second is refused.
    """
    where.mkdir(parents=True, exist_ok=True)
    with command.alone(where / ".training"):
        work = prepared(where, home, log, changes)
        model = folder.fresh(work.recipe, recipe.ASSETS)
        pool = work.pool("train")
        align.align(model.model.projector, known(work, model, pool), work.recipe, where, log)
        course = Course(pictures=work.pictures, pool=pool, tokens=work.tokens, recipe=work.recipe)
        loop.train(model, course, where, log)
        folder.save(model.float(), where / "model")
    return where / "model"


def saved(where: Path, home: Path, log: Log, changes: dict[str, Any] | None = None) -> Path:
    """The model of the last checkpoint, written to `where`/model; also beside a training that goes on. Raises SetupError
    where there is none."""
    if not (where / "checkpoint.pt").is_file():
        raise SetupError(f"{where} has no checkpoint yet. Train for a while first.")
    model = folder.fresh(recipe.changed(recipe.table(), changes or {}), recipe.ASSETS)
    state = torch.load(where / "checkpoint.pt", weights_only=True)
    loop.restore(model, state["learnt"])
    folder.save(model, where / "model")
    log(f"the model after {state['step']} steps")
    return where / "model"


def known(work: Prepared, model: XComposer2ForConditionalGeneration, pool: Pool) -> align.Known:
    """What the projector's first stage needs."""
    vision = model.config.vision_config
    return align.Known(
        pictures=work.pictures,
        pool=pool,
        texts=[*texts.trained_texts(work.pictures, work.held), *work.words],
        vectors=work.vectors,
        tokens=work.tokens,
        embeddings=model.get_input_embeddings().weight.detach().float(),
        shape=(vision.joint, vision.cells),
    )


def _tokens(language: str, where: Path) -> FastTokens:
    """The language model's tokenizer, taken out of its file once."""
    place = where / "tokenizer"
    if not (place / "tokenizer.json").is_file():
        folder.save_tokenizer(language, place)
    return FastTokens(place)
