"""Everything an article is exported as, made once, then written to a folder or a zip."""

import io
import json
import os
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from pydantic_core import to_json

from composer.article import Article
from composer.export.credits import credit_entry
from composer.export.figures import Read, figures
from composer.export.html import to_html
from composer.export.markdown import to_markdown
from composer.export.text import stray_pictures
from composer.settings import Settings
from composer.store import explained

OWN_FILE = re.compile(r"images/[a-z0-9-]+\.[a-z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    self_contained: bool = False  # article.html carries its pictures inside
    front_matter: bool = False  # article.md begins with title, description and language
    camera_data: bool = False  # what a camera wrote into the pictures, the place among it, goes along
    ai_credit: bool = True  # credit lines say where a model made the picture

    @classmethod
    def of(cls, settings: Settings, *, self_contained: bool = False, front_matter: bool = False) -> "ExportOptions":
        """As the settings want pictures to leave."""
        return cls(
            self_contained=self_contained,
            front_matter=front_matter,
            camera_data=settings.camera_data,
            ai_credit=settings.ai_credit,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """An exported article. `files` are the pictures by their path, such as "images/fox-1a2b3c4d.png"; `record` is what
    a program reads, not a reader: the article's values and, where it was given, its log."""

    markdown: str
    html: str
    credits: tuple[dict[str, object], ...]
    files: dict[str, bytes] = field(default_factory=dict)
    record: dict[str, bytes] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def bundle(article: Article, read: Read, *, options: ExportOptions | None = None, log: bytes | None = None) -> Bundle:
    """The article in every form; open slots are left out, pictures whose file is gone too, with a warning.

    `log` is the content of events.jsonl, for a zip that carries how the article came to be.
    """
    options = options or ExportOptions()
    shown, warnings = figures(article, read, camera_data=options.camera_data, ai_credit=options.ai_credit)
    record = {"article.json": to_json(article, indent=2, inf_nan_mode="strings")}
    return Bundle(
        markdown=to_markdown(article, shown, front_matter=options.front_matter),
        html=to_html(article, shown, self_contained=options.self_contained),
        credits=tuple(credit_entry(f.slot, f.picture, f.file) for f in shown.values()),
        files={f.file: f.data for f in shown.values()},
        record=record if log is None else {**record, "events.jsonl": log},
        warnings=(*warnings, *stray_pictures(article)),
    )


def contents(made: Bundle) -> dict[str, bytes]:
    """Every file of a bundle that readers want, by its path; pictures first, the list of them last."""
    listed = json.dumps(made.credits, ensure_ascii=False, indent=2).encode()
    return {
        **made.files,
        "article.md": made.markdown.encode(),
        "article.html": made.html.encode(),
        "credits.json": listed,
    }


def write_bundle(made: Bundle, folder: Path) -> None:
    """Write it into a folder, each file whole or not at all. Pictures that an earlier export put there and that are
    not shown any more are removed; files of anybody else are not. Raises SetupError."""
    earlier = _listed(folder)
    with explained(folder):
        (folder / "images").mkdir(parents=True, exist_ok=True)
        for name, data in contents(made).items():
            _replace(folder / name, data)
        for name in earlier - set(made.files):
            (folder / name).unlink(missing_ok=True)


def zip_bundle(made: Bundle) -> bytes:
    """The bundle with its record as a zip file; the same bundle gives the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**contents(made), **made.record}.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _replace(target: Path, data: bytes) -> None:
    part = target.with_name(f"{target.name}.part")
    try:
        part.write_bytes(data)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _listed(folder: Path) -> set[str]:
    """The pictures that the folder's credits.json lists, as an export names them."""
    try:
        entries = json.loads((folder / "credits.json").read_bytes())
        names = {str(entry["file"]) for entry in entries}
    except (OSError, ValueError, TypeError, KeyError):
        return set()
    return {name for name in names if OWN_FILE.fullmatch(name)}
