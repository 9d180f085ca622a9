"""The command line of the picture library: index a folder, find pictures, install packs."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from retrieval.encoder import OpenClipEncoder, SentenceEncoder
from retrieval.errors import InterleaveError, SetupError, UsageError
from retrieval.home import home
from retrieval.indexing import Encoders, index_folder, index_pack
from retrieval.library import Library
from retrieval.packs import install, installed, pack, packs
from retrieval.picture import Attribution, Candidate
from retrieval.source import LibrarySource


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 done, 1 set-up error, 2 usage error."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except UsageError as error:
        _say(f"error: {error}")
        return 2
    except InterleaveError as error:
        _say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        _say("stopped; what was done so far is kept")
        return 130
    return code


def sentence_encoder() -> SentenceEncoder | None:
    """The starter sentence encoder where it is installed."""
    folder = home() / "models" / "minilm"
    return SentenceEncoder(folder) if (folder / "model.safetensors").is_file() else None


def install_packs(names: Sequence[str], library: Library, folder: Path | None = None) -> int:
    """Install and index packs; one that cannot be had is skipped with one line. 1 when none could be had."""
    folder = folder or home() / "packs"
    chosen = [pack(name) for name in names]
    waiting = [p for p in chosen if not installed(p.name, folder)]
    if waiting:
        _say(f"{sum(p.megabytes for p in waiting)} MB to download: {', '.join(p.title for p in waiting)}")
    encoder, done = sentence_encoder(), 0
    for one in chosen:
        try:
            count = install(one.name, folder, _show)
            report = index_pack(library, one.name, folder, Encoders(sentence=encoder), _show)
        except InterleaveError as error:
            _say(f"\rskipped {one.title}: {error}")
            continue
        _say(f"\r{one.title}: {count} pictures ready, {report.added} newly indexed{' ' * 30}")
        done += 1
    if encoder is None:
        _say(_WITHOUT_MEANING)
    return 0 if done or not names else 1


_WITHOUT_MEANING = (
    "No sentence encoder is installed, so pictures are found by words alone. Run: python -m composer models pull minilm"
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m retrieval", description="A library of pictures that can be found.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--library", type=Path, help="index file (default: library.sqlite in the data folder)")
    shared.add_argument("--image-encoder", default="", help="open_clip NAME/TAG or folder: find by pixels as well")
    index = commands.add_parser("index", parents=[shared], help="bring the library up to date with a folder")
    index.add_argument("folder", type=Path)
    index.add_argument("--yes-mine", action="store_true", help="you made the pictures: their licence is 'yours'")
    for name in ("licence", "licence-url", "author", "source"):
        index.add_argument(f"--{name}", default="", help="for pictures that do not say it themselves")
    index.set_defaults(run=_index)
    find = commands.add_parser("find", parents=[shared], help="find pictures")
    find.add_argument("query", help="what must be visible")
    find.add_argument("-k", type=int, default=10, help="how many (default 10)")
    find.add_argument("--json", action="store_true", help="print one JSON array")
    find.set_defaults(run=_find)
    several = commands.add_parser("packs", parents=[shared], help="packs of openly licensed pictures")
    several.add_argument("action", choices=("list", "install"))
    several.add_argument("names", nargs="*", metavar="NAME", help="which (default: all)")
    several.set_defaults(run=_packs)
    return parser


def _open(options: argparse.Namespace, *, must_exist: bool = False) -> Library:
    path: Path = options.library or home() / "library.sqlite"
    if must_exist and not path.is_file():
        raise SetupError(
            f"There is no picture index {path}. Run: python -m retrieval packs install, or: python -m retrieval index DIR"
        )
    return Library(path)


def _index(options: argparse.Namespace) -> int:
    credit = Attribution(
        author=options.author,
        source=options.source or options.folder.resolve().name,
        licence="yours" if options.yes_mine else options.licence or "unknown",
        licence_url=options.licence_url,
    )
    sentence = sentence_encoder()
    encoders = Encoders(
        sentence=sentence, image=OpenClipEncoder(options.image_encoder) if options.image_encoder else None
    )
    report = index_folder(_open(options), options.folder, encoders, credit, _Timed().show)
    print(f"{report.added} added, {report.unchanged} unchanged, {report.removed} removed, {len(report.broken)} broken")
    for line in report.broken:
        _say(f"broken: {line}")
    if credit.licence == "unknown":
        _say("Their licence is unknown. If you made them, say so with --yes-mine; else name it with --licence.")
    if sentence is None:
        _say(_WITHOUT_MEANING)
    return 0


def _find(options: argparse.Namespace) -> int:
    if options.k < 1:
        raise UsageError(f"-k must be at least 1; {options.k} was given.")
    library = _open(options, must_exist=True)
    if not library.count():
        raise SetupError(
            "The index is empty. Run: python -m retrieval packs install, or: python -m retrieval index DIR"
        )
    sentence = sentence_encoder()
    if sentence is None:
        _say(f"warning: {_WITHOUT_MEANING}")
    pixels = OpenClipEncoder(options.image_encoder) if options.image_encoder else None
    source = LibrarySource(library, sentence=sentence, pixels=pixels, warn=lambda text: _say(f"warning: {text}"))
    found = source.find(options.query, options.k)
    if options.json:
        print(json.dumps([_as_json(c, source) for c in found], ensure_ascii=False, indent=1))
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
        "score": round(candidate.score, 6),
        "attribution": credit,
    }


def _packs(options: argparse.Namespace) -> int:
    folder = home() / "packs"
    if options.action == "install":
        return install_packs(options.names or list(packs()), _open(options))
    for one in [pack(name) for name in options.names] or packs().values():
        count = installed(one.name, folder)
        state = f"{count} pictures" if count else f"not installed, {one.megabytes} MB"
        print(f"{one.name:12} {state:24} {one.licence:14} {one.about}")
    return 0


class _Timed:
    """Shows progress with rate and remaining time, which begin anew with each kind of work."""

    def __init__(self) -> None:
        self._what, self._begin = "", 0.0

    def show(self, what: str, done: int, total: int) -> None:
        if what != self._what:
            self._what, self._begin = what, time.monotonic()
        rate = done / max(time.monotonic() - self._begin, 1e-6)
        left = f", {rate:.0f}/s, {(total - done) / rate:.0f} s left" if done else ""
        end = "\n" if done >= total else ""
        print(f"\r{what}: {done} of {total}{left}{' ' * 12}", end=end, file=sys.stderr, flush=True)


def _show(what: str, done: int, total: int) -> None:
    share = f"{done * 100 // total} %" if total else ""
    print(f"\r{what} {share}{' ' * 12}", end="", file=sys.stderr, flush=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
