"""How good the small model is on concepts that nothing was learnt of: choosing, captions, answers; against a blind model,
the image-text model alone, and answers by habit.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.starter import recipe, tasks, texts
from composer.xcomposer2.starter.answer import Asked, Model, caption_chances, chances, cosines, replies, together
from composer.xcomposer2.starter.batch import row_of
from composer.xcomposer2.starter.command import Prepared, prepared
from composer.xcomposer2.starter.language import kept_words
from composer.xcomposer2.starter.tasks import Choice, How, Pool, Sample, choice, question
from retrieval.words import stem, telling

Log = Callable[[str], None]
Encode = Callable[[Sequence[str]], NDArray[np.float32]]
Kind = Literal["content", "colour", "style", "count"]
ASKED = (-1.0, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)  # cosines of a caption and its picture
HABITS = 400  # training questions of a kind, whose most common answer is the habit
QUESTIONS: tuple[Kind, ...] = ("content", "colour", "style", "count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What is judged, on what."""

    work: Prepared
    model: Model
    pool: Pool  # of the part that is judged
    trained: Pool
    counted: Sequence[int]
    encode: Encode  # texts to vectors of the image-text model

    def how(self, *, hard: bool, alike: bool = False) -> How:
        return How(recipe=self.work.recipe, words=recipe.words(), hard=hard, alike=alike)


def report(
    folder: Path, where: Path, home: Path, log: Log, changes: dict[str, Any] | None = None, *, part: str = "test"
) -> dict[str, Any]:
    """All numbers of a model. Raises SetupError where it cannot be loaded."""
    from composer.xcomposer2.engine import load

    work = prepared(where, home, log, changes)
    loaded, processor = load(str(folder))
    encode = texts.encoder_of(recipe.ASSETS / "models" / work.recipe["model"]["tower"])
    model = Model(model=loaded, tokens=processor.tokens, pictures=work.pictures)
    counted = work.pictures.counted.get("train" if part == "train" else "test", ())
    bench = Bench(
        work=work, model=model, pool=work.pool(part), trained=work.pool("train"), counted=counted, encode=encode
    )
    own = work.recipe["judging"]
    made: dict[str, Any] = {"part": part, "threads": torch.get_num_threads()}
    for name, hard in (("choice among unlike", False), ("choice among near", True)):
        made[name] = choosing(bench, own["choices"], hard=hard)
        log(f"{name}: {made[name]}")
    made["caption"] = captions(bench, own["looked"])
    log(f"caption: {made['caption']}")
    for kind in QUESTIONS:
        made[kind] = answers(bench, kind, own["looked"])
        log(f"{kind}: {made[kind]}")
    made["language"] = kept_words(loaded, processor.tokens, own["continuations"])
    made["slot"] = seconds(folder, bench)
    log(f"a slot: {made['slot']}")
    return made


def choosing(bench: Bench, count: int, *, hard: bool) -> dict[str, Any]:
    """Shares of right choices (chance: 0.25): of the model as it chooses, also by letters and by captions alone; of it
    with a mean picture in the place of each; of the image-text model by the line and by the label alone."""
    draws = np.random.default_rng(5)
    how = bench.how(hard=hard)
    some = _spread(bench.pool, count, draws)
    templates = recipe.words()["plain_contexts"]
    made = [choice(bench.pool, row, how, draws, template=templates[n % len(templates)]) for n, row in enumerate(some)]
    samples = [Sample(exchanges=(tasks.asked(one, bench.pool, how.words, draws),)) for one in made]
    right = np.array([one.right for one in made])
    lines, rows = [one.line for one in made], [one.rows for one in made]
    share, weight = bench.model.model.config.letters, bench.model.model.config.likeness
    letters, said = chances(bench.model, samples), caption_chances(bench.model, lines, rows)
    eyeless = replace(bench.model, blind=True)
    blind = together(chances(eyeless, samples), caption_chances(eyeless, lines, rows), share)
    labels = [bench.pool.seen[one.rows[one.right]].label for one in made]
    return {
        "questions": len(made),
        "model": _share(together(letters, said, share, weight * likeness(bench, made, lines)).argmax(1) == right),
        "by letters": _share(letters.argmax(1) == right),
        "by captions": _share(said.argmax(1) == right),
        "blind": _share(blind.argmax(1) == right),
        "clip, line": _share(likeness(bench, made, lines).argmax(1) == right),
        "clip, label": _share(likeness(bench, made, labels).argmax(1) == right),
    }


def likeness(bench: Bench, made: Sequence[Choice], asked: Sequence[str]) -> NDArray[np.float32]:
    """(n, 4): how like what is asked the image-text model finds each picture."""
    vectors = bench.encode(asked)
    joint = bench.model.joint
    pictures = np.stack([bench.work.pictures.features[list(one.rows), 0, :joint] for one in made]).astype(np.float32)
    return cosines(vectors, pictures)


def captions(bench: Bench, count: int) -> dict[str, Any]:
    """How often a caption has a word of the picture's label, and all of them; and the first captions."""
    draws = np.random.default_rng(6)
    rows = _spread(bench.pool, count, draws)
    asks = [question("caption", bench.pool, row, bench.how(hard=False), draws) for row in rows]
    labels = [bench.pool.seen[row].label for row in rows]
    found = replies(bench.model, [Asked(one) for one in asks], most=12)
    blind = replies(replace(bench.model, blind=True), [Asked(one) for one in asks], most=12)
    joint = bench.model.joint
    vectors = np.stack([bench.work.vectors[label] for label in bench.trained.labels])
    best = (bench.work.pictures.features[rows, 0, :joint].astype(np.float32) @ vectors.T).argmax(1)
    nearest = [bench.trained.labels[int(n)] for n in best]
    return {
        "pictures": len(rows),
        "model": recall(found, labels),
        "blind": recall(blind, labels),
        "clip, nearest label that was trained on": recall(nearest, labels),
        "kept": kept(bench, rows, found, labels),
        "examples": [f"{label}: {said}" for label, said in zip(labels[:12], found[:12], strict=True)],
    }


def kept(bench: Bench, rows: Sequence[int], said: Sequence[str], labels: Sequence[str]) -> dict[str, list[float]]:
    """By the cosine of caption and picture in the tower's space that is asked (`engine.SURE`): the share of captions that
    are said at all, and how many of these have a word of the label."""
    vectors = bench.encode([one.rstrip(".") for one in said])  # (n, dim)
    pictures = bench.work.pictures.features[list(rows), 0, : bench.model.joint].astype(np.float32)[:, None]
    alike = np.array([cosines(vectors[n : n + 1], pictures[n : n + 1])[0, 0] for n in range(len(said))])
    right = np.array([recall([one], [label])["a word"] for one, label in zip(said, labels, strict=True)])
    marks = {mark: alike >= mark for mark in ASKED}
    return {
        f"{mark:g}": [round(float(ok.mean()), 4), round(float(right[ok].mean()), 4) if ok.any() else 0.0]
        for mark, ok in marks.items()
    }


def recall(captions: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Shares of captions with one word of the label, and with all."""
    one = every = 0
    for said, label in zip(captions, labels, strict=True):
        own, wanted = {stem(w) for w in telling(said)}, {stem(w) for w in telling(label)}
        one += bool(own & wanted)
        every += bool(wanted) and wanted <= own
    most = max(1, len(labels))
    return {"a word": round(one / most, 4), "all words": round(every / most, 4)}


def answers(
    bench: Bench, kind: Kind, count: int
) -> dict[str, Any]:  # fmt: skip
    """Shares of right answers: of the model, of the blind one, and of the answer that is most common in training."""
    draws = np.random.default_rng(7)
    asks = _asks(bench, bench.pool, bench.counted, kind, count, draws)
    trained = _asks(bench, bench.trained, bench.work.pictures.counted.get("train", ()), kind, HABITS, draws)
    habit = Counter(one.reply for one in trained).most_common(1)[0][0] if trained else ""
    wanted = [one.reply for one in asks]
    found = replies(bench.model, [Asked(one) for one in asks], most=8)
    blind = replies(replace(bench.model, blind=True), [Asked(one) for one in asks], most=8)
    return {
        "questions": len(asks),
        "model": _share(np.array([a == b for a, b in zip(found, wanted, strict=True)])),
        "blind": _share(np.array([a == b for a, b in zip(blind, wanted, strict=True)])),
        "habit": _share(np.array([habit == b for b in wanted])),
    }


def seconds(folder: Path, bench: Bench) -> dict[str, float]:
    """How long one slot takes an engine: four pictures of 256 px and a paragraph read, one chosen, caption and alt."""
    from PIL import Image

    from composer.xcomposer2.starter.engine import StarterEngine

    engine = StarterEngine(str(folder))
    draws = np.random.default_rng(8)
    line = " ".join(["An ordinary paragraph tells what a reader of this article ought to know about its subject."] * 5)
    spent = []
    for _ in range(4):
        shown = [Image.fromarray(draws.integers(0, 255, (256, 256, 3), dtype=np.uint8)) for _ in range(4)]
        begin = time.monotonic()
        best = engine.choose_picture([line], 0, shown, {}, wanted="a lighthouse")
        engine.word_picture(shown[best])
        spent.append(time.monotonic() - begin)
    return {"with loading": round(spent[0], 2), "s": round(float(np.mean(spent[1:])), 2)}


def _asks(
    bench: Bench, pool: Pool, counted: Sequence[int], kind: Kind, count: int, draws: np.random.Generator
) -> list[tasks.Exchange]:
    """Questions of one kind, about pictures that have an answer to it."""
    how = bench.how(hard=False)
    if kind == "colour":
        rows = [row for row in pool.rows if pool.seen[row].colour]
    elif kind == "style":
        rows = [row for row in pool.rows if pool.seen[row].source in bench.work.recipe["styles"]]
    elif kind == "count":  # as many of each number
        share = max(1, len(counted) // 3)
        rows = [*counted, *(int(n) for n in draws.choice(pool.plain or pool.rows, share))]
    else:
        rows = pool.rows
    some = [int(rows[int(n)]) for n in draws.permutation(len(rows))[:count]]
    return [question(kind, pool, row, how, draws) for row in some]


def _spread(pool: Pool, count: int, draws: np.random.Generator) -> list[int]:
    """Pictures of as many labels as there are."""
    labels = [pool.labels[int(n)] for n in draws.permutation(len(pool.labels))]
    turns = [labels[n % len(labels)] for n in range(count)]
    return [int(draws.choice(pool.of_label[label])) for label in turns]


def _share(hits: NDArray[Any]) -> float:
    return round(float(np.mean(hits)), 4) if len(hits) else 0.0


def model_of(loaded: XComposer2ForConditionalGeneration, work: Prepared, tokens: Any) -> Model:  # noqa: ANN401
    """A loaded model with the pictures that it is asked about."""
    return Model(model=loaded, tokens=tokens, pictures=work.pictures)


def known_vectors(vectors: Mapping[str, NDArray[np.float32]], asked: Sequence[str]) -> NDArray[np.float32]:
    """Vectors of texts that are known by themselves; of others nothing, so that nothing is likelier."""
    nothing = np.zeros_like(next(iter(vectors.values())))
    return np.stack([vectors.get(text, nothing) for text in asked])


def hits(model: Model, samples: Sequence[Sample], right: Sequence[int]) -> float:
    """The share of right choices."""
    return _share(chances(model, samples).argmax(1) == np.asarray(right))


def lengths(samples: Sequence[Sample], model: Model) -> Mapping[str, float]:
    """Tokens of the samples, for planning."""
    rows = [row_of(sample, model.tokens, model.per_image) for sample in samples]
    return {"all": float(np.mean([len(r.ids) for r in rows])), "prefix": float(np.mean([r.prefix for r in rows]))}
