"""Everything an article is exported as, made once, then written to a folder or a zip."""

import io
import json
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from composer.article import Article
from composer.export.credits import credit_entry
from composer.export.figures import Read, figures
from composer.export.html import to_html
from composer.export.markdown import to_markdown
from composer.store import explained


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    self_contained: bool = False  # article.html carries its pictures inside
    front_matter: bool = False  # article.md begins with title, description and language


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """An exported article. `files` are the pictures by their path, such as "images/fox-1a2b3c4d.png"."""

    markdown: str
    html: str
    credits: tuple[dict[str, object], ...]
    files: dict[str, bytes] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def bundle(article: Article, read: Read, *, options: ExportOptions | None = None) -> Bundle:
    """The article in every form; open slots are left out, pictures whose file is gone too, with a warning."""
    options = options or ExportOptions()
    shown, warnings = figures(article, read)
    return Bundle(
        markdown=to_markdown(article, shown, front_matter=options.front_matter),
        html=to_html(article, shown, self_contained=options.self_contained),
        credits=tuple(credit_entry(f.slot, f.picture, f.file) for f in shown.values()),
        files={f.file: f.data for f in shown.values()},
        warnings=tuple(warnings),
    )


def contents(made: Bundle) -> dict[str, bytes]:
    """Every file of a bundle by its path."""
    listed = json.dumps(made.credits, ensure_ascii=False, indent=2).encode()
    return {
        "article.md": made.markdown.encode(),
        "article.html": made.html.encode(),
        "credits.json": listed,
        **made.files,
    }


def write_bundle(made: Bundle, folder: Path) -> None:
    """Write it into a folder, each file whole or not at all; pictures of an earlier export that are not shown any more
    are removed. Raises SetupError."""
    with explained(folder):
        (folder / "images").mkdir(parents=True, exist_ok=True)
        for name, data in contents(made).items():
            part = folder / f"{name}.part"
            part.write_bytes(data)
            os.replace(part, folder / name)
        for old in (folder / "images").iterdir():
            if f"images/{old.name}" not in made.files:
                old.unlink()


def zip_bundle(made: Bundle) -> bytes:
    """The bundle as a zip file; the same bundle gives the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents(made).items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
