"""The command line of the picture library: index a folder, find pictures, install packs."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from retrieval.encoder import SentenceEncoder
from retrieval.errors import InterleaveError, SetupError, SourceError, UsageError
from retrieval.fuse import fuse
from retrieval.home import home
from retrieval.image_models import image_encoder, restriction
from retrieval.indexing import Encoders, Shard, index_folder, index_pack
from retrieval.library import Library
from retrieval.licences import IntendedUse
from retrieval.looks import fill_looks
from retrieval.merge import merge
from retrieval.packs import install, installed, pack, packs
from retrieval.permitted import Source
from retrieval.picture import Attribution, Candidate
from retrieval.progress import Timed, say, show
from retrieval.query import Filters
from retrieval.source import LibrarySource
from retrieval.stores.served import push, served
from retrieval.web.sources import read_names, web_sources


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 done, 1 set-up error, 2 usage error."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except UsageError as error:
        say(f"error: {error}")
        return 2
    except InterleaveError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("stopped; what was done so far is kept")
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
        say(f"{sum(p.megabytes for p in waiting)} MB to download: {', '.join(p.title for p in waiting)}")
    encoder, done = sentence_encoder(), 0
    for one in chosen:
        try:
            count = install(one.name, folder, show)
            report = index_pack(library, one.name, folder, Encoders(sentence=encoder), show)
        except InterleaveError as error:
            say(f"\rskipped {one.title}: {error}")
            continue
        say(f"\r{one.title}: {count} pictures ready, {report.added} newly indexed{' ' * 30}")
        done += 1
    if encoder is None:
        say(_WITHOUT_MEANING)
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
    index.add_argument("--shard", default="1/1", metavar="I/N", help="only part I of N, for one of several workers")
    index.set_defaults(run=_index)
    merging = commands.add_parser("merge", help="put libraries of several workers into one, without reading pictures")
    merging.add_argument("out", type=Path, help="index file of the result; new or to be added to")
    merging.add_argument("parts", type=Path, nargs="+", metavar="IN", help="index files; the last one is believed")
    merging.set_defaults(run=_merge)
    pushing = commands.add_parser("push", parents=[shared], help="bring the vectors to a server that searches them")
    pushing.add_argument("to", metavar="STORE", help="qdrant:http://host:6333; its key in QDRANT_API_KEY")
    pushing.set_defaults(run=_push)
    find = commands.add_parser("find", parents=[shared], help="find pictures")
    _find_options(find)
    find.set_defaults(run=_find)
    training = commands.add_parser("train", help="train the starter image-text model anew (about half an hour)")
    training.add_argument(
        "--out", type=Path, default=Path("starter-clip"), help="folder of drawings, checkpoint, model"
    )
    training.add_argument("--epochs", type=int, default=0, help="instead of the recipe's")
    training.set_defaults(run=_train)
    several = commands.add_parser("packs", parents=[shared], help="packs of openly licensed pictures")
    several.add_argument("action", choices=("list", "install"))
    several.add_argument("names", nargs="*", metavar="NAME", help="which (default: all)")
    several.set_defaults(run=_packs)
    return parser


def _find_options(find: argparse.ArgumentParser) -> None:
    find.add_argument("query", help="what must be visible")
    find.add_argument("-k", type=int, default=10, help="how many (default 10)")
    find.add_argument("--web", default="", metavar="NAMES", help="ask openverse,commons as well (default: neither)")
    find.add_argument("--use", default="any", choices=get_args(IntendedUse), help="what licences must allow")
    find.add_argument("--look", choices=("photo", "drawing"), help="only photographs, or only drawings")
    find.add_argument("--orientation", choices=("landscape", "portrait", "square"))
    find.add_argument("--colour", default="", help="a colour that covers much of the picture: red, blue, ...")
    find.add_argument("--min-px", type=int, default=0, help="at least so many pixels on the shorter side")
    find.add_argument("--source", nargs="*", default=[], help="only from these, as their credits name them")
    find.add_argument("--tag", nargs="*", default=[], help="words that caption or keywords must have")
    find.add_argument("--json", action="store_true", help="print one JSON array")


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
    encoders = Encoders(sentence=sentence, image=image_encoder(options.image_encoder))
    shard = _shard(options.shard)
    report = index_folder(_open(options), options.folder, encoders, credit, Timed().show, shard=shard)
    print(f"{report.added} added, {report.unchanged} unchanged, {report.removed} removed, {len(report.broken)} broken")
    if report.moved or report.copies:
        say(f"{report.moved} moved and {report.copies} copies of known pictures were not encoded again")
    for line in report.broken:
        say(f"broken: {line}")
    if credit.licence == "unknown":
        say("Their licence is unknown. If you made them, say so with --yes-mine; else name it with --licence.")
    if sentence is None:
        say(_WITHOUT_MEANING)
    return 0


def _shard(text: str) -> Shard:
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal()):
        raise UsageError(f"--shard is I/N, such as 2/8; {text} was given.")
    return Shard(number=int(number), of=int(of))


def _merge(options: argparse.Namespace) -> int:
    library = Library(options.out)
    merged = merge(library, options.parts, Timed().show)
    print(
        f"{merged.rows} pictures merged, {merged.replaced} of them replaced; {options.out.name} has {library.count()}"
    )
    return 0


def _push(options: argparse.Namespace) -> int:
    library, there = _open(options, must_exist=True), served(options.to, api_key=os.environ.get("QDRANT_API_KEY", ""))
    if there is None:
        raise UsageError("Name the server to bring the vectors to: qdrant:http://host:6333")
    fill_looks(library, Timed().show)  # the server filters by them
    for encoder in library.encoders():
        say(f"\r{encoder}: {push(library, there, encoder, Timed().show)} vectors are there{' ' * 30}")
    return 0


def _find(options: argparse.Namespace) -> int:
    if options.k < 1:
        raise UsageError(f"-k must be at least 1; {options.k} was given.")
    names = read_names(options.web)
    library = _open(options, must_exist=not names)
    if not library.count() and not names:
        raise SetupError(
            "The index is empty. Run: python -m retrieval packs install, or: python -m retrieval index DIR"
        )
    sentence = sentence_encoder()
    if sentence is None:
        say(f"warning: {_WITHOUT_MEANING}")
    pixels = image_encoder(options.image_encoder)
    source = LibrarySource(library, sentence=sentence, pixels=pixels, warn=lambda text: say(f"warning: {text}"))
    contact = os.environ.get("INTERLEAVE_WEB_CONTACT", "")
    web = web_sources(names, home() / "web", contact=contact, use=options.use, sentence=sentence)
    filters = _filters(options)
    if filters.look or filters.colour:
        fill_looks(library, Timed().show)
    if why := restriction(options.image_encoder):
        say(f"warning: {why}")
    found = _ask_all(source, web, options, filters)
    if options.json:
        print(json.dumps([_as_json(c, source) for c in found], ensure_ascii=False, indent=1))
        return 0
    for c in found:
        a = c.picture.attribution
        place = source.path_of(c.picture.digest) or a.url
        print(f"{c.relevance:.2f}  {c.picture.caption}  [{a.source}, {a.licence}]  {place}")
    return 0


def _filters(options: argparse.Namespace) -> Filters:
    return Filters(
        use=options.use,
        orientation=options.orientation,
        min_px=options.min_px,
        sources=frozenset(options.source),
        tags=frozenset(options.tag),
        look=options.look,
        colour=options.colour,
    )


def _ask_all(
    library: LibrarySource, web: Sequence[Source], options: argparse.Namespace, filters: Filters
) -> list[Candidate]:
    """The best of all sources; one on the web that fails is done without. Filters are the library's."""
    answers = [library.find(options.query, options.k, filters)]
    for source in web:
        try:
            answers.append(source.find(options.query, options.k))
        except SourceError as error:
            say(f"warning: {source.name} gave no pictures: {error}")
    return (answers[0] if len(answers) == 1 else fuse(answers))[: options.k]


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


def _train(options: argparse.Namespace) -> int:
    from retrieval.training.command import run

    report = run(options.out, home(), say, {"epochs": options.epochs} if options.epochs else {})
    print(json.dumps(report))
    return 0


def _packs(options: argparse.Namespace) -> int:
    folder = home() / "packs"
    if options.action == "install":
        return install_packs(options.names or list(packs()), _open(options))
    for one in [pack(name) for name in options.names] or packs().values():
        count = installed(one.name, folder)
        state = f"{count} pictures" if count else f"not installed, {one.megabytes} MB"
        print(f"{one.name:12} {state:24} {one.licence:14} {one.about}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
