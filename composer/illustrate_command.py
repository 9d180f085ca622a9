"""The command `illustrate`: a text in, the same text with pictures out.

Knows options, files and what is shown; the work is `composer.illustrate_article`'s.
"""

import argparse
import secrets
import sys
import time
from dataclasses import replace
from pathlib import Path

from composer import compose as composing
from composer.article import Article
from composer.brief import read_bytes
from composer.commands import allowed_web, take_picture
from composer.engines import Engines
from composer.errors import UsageError
from composer.events import Failed
from composer.export import ExportOptions, bundle
from composer.illustrate_article import Deliver, run
from composer.placement.deliver import alts_missing, illustrated, write_files
from composer.placement.document import Document, decode, read_markdown
from composer.placement.document_html import looks_like_html, read_html
from composer.placement.job import Job, Order, take_in
from composer.printing import Follower, JsonPrinter, TextPrinter
from composer.settings import Settings, load_settings
from composer.store import ArticleLog, PictureFolder, create
from retrieval.captions import notes_of
from retrieval.indexing import ENDINGS, Encoders, index_folder
from retrieval.picture import Attribution, Picture
from retrieval.source import described_upload

LARGEST = 20_000_000  # bytes of a text


def add_illustrate(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    several = {"type": Path, "nargs": "+", "action": "extend", "default": []}
    parser.add_argument("article", type=Path, help="a Markdown or HTML file; not a character of its text changes")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--images", default="auto", metavar="auto|N", help="how many pictures (default auto)")
    parser.add_argument("--library", metavar="DIR", help="picture folders, beside the packs", **several)  # type: ignore[arg-type]
    parser.add_argument("--pool", metavar="DIR", help="pictures of this article, each used once at most", **several)  # type: ignore[arg-type]
    parser.add_argument("--style", metavar="IMAGE", help="the look wanted", **several)  # type: ignore[arg-type]
    parser.add_argument(
        "--web", default="", metavar="NAMES", help="ask openverse,commons as well; see docs/web-sources.md"
    )
    parser.add_argument("--fill-alts", action="store_true", help="alt texts for pictures in the text that have none")
    parser.add_argument("--plain", action="store_true", help="ask no language model")
    parser.add_argument("--judge", action="store_true", help="ask the language model about places, too (slow)")
    parser.add_argument("--preset", default="", metavar="NAME", help="engines; see the command settings")
    parser.add_argument("--json", action="store_true", help="print events as JSON lines")
    parser.set_defaults(run=illustrate)


def illustrate(options: argparse.Namespace) -> int:
    """`illustrate`: 0 when the text was written, with however many pictures."""
    document = read_document(options.article)
    settings = load_settings(options.preset)
    web = allowed_web(options.web or settings.web_sources, settings)
    order = Order(images=_count(options.images), words=not options.plain, judged=options.judge, web=web)
    engines = Engines(settings, warn=_say)
    log = create(options.out, f"{time.strftime('%Y%m%d')}-{secrets.token_hex(5)}")
    pool = [p for folder in options.pool for p in pool_of(folder, log.pictures)]
    references = tuple(take_picture(p, log.pictures) for p in options.style)
    order = replace(order, pool=tuple(pool))
    for folder in options.library:
        report = index_folder(engines.library(), folder, Encoders(sentence=engines.sentences, image=engines.pixels))
        _say(f"{folder}: {report}")
    job = take_in(log, document, order, options.article.stem, references)
    job.encoder, job.pixels, job.letters = engines.sentences, engines.pixels, engines.letters
    alts = known_alts(document, options.article.parent) if options.fill_alts else {}
    printer = JsonPrinter() if options.json else TextPrinter()
    driver, follower = composing.Driver(log), Follower(log, printer)
    toolkit = engines.toolkit(log, options.library)
    ok = driver.run(
        run(toolkit, log.article, job, deliver_to(log, options.article.name, alts, settings)), follower.hear
    )
    follower.hear(None)
    if not ok:
        _say(f"error: {[r.event.message for r in log.since(0) if isinstance(r.event, Failed)][-1]}")
        return 1
    _tell(log.article, job, options.out / options.article.name)
    return 0


def read_document(path: Path) -> Document:
    """A file as a document. Raises UsageError where it cannot be read or is no text."""
    return as_document(read_bytes(path), path.name)


def as_document(data: bytes, name: str) -> Document:
    """Bytes as a document, by the name's ending or by what they look like."""
    if len(data) > LARGEST:
        raise UsageError(f"{name} has {len(data) / 1e6:.0f} MB; an article of at most {LARGEST / 1e6:.0f} MB is read.")
    if data.startswith((b"%PDF", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(f"{name} is not UTF-8 text. Save it as Markdown or HTML in UTF-8 and give that.")
    text = decode(data)
    page = name.lower().endswith((".html", ".htm", ".xhtml")) or (
        not name.lower().endswith(".md") and looks_like_html(text)
    )
    return read_html(text) if page else read_markdown(text)


def pool_of(folder: Path, pictures: PictureFolder) -> list[Picture]:
    """The pictures of a folder, with what is written about them; kept with the article. Raises UsageError."""
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder}.")
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower().lstrip(".") in ENDINGS and p.is_file()):
        data = path.read_bytes()
        notes = notes_of(path, data)
        credit = Attribution(
            title=notes.title, author=notes.author, source=notes.source or "Author", licence=notes.licence or "yours",
            licence_url=notes.licence_url, url=notes.url,
        )  # fmt: skip
        try:
            picture, kept = described_upload(data, name=path.name, attribution=credit)
        except UsageError as error:
            _say(f"warning: {path.name} is left out: {error}")
            continue
        picture = replace(picture, caption=notes.caption or picture.caption)
        pictures.put(picture.digest, picture.media_type, kept)
        found.append(picture)
    return found


def known_alts(document: Document, beside: Path) -> dict[int, str]:
    """For pictures of the text without an alt text, what is written about the file they name, where it is here."""
    alts = {}
    for at, address in alts_missing(document).items():
        path = (beside / address).resolve()
        if path.is_relative_to(beside.resolve()) and path.is_file():
            alts[at] = notes_of(path, path.read_bytes()).caption
    return alts


def deliver_to(log: ArticleLog, name: str, alts: dict[int, str], wanted: Settings) -> Deliver:
    """What writes the results of a run into the log's folder."""
    options = ExportOptions.of(wanted)

    def deliver(article: Article, job: Job) -> None:
        made = illustrated(job.document, article, job.gaps, log.pictures.read, alts, options)
        write_files(made, log.folder, name, job.decisions(article))
        for warning in made.warnings:
            _say(f"warning: {warning}")
        if job.document.form == "markdown":
            page = bundle(article, log.pictures.read, options=options)
            (log.folder / "preview.html").write_text(page.html, encoding="utf-8")
        log.snapshot()

    return deliver


def _tell(article: Article, job: Job, path: Path) -> None:
    """What was decided, for the person at the terminal."""
    for slot in article.slots():
        if slot.id in job.gaps:
            shown = slot.picture.caption if slot.picture else "(nothing fits: open)"
            _say(f"gap {job.gaps[slot.id]:3}  {job.reasons.get(slot.id, ''):9} {shown}")
    _say(f"Article: {path}")


def _count(text: str) -> int | None:
    if text in ("", "auto"):
        return None
    if not text.isdecimal() or int(text) > 200:
        raise UsageError(f"--images takes auto or a number up to 200; {text!r} was given.")
    return int(text)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
