"""The command line: compose an article, replay a log, manage models, show settings."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from composer.commands import compose, models, replay, show_settings
from composer.draw_command import add_draw
from composer.errors import InterleaveError, UsageError
from composer.illustrate_command import add_illustrate
from composer.prompts import kinds
from composer.settings import preset_names


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 done (warnings included), 1 set-up error, 2 usage error, 130 interrupted."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except InterleaveError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; what was shown is kept", file=sys.stderr)
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m composer", description="Writes illustrated articles.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_compose(commands.add_parser("compose", help="write an illustrated article from a brief"))
    add_draw(commands.add_parser("draw", help="draw pictures for an article that is there"))
    add_illustrate(commands.add_parser("illustrate", help="put pictures into a text that is written"))
    model = commands.add_parser("models", help="the models that can be brought onto this machine")
    model.add_argument("action", choices=("list", "pull", "check"))
    model.add_argument("names", nargs="*", help="which (default: those the preset needs; check: all that are here)")
    model.set_defaults(run=models)
    again = commands.add_parser("replay", help="make the article of a log again, without any model")
    again.add_argument("log", type=Path, help="an events.jsonl")
    again.add_argument("--json", action="store_true", help="print article.json instead of Markdown")
    again.set_defaults(run=replay)
    show = commands.add_parser("settings", help="print all settings as a table")
    show.set_defaults(run=show_settings)
    return parser


def _add_compose(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("brief", help="what the article is about, or @FILE.md")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the article")
    parser.add_argument("--outline", type=Path, metavar="FILE", help="section titles, kept word for word")
    parser.add_argument(
        "--material", type=Path, nargs="+", action="extend", default=[], metavar="FILE", help="source texts"
    )
    parser.add_argument(
        "--reference", type=Path, nargs="+", action="extend", default=[], metavar="IMAGE", help="the look wanted"
    )
    parser.add_argument(
        "--upload", type=Path, nargs="+", action="extend", default=[], metavar="IMAGE", help="pictures to use"
    )
    parser.add_argument(
        "--library", type=Path, nargs="+", action="extend", default=[], metavar="DIR", help="picture folders"
    )
    parser.add_argument(
        "--web", default="", metavar="NAMES", help="web sources to ask: openverse,commons (default: none)"
    )
    parser.add_argument("--images", default="", metavar="auto|N", help="how many pictures (default: as the brief says)")
    parser.add_argument(
        "--words", type=int, default=0, metavar="N", help="length (default: as the brief says, else 800)"
    )
    parser.add_argument("--lang", default="auto", metavar="CODE", help="auto, en, zh, de, ... (default auto)")
    parser.add_argument("--kind", default="explainer", metavar="KIND", help=f"one of {', '.join(kinds())}")
    parser.add_argument("--preset", default="", metavar="NAME", help=f"one of {', '.join(preset_names())}")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same article on the same machine")
    parser.add_argument("--self-contained", action="store_true", help="article.html carries its pictures inside")
    parser.add_argument("--front-matter", action="store_true", help="article.md begins with front matter")
    parser.add_argument("--resume", action="store_true", help="go on with the article in DIR")
    parser.add_argument("--overwrite", action="store_true", help="move an article in DIR aside and begin anew")
    parser.add_argument("--json", action="store_true", help="print events as JSON lines instead of the text")
    parser.set_defaults(run=compose)


if __name__ == "__main__":
    sys.exit(main())
