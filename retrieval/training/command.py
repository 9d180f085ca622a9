"""`python -m retrieval train`: from packages to a folder that open_clip loads, each step done once and kept."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retrieval.errors import SetupError
from retrieval.training import holdout, judge, model, pixels, sets
from retrieval.training.loop import Data, train

CORE = ("openclipart", "tuxpaint", "openmoji", "noto", "twemoji", "fluent")  # what is judged on

Log = Callable[[str], None]


def run(folder: Path, home: Path, log: Log, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """Make the model in `folder`/model and judge it; the report. `changes` overrule the recipe. Raises SetupError.

    Drawings, checkpoint and model are kept in `folder`: run again, it goes on where it was. Two at once in one folder
    would overwrite each other's checkpoints, so the second is refused.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder / ".training"):
        return _run(folder, home, log, changes)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a file while the work goes on. Raises SetupError when another process holds it."""
    with path.open("w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass  # a system without file locks
        except OSError as error:
            raise SetupError(f"Another training runs in {path.parent}. Wait for it, or give another folder.") from error
        yield


def _run(folder: Path, home: Path, log: Log, changes: dict[str, Any] | None) -> dict[str, Any]:
    whole = sets.table()
    recipe = {**whole["recipe"], **(changes or {})}
    whole = {**whole, "recipe": recipe}
    sentences = home / "models" / "minilm"
    if not (sentences / "model.safetensors").is_file():
        raise SetupError("Training needs the sentence encoder. Run: python -m composer models pull minilm")
    rows, drawings = drawn(whole, folder, home, log)
    parts = holdout.split(drawings, CORE)
    texts = sorted({t for d in drawings for t in (d.label, *d.tags)})
    clip = model.prepare_folder(whole, sentences, texts, folder / "model")
    data = Data(
        pixels=rows,
        drawings=drawings,
        always=[i for i in parts.train if not is_icon(drawings[i], whole)],
        sometimes=[i for i in parts.train if is_icon(drawings[i], whole)],
        texts={t: n for n, t in enumerate(texts)},
        vectors=judge.text_vectors(clip, folder / "model", texts),
    )
    log(
        f"{len(data.always)} drawings in every epoch, {len(data.sometimes)} to choose among; held out: {len(parts.test)}"
    )
    clip = train(clip, data, recipe, folder, log)
    model.save(clip, folder / "model")
    report = judge.judge(clip, data, parts, recipe["px"])
    (folder / "report.json").write_text(json.dumps(report, indent=1))
    return report


def drawn(recipe: dict[str, Any], folder: Path, home: Path, log: Log) -> tuple[Any, Sequence[sets.Drawing]]:
    """Pixels and drawings, fetched and drawn the first time."""
    place = folder / "drawings"
    if not (place / "pixels.u8").is_file():
        log("fetching packages")
        found = sets.all_drawings(recipe, folder / "packages", home / "packs")
        pixels.draw_all(found, recipe["recipe"]["drawn_px"], place, lambda n, of: log(f"drawing {n} of {of}"))
    return pixels.rows_of(place)


def is_icon(drawing: sets.Drawing, recipe: dict[str, Any]) -> bool:
    """Whether a drawing comes from a set of icons."""
    return drawing.source in {one.name for one in sets.icon_sets(recipe) if one.kind == "icon"}
