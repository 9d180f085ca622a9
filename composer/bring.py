"""Markdown, HTML or a zip of either with pictures, as the blocks and pictures of an article.

A picture that the text names and the zip holds becomes a filled slot with its alt text; credits.json beside it, as this
program exports it, gives its maker and licence, else both are unknown. A picture that is only named by address stays a
link: nothing is fetched. Knows files and blocks; does not know workspaces.
"""

import base64
import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from urllib.parse import unquote

from composer.article import Block, ImageSlot, TextBlock
from composer.errors import UsageError
from composer.html_text import html_to_markdown
from composer.markdown import plain_text, split_blocks
from retrieval.images import MAX_BYTES
from retrieval.picture import Attribution, Candidate, Picture
from retrieval.source import described_upload

MOST_FILES, MOST_BYTES, LONGEST = 500, 300_000_000, 2_000_000  # files and bytes of a zip; characters of a text
ENDINGS = {".md": "markdown", ".markdown": "markdown", ".txt": "markdown", ".html": "html", ".htm": "html"}
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
PICTURE = re.compile(r'\A!\[((?:[^\]\\]|\\.)*)\]\(<?([^)>\s]+)>?(?:\s+"([^"]*)")?\)\Z', re.DOTALL)
DATA_URI = re.compile(r"data:image/(png|jpeg|webp|gif|svg\+xml);base64,([A-Za-z0-9+/=\s]+)")
CREDIT_BELOW = re.compile(r"\A\*((?:[^*\\]|\\.)+)\* ?(.*)\Z", re.DOTALL)


@dataclass(slots=True)
class Brought:
    """What a file holds: an article's parts, and the bytes of its pictures."""

    title: str = ""
    summary: str = ""
    blocks: list[Block] = field(default_factory=list)
    files: dict[str, tuple[Picture, bytes]] = field(default_factory=dict)  # by digest
    warnings: list[str] = field(default_factory=list)


def bring(name: str, data: bytes) -> Brought:
    """The article in a file. Raises UsageError for what is none."""
    ending = PurePosixPath(name.lower()).suffix
    if ending == ".zip":
        text, form, others = _unzip(data)
    elif ending in ENDINGS:
        text, form, others = _decoded(data, name), ENDINGS[ending], {}
    else:
        raise UsageError(f"{name} is neither Markdown (.md, .txt) nor HTML (.html) nor a .zip of them.")
    if form == "html":
        text, inside = _unpacked(text)
        others = {**others, **inside}
    if len(text) > LONGEST:
        raise UsageError(f"The text has {len(text):,} characters; at most {LONGEST:,} can be taken. Split it.")
    markdown = html_to_markdown(text) if form == "html" else FRONT_MATTER.sub("", text.replace("\r\n", "\n"))
    return _laid_out(markdown, others)


def _unpacked(html: str) -> tuple[str, dict[str, bytes]]:
    """A page with names in place of the pictures it carries as data URIs, and those pictures."""
    found: dict[str, bytes] = {}

    def named(match: re.Match[str]) -> str:
        name = f"picture-{len(found) + 1}.{match[1]}"
        try:
            found[name] = base64.b64decode(match[2])
        except ValueError:
            return ""
        return name

    return DATA_URI.sub(named, html), found


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 text. Save it as UTF-8 and bring it again.") from error


def _unzip(data: bytes) -> tuple[str, str, dict[str, bytes]]:
    """The first Markdown, else HTML file of a zip, its form, and all other files by name."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = [i for i in archive.infolist() if not i.is_dir()]
            if len(infos) > MOST_FILES or sum(i.file_size for i in infos) > MOST_BYTES:
                raise UsageError(
                    f"The zip holds too much: at most {MOST_FILES} files of {MOST_BYTES // 10**6} MB together."
                )
            files = {i.filename: archive.read(i) for i in infos if i.file_size <= MAX_BYTES}
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise UsageError("The zip is damaged or locked with a password.") from error
    for form in ("markdown", "html"):
        for name in sorted(files, key=lambda n: (n.count("/"), n)):
            if ENDINGS.get(PurePosixPath(name.lower()).suffix) == form:
                return _decoded(files[name], name), form, files
    raise UsageError("The zip holds no .md and no .html file.")


def _laid_out(markdown: str, files: Mapping[str, bytes]) -> Brought:
    made = Brought()
    credits = _credits(files)
    pieces = split_blocks(markdown)
    if pieces and pieces[0].startswith("# "):
        made.title = plain_text(pieces.pop(0))
        if pieces and re.fullmatch(r"\*[^*\n]+\*", pieces[0]):
            made.summary = plain_text(pieces.pop(0))
    skip = False
    for number, piece in enumerate(pieces):
        if skip:
            skip = False
            continue
        slot = _slot(piece, pieces[number + 1] if number + 1 < len(pieces) else "", files, credits, made)
        if slot:
            skip = slot.caption != "" or _is_credit(pieces[number + 1] if number + 1 < len(pieces) else "")
            made.blocks.append(slot)
        else:
            made.blocks.append(TextBlock(id="", markdown=_levels(piece), author="person"))
    made.blocks = [replace(block, id=f"b{n}") for n, block in enumerate(made.blocks, start=1)]
    return made


def _levels(piece: str) -> str:
    """A heading of the first level becomes one of the second: the title is the article's only one."""
    return f"#{piece}" if piece.startswith("# ") else piece


def _slot(
    piece: str, below: str, files: Mapping[str, bytes], credits: Mapping[str, Attribution], made: Brought
) -> ImageSlot | None:
    """The slot of a paragraph that is one picture of the zip's."""
    found = PICTURE.match(piece.strip())
    if not found:
        return None
    alt, address, title = _unescaped(found[1]), unquote(found[2]), found[3] or ""
    path = next((name for name in files if name == address or name.endswith("/" + address.removeprefix("./"))), None)
    if path is None:
        return None
    try:
        credit = credits.get(PurePosixPath(path).name) or Attribution(source="Imported", licence="unknown")
        picture, data = described_upload(files[path], name=PurePosixPath(path).name, attribution=credit)
    except UsageError as error:
        made.warnings.append(f"{path} could not be taken: {error}")
        return None
    made.files[picture.digest] = (picture, data)
    candidate = Candidate(picture=picture, source="uploads", score=1.0, relevance=1.0)
    caption = title or (_unescaped(c[1]) if (c := CREDIT_BELOW.match(below)) else "")
    return ImageSlot(
        id="", purpose="", query=alt or picture.caption or "picture", caption=caption, alt=alt,
        candidates=(candidate,), chosen=picture.digest, author="person",
    )  # fmt: skip


def _is_credit(below: str) -> bool:
    return bool(CREDIT_BELOW.match(below))


def _unescaped(text: str) -> str:
    return plain_text(text.replace("\n", " "))


def _credits(files: Mapping[str, bytes]) -> dict[str, Attribution]:
    """Makers and licences by file name, from a credits.json of this program's."""
    data = next((d for name, d in files.items() if PurePosixPath(name).name == "credits.json"), b"")
    try:
        value = json.loads(data) if data else []
    except ValueError:
        return {}
    rows = value.get("pictures", []) if isinstance(value, dict) else value
    found = {}
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and isinstance(row.get("file"), str):
            words = {
                k: str(row.get(k) or "")
                for k in ("title", "author", "source", "licence", "licence_url", "url", "changes")
            }
            found[PurePosixPath(row["file"]).name] = Attribution(**words, generated=row.get("generated") is True)
    return found
