"""The command line of the picture library: index a folder, find pictures, install packs."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from retrieval.encoder import Encoder, OpenClipEncoder, SentenceEncoder
from retrieval.errors import InterleaveError, SetupError, UsageError
from retrieval.home import home
from retrieval.indexing import Encoders, index_folder, index_pack
from retrieval.library import Library
from retrieval.packs import install, installed, packs
from retrieval.picture import Attribution, Candidate
from retrieval.source import LibrarySource


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 done, 1 set-up error, 2 usage error."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except InterleaveError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return code


def sentence_encoder() -> Encoder | None:
    """The starter sentence encoder where it is installed."""
    folder = home() / "models" / "minilm"
    return SentenceEncoder(folder) if (folder / "model.safetensors").is_file() else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m retrieval", description="A library of pictures that can be found.")
    parser.add_argument(
        "--library", type=Path, default=None, help="index file (default: library.sqlite in the data folder)"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    index = commands.add_parser("index", help="bring the library up to date with a folder")
    index.add_argument("folder", type=Path)
    index.add_argument("--mine", action="store_true", help="the pictures are yours: their licence is 'yours'")
    for name in ("author", "source", "licence", "licence-url"):
        index.add_argument(f"--{name}", default="", help="for pictures that do not say it themselves")
    index.add_argument("--image-encoder", default="", help="open_clip NAME/TAG or folder: find by pixels as well")
    index.set_defaults(run=_index)
    find = commands.add_parser("find", help="find pictures")
    find.add_argument("query")
    find.add_argument("-k", type=int, default=10, help="how many (default 10)")
    find.add_argument("--json", action="store_true", help="print one JSON array")
    find.add_argument("--image-encoder", default="", help="open_clip NAME/TAG or folder the index was made with")
    find.set_defaults(run=_find)
    pack = commands.add_parser("packs", help="packs of openly licensed pictures")
    pack.add_argument("action", choices=("list", "install"))
    pack.add_argument("names", nargs="*", help="which (default: all)")
    pack.set_defaults(run=_packs)
    return parser


def _open(options: argparse.Namespace) -> Library:
    return Library(options.library or home() / "library.sqlite")


def _index(options: argparse.Namespace) -> int:
    licence = "yours" if options.mine else options.licence or "unknown"
    credit = Attribution(
        author=options.author,
        source=options.source or options.folder.resolve().name,
        licence=licence,
        licence_url=options.licence_url,
    )
    image = OpenClipEncoder(options.image_encoder) if options.image_encoder else None
    begin = time.monotonic()

    def show(what: str, done: int, total: int) -> None:
        rate = done / max(time.monotonic() - begin, 1e-6)
        left = (total - done) / max(rate, 1e-6)
        text = f"\r{what}: {done} of {total}, {rate:.0f}/s, {left:.0f} s left    "
        print(text, end="", file=sys.stderr, flush=True)

    report = index_folder(
        _open(options), options.folder, Encoders(sentence=sentence_encoder(), image=image), credit, show
    )
    print(
        f"\n{report.added} added, {report.unchanged} unchanged, {report.removed} removed, {len(report.broken)} broken"
    )
    for line in report.broken:
        print(f"broken: {line}", file=sys.stderr)
    return 0


def _find(options: argparse.Namespace) -> int:
    if options.k < 1:
        raise UsageError(f"-k must be at least 1; {options.k} was given.")
    library = _open(options)
    if not library.count():
        raise SetupError(
            "The library is empty. Run: python -m retrieval packs install, or: python -m retrieval index DIR"
        )
    pixels = OpenClipEncoder(options.image_encoder) if options.image_encoder else None
    source = LibrarySource(library, sentence=sentence_encoder(), pixels=pixels)
    found = source.find(options.query, options.k)
    if options.json:
        print(json.dumps([_as_json(c, source) for c in found], ensure_ascii=False))
        return 0
    for c in found:
        a = c.picture.attribution
        print(f"{c.relevance:.2f}  {c.picture.caption}  [{a.source}, {a.licence}]  {source.path_of(c.picture.digest)}")
    return 0


def _as_json(candidate: Candidate, source: LibrarySource) -> dict[str, object]:
    p = candidate.picture
    credit = {name: getattr(p.attribution, name) for name in ("title", "author", "source", "licence", "url")}
    return {
        "digest": p.digest,
        "path": str(source.path_of(p.digest) or ""),
        "caption": p.caption,
        "keywords": list(p.keywords),
        "score": candidate.score,
        "attribution": credit,
    }


def _packs(options: argparse.Namespace) -> int:
    folder = home() / "packs"
    if options.action == "list":
        for pack in packs().values():
            count = installed(pack.name, folder)
            state = f"{count} pictures" if count else f"not installed, {pack.megabytes} MB"
            print(f"{pack.name:12} {state:28} {pack.licence:14} {pack.about}")
        return 0
    return install_packs(options.names or list(packs()), _open(options))


def install_packs(names: Sequence[str], library: Library) -> int:
    """Install and index packs; one that cannot be had is skipped with one line. 1 when none could be had."""
    folder, done = home() / "packs", 0
    for name in names:
        try:
            count = install(name, folder, _show)
            index_pack(library, name, folder, Encoders(sentence=sentence_encoder()), _show)
        except UsageError:
            raise
        except InterleaveError as error:
            print(f"\rskipped {name}: {error}", file=sys.stderr)
            continue
        print(f"\r{name}: {count} pictures ready{' ' * 40}", file=sys.stderr)
        done += 1
    return 0 if done or not names else 1


def _show(what: str, done: int, total: int) -> None:
    amount = f"{done * 100 // total} %" if total and done else f"{total / 1e6:.0f} MB" if total > 1_000_000 else ""
    print(f"\r{what} {amount}{' ' * 12}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
