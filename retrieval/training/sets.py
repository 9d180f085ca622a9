"""The labelled drawings that a model is trained on: icon and emoji packages by their names, picture packs by captions.

Knows packages and labels; draws nothing. What illustrates nothing (flags, skin tones, keys) is left out.
"""

import json
import re
import tarfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from retrieval import download, packs
from retrieval.packs_read import SKIPPED_EMOJI

RECIPE = Path(__file__).resolve().parents[2] / "assets" / "training.toml"
PLAIN = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One labelled picture: SVG text or a file, and what it is called."""

    source: str  # the set's name
    label: str
    tags: tuple[str, ...] = ()
    svg: str = ""
    path: str = ""
    role: Literal["train", "style"] = "train"
    tinted: bool = False  # of one colour, so that any colour will do


@dataclass(frozen=True, slots=True, kw_only=True)
class IconSet:
    """An entry of assets/training.toml's sets."""

    name: str
    package: str
    version: str
    kind: Literal["emoji", "icon"]
    licence: str
    author: str
    role: Literal["train", "style"] = "train"
    keep: str = ""
    drop: str = ""
    strip: str = ""


def table(path: Path = RECIPE) -> dict[str, Any]:
    """The whole recipe file."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def icon_sets(recipe: Mapping[str, Any]) -> list[IconSet]:
    """The icon and emoji packages of a recipe."""
    return [IconSet(**entry) for entry in recipe["sets"]]


def archive(package: str, version: str, folder: Path) -> Path:
    """An npm package's archive in `folder`, fetched once. Raises SetupError."""
    target = folder / f"{PLAIN.sub('-', package).strip('-')}-{version}.tgz"
    if not target.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        download.npm(package, version, folder).replace(target)
    return target


def member(path: Path, name: str) -> Any:  # noqa: ANN401 - JSON of an unknown form
    """A JSON file inside an npm archive."""
    with tarfile.open(path) as tar:
        held = tar.extractfile(f"package/{name}")
        return json.loads(held.read()) if held else {}


def emoji_names(data: list[dict[str, Any]]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Label and tags of each emoji by its name's slug."""
    return {slug(e["label"]): (str(e["label"]).lower(), tuple(e.get("tags") or ())) for e in data}


def slug(text: str) -> str:
    """A label as icon packages write it: lower case, hyphens."""
    return PLAIN.sub("-", text.lower().replace("’", "").replace("'", "")).strip("-")


def drawings_of(
    one: IconSet, icons: Mapping[str, Any], names: Mapping[str, tuple[str, tuple[str, ...]]]
) -> Iterator[Drawing]:
    """The useful drawings of a package, one of each label."""
    size = {"width": icons.get("width") or 16, "height": icons.get("height") or 16}
    aliases: dict[str, list[str]] = {}
    for alias, entry in icons.get("aliases", {}).items():
        aliases.setdefault(entry["parent"], []).append(alias)
    seen: set[str] = set()
    for name, icon in icons["icons"].items():
        if (one.keep and not re.search(one.keep, name)) or (one.drop and re.search(one.drop, name)):
            continue
        base = re.sub(one.strip, "", name) if one.strip else name
        label, tags = names.get(base, (words_of(base), ())) if one.kind == "emoji" else (words_of(base), ())
        if len(label) < 3 or label in seen or SKIPPED_EMOJI.search(label) or "skin" in label:
            continue
        seen.add(label)
        also = tuple(words_of(a) for a in aliases.get(name, ())) if one.kind == "icon" else ()
        body = str(icon["body"])
        box = {"left": 0, "top": 0, **size, **{k: v for k, v in icon.items() if k != "body"}}
        yield Drawing(
            source=one.name,
            label=label,
            tags=tuple(t for t in dict.fromkeys((*tags, *also)) if t != label)[:16],
            svg=wrapped(body, box),
            role=one.role,
            tinted="currentColor" in body and not re.search(r"(fill|stroke)=\"#", body),
        )


def words_of(name: str) -> str:
    """A name's words, without the number of a variant at its end."""
    return re.sub(r"(\s+\d+)+$", "", PLAIN.sub(" ", name.lower()).strip())


def wrapped(body: str, box: Mapping[str, Any]) -> str:
    """A whole SVG file from what an icon package holds of it."""
    view = f"{box['left']} {box['top']} {box['width']} {box['height']}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{view}">{body}</svg>'


def all_drawings(recipe: Mapping[str, Any], cache: Path, pack_folder: Path) -> list[Drawing]:
    """Every drawing of a recipe; packages are fetched into `cache`, packs must be installed. Raises SetupError."""
    base = recipe["emojibase"]
    names = emoji_names(member(archive(base["package"], base["version"], cache), "en/data.json"))
    found = [
        drawing
        for one in icon_sets(recipe)
        for drawing in drawings_of(one, member(archive(one.package, one.version, cache), "icons.json"), names)
    ]
    for name in recipe["packs"]["names"]:
        packs.install(name, pack_folder)
        for picture, path in packs.pictures_of(name, pack_folder):
            label = re.sub(r"^(an?|the|some) ", "", picture.caption.lower().strip().rstrip("."))
            if len(label) > 2:
                found.append(Drawing(source=name, label=label, tags=picture.keywords[:8], path=str(path)))
    return found
