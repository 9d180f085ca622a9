"""The illustrated text and its files: the text as it was given, with figures between its blocks.

Knows how a figure is written in Markdown and in HTML; takes names, bytes and credits from the exporter.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from composer.article import Article
from composer.errors import UsageError
from composer.export.bundle import ExportOptions
from composer.export.credits import credit_entry, credit_parts
from composer.export.figures import Figure, Read, figures
from composer.export.markdown import escape_markdown
from composer.placement.document import Document, encode, keeps_structure
from composer.store import explained

IN_ADDRESS = str.maketrans({"<": "%3C", ">": "%3E", " ": "%20", "\\": "%5C", "&": "&amp;", "\n": "", "\r": ""})
NO_ALT = re.compile(r"!\[\s*\]\((?P<address><[^>]*>|[^)\s]*)")
NO_ALT_TAG = re.compile(r"<img\b(?![^>]*\balt\b)[^>]*?\bsrc\s*=\s*[\"']?(?P<address>[^\"'\s>]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Illustrated:
    """A text with its pictures, ready to be written."""

    text: str
    figures: Mapping[int, Figure]  # by gap
    credits: tuple[dict[str, object], ...]
    warnings: tuple[str, ...] = ()


def illustrated(
    document: Document,
    article: Article,
    gaps: Mapping[str, int],
    read: Read,
    alts: Mapping[int, str] | None = None,
    options: ExportOptions | None = None,
) -> Illustrated:
    """The text with every filled slot's figure; `gaps` says where the slots stand, `alts` where an alt text is missing
    and which. A figure that would change what the text around it means is left out, with a warning."""
    options = options or ExportOptions()
    shown, warnings = figures(article, read, camera_data=options.camera_data, ai_credit=options.ai_credit)
    language = article.brief.language
    write = markdown_figure if document.form == "markdown" else html_figure
    placed = {gaps[slot]: figure for slot, figure in shown.items() if slot in gaps}
    pieces = {gap: write(figure, language) for gap, figure in placed.items()}
    for gap in list(pieces):
        if document.form == "markdown" and not _holds(document, {gap: pieces[gap]}):
            warnings.append(f"No picture goes behind block {gap}: it would change how the text around it reads.")
            del pieces[gap], placed[gap]
    return Illustrated(
        text=document.with_pieces(pieces, alt_pieces(document, alts or {})),
        figures=placed,
        credits=tuple(credit_entry(f.slot, f.picture, f.file) for _, f in sorted(placed.items())),
        warnings=tuple(warnings),
    )


def markdown_figure(figure: Figure, language: str) -> str:
    """A picture with caption and credit under it."""
    parts = []
    for part in credit_parts(figure.picture.attribution, language, marked=figure.marked):
        text = escape_markdown(part.text)
        parts.append(part.joint + (f"[{text}](<{part.url.translate(IN_ADDRESS)}>)" if part.url else text))
    caption = escape_markdown(figure.slot.caption)
    below = f"*{caption}* {''.join(parts)}" if caption else "".join(parts)
    return f"![{escape_markdown(figure.slot.alt)}]({figure.file})\n\n{below}"


def html_figure(figure: Figure, language: str) -> str:
    """The same as an element."""
    credit = "".join(
        escape(p.joint) + (f'<a href="{escape(p.url)}">{escape(p.text)}</a>' if p.url else escape(p.text))
        for p in credit_parts(figure.picture.attribution, language, marked=figure.marked)
    )
    size = f' width="{figure.picture.width}" height="{figure.picture.height}"' if figure.picture.width else ""
    caption = f"{escape(figure.slot.caption)} " if figure.slot.caption else ""
    alt = escape(figure.slot.alt)
    image = f'<img src="{escape(figure.file)}" alt="{alt}"{size} loading="lazy">'
    return f"<figure>{image}<figcaption>{caption}<small>{credit}</small></figcaption></figure>"


def alts_missing(document: Document) -> dict[int, str]:
    """The pictures that stand in the text without an alt text: where one would go in, and the picture's address."""
    pattern = NO_ALT if document.form == "markdown" else NO_ALT_TAG
    found = {}
    for begin, end in (document.spans[i] for i in sorted(document.pictured)):
        for match in pattern.finditer(document.text, begin, end):
            at = match.start() + (len("![") if document.form == "markdown" else len("<img"))
            found[at] = match["address"].strip("<>")
    return found


def alt_pieces(document: Document, alts: Mapping[int, str]) -> dict[int, str]:
    """The characters that go in for these alt texts, by where."""
    if document.form == "markdown":
        return {at: escape_markdown(alt) for at, alt in alts.items() if alt}
    return {at: f' alt="{escape(alt)}"' for at, alt in alts.items() if alt}


def write_files(made: Illustrated, folder: Path, name: str, decisions: Sequence[Mapping[str, object]]) -> None:
    """The text under its name, the pictures, credits.json and decisions.json. Raises SetupError, UsageError."""
    if Path(name).name in ("credits.json", "decisions.json", "events.jsonl", "article.json"):
        raise UsageError(f"The article may not be called {name}: the results have a file of that name. Rename it.")
    with explained(folder):
        (folder / "images").mkdir(parents=True, exist_ok=True)
        for figure in made.figures.values():
            _replace(folder / figure.file, figure.data)
        _replace(folder / "credits.json", json.dumps(made.credits, ensure_ascii=False, indent=2).encode())
        _replace(folder / "decisions.json", json.dumps(decisions, ensure_ascii=False, indent=2).encode())
        _replace(folder / Path(name).name, encode(made.text))


def _holds(document: Document, pieces: Mapping[int, str]) -> bool:
    return keeps_structure(document.text, document.with_pieces(pieces), list(pieces.values()))


def _replace(path: Path, data: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    os.replace(part, path)
