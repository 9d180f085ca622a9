"""`python -m composer.xcomposer2`: what can be done with XComposer2 at a command line."""

import argparse
import sys
from pathlib import Path

import transformers

from composer.errors import InterleaveError


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    parsed = _parser().parse_args(arguments)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        status: int = parsed.run(parsed)
    except InterleaveError as error:
        print(f"{error}", file=sys.stderr)
        return 1
    return status


def _parity(parsed: argparse.Namespace) -> int:
    from composer.xcomposer2.parity import compare

    report = compare(parsed.folder, attention=parsed.attention)
    print(report.line())
    return 0 if report.ok else 1


def _convert(parsed: argparse.Namespace) -> int:
    from composer.xcomposer2.convert import convert

    for path in convert(parsed.source, parsed.target):
        print(path)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m composer.xcomposer2", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    parity = commands.add_parser("parity", help="compare with recorded outputs of the official code")
    parity.add_argument("folder", type=Path)
    parity.add_argument("--attention", choices=("eager", "sdpa"), default="eager", help="the recorded one is eager")
    parity.set_defaults(run=_parity)
    convert = commands.add_parser("convert", help="official layout to this project's, or back; without loss")
    convert.add_argument("source", type=Path, metavar="SRC")
    convert.add_argument("target", type=Path, metavar="DST")
    convert.set_defaults(run=_convert)
    return parser


if __name__ == "__main__":
    sys.exit(main())
