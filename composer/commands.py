"""What the commands of `python -m composer` do. Paragraphs go to stdout as they are written, everything else to stderr."""

import argparse
import os
import secrets
import sys
import time
from dataclasses import replace
from pathlib import Path

from composer import compose as composing
from composer.article import Material
from composer.brief import Wishes, make_brief, read_text
from composer.edits import SetBrief
from composer.engines import Engines
from composer.errors import UsageError
from composer.events import Failed
from composer.export import ExportOptions, bundle, write_bundle
from composer.printing import Follower, JsonPrinter, TextPrinter
from composer.settings import Settings, describe_settings, load_settings
from composer.store import ARTICLE, ArticleLog, PictureFolder, create, explained, fold, read_log, reopen
from retrieval.picture import Attribution, Picture
from retrieval.source import described_upload
from retrieval.web.client import is_contact
from retrieval.web.sources import read_names


def compose(options: argparse.Namespace) -> int:
    """`compose`: from a brief to a folder with the article in every form."""
    settings = load_settings(options.preset)
    log = reopen(options.out) if options.resume else _begin(options, settings)
    engines = Engines(settings, warn=lambda message: print(f"warning: {message}", file=sys.stderr))
    _index(engines, options.library)
    printer = JsonPrinter() if options.json else TextPrinter()
    for record in log.since(0):
        printer.past(record.event)
    driver = composing.Driver(log)
    listener = Follower(log, printer)
    ok = driver.run(composing.compose(engines.toolkit(log, options.library), log.article), listener.hear)
    listener.hear(None)
    printer.end()
    _write(log, options)
    if not ok:
        failed = [r.event for r in log.since(0) if isinstance(r.event, Failed)]
        print(f"error: {failed[-1].message}", file=sys.stderr)
        print(f"What was written is in {options.out}; go on with --resume.", file=sys.stderr)
        return 1
    print(f"Article: {options.out / 'article.html'}", file=sys.stderr)
    return 0


def replay(options: argparse.Namespace) -> int:
    """`replay`: fold a log and print the article."""
    article_id, records, _ = read_log(options.log)
    article = fold((r.event for r in records), article_id)
    if options.json:
        print(ARTICLE.dump_json(article, indent=2).decode())
    else:
        pictures = PictureFolder(options.log.parent / "pictures")
        print(bundle(article, pictures.read).markdown, end="")
    return 0


def models(options: argparse.Namespace) -> int:
    """`models list|pull|check`."""
    from composer import weights

    if options.action == "list":
        for item in weights.listed():
            state = "installed" if item.installed else "not installed"
            print(f"{item.name:24} {item.role:10} {item.megabytes:6.0f} MB  {item.licence:12} {state}")
        return 0
    if options.action == "check":
        problems = weights.check(options.names)
        for problem in problems:
            print(f"error: {problem}", file=sys.stderr)
        print("all models that are here are whole" if not problems else "pull the models named above again")
        return 1 if problems else 0
    names = options.names or weights.needed(load_settings())
    missing = weights.missing_bytes(names)
    if missing:
        print(f"Fetching {missing / 1e6:.0f} MB of models: {', '.join(names)}", file=sys.stderr)
    weights.pull(names, _show_progress)
    return 0


def show_settings(options: argparse.Namespace) -> int:
    """`settings`: the table of the docs."""
    print(describe_settings())
    return 0


def take_picture(path: Path, pictures: PictureFolder) -> Picture:
    """Keep a picture file that the author gives for one article. Raises UsageError naming the file."""
    try:
        return kept_picture(path.read_bytes(), path.name, pictures)
    except OSError as error:
        raise UsageError(f"Cannot read the picture {path}: {error.strerror}.") from error
    except UsageError as error:
        raise UsageError(f"{path.name}: {error}") from error


def kept_picture(data: bytes, name: str, pictures: PictureFolder) -> Picture:
    """Keep a picture's bytes that the author gives. Raises UsageError for what is no picture."""
    credit = Attribution(source="Author", licence="yours")
    picture, kept = described_upload(data, name=name, attribution=credit)
    pictures.put(picture.digest, picture.media_type, kept)
    return picture


def _begin(options: argparse.Namespace, settings: Settings) -> ArticleLog:
    text = read_text(Path(options.brief[1:])) if options.brief.startswith("@") else options.brief
    wishes = Wishes(
        outline=read_text(options.outline) if options.outline else "",
        material=tuple(Material(name=p.name, text=read_text(p)) for p in options.material),
        language=options.lang,
        words=options.words,
        images=_count(options.images),
        kind=options.kind,
        seed=options.seed,
        web=allowed_web(options.web or settings.web_sources, settings),
    )
    make_brief(text, wishes)  # say what is wrong before anything is written
    folder: Path = options.out
    if options.overwrite and (folder / "events.jsonl").exists():
        with explained(folder):
            os.rename(folder, folder.with_name(f"{folder.name}.before-{int(time.time())}"))
    log = create(folder, f"{time.strftime('%Y%m%d')}-{secrets.token_hex(5)}")
    references = tuple(take_picture(p, log.pictures) for p in options.reference)
    uploads = tuple(take_picture(p, log.pictures) for p in options.upload)
    brief = make_brief(text, replace(wishes, references=references, uploads=uploads))
    log.commit(SetBrief(brief=brief), by="person")
    return log


def allowed_web(text: str, settings: Settings) -> tuple[str, ...]:
    """The web sources that may be asked; they want to know whom to write to."""
    names = read_names(text)
    if names and not is_contact(settings.web_contact):
        raise UsageError(
            f"{', '.join(names)} want to know whom to write to. Set INTERLEAVE_WEB_CONTACT to your mail or web address."
        )
    return names


def _count(text: str) -> int | None:
    if text in ("", "auto"):
        return None
    if not text.isdecimal():
        raise UsageError(f"--images takes auto or a number; {text!r} was given.")
    return int(text)


def _index(engines: Engines, folders: list[Path]) -> None:
    from retrieval.indexing import Encoders, index_folder

    encoders = Encoders(sentence=engines.sentences, image=engines.pixels)
    for folder in folders:
        report = index_folder(engines.library(), folder, encoders)
        print(f"{folder}: {report}", file=sys.stderr)


def _write(log: ArticleLog, options: argparse.Namespace) -> None:
    log.snapshot()
    wanted = ExportOptions.of(
        load_settings(options.preset), self_contained=options.self_contained, front_matter=options.front_matter
    )
    made = bundle(log.article, log.pictures.read, options=wanted)
    write_bundle(made, log.folder)
    for warning in made.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _show_progress(what: str, done: int, total: int) -> None:
    """A bar where a person looks; in a log one line when it is done."""
    bar = "#" * (30 * done // total if total else 0)
    line = f"{what} [{bar:-<30}] {done / 1e6:.0f}/{total / 1e6:.0f} MB"
    if sys.stderr.isatty():
        print(f"\r{line} ", end="\n" if done == total else "", file=sys.stderr, flush=True)
    elif done == total:
        print(line, file=sys.stderr, flush=True)
