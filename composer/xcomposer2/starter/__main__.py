"""`python -m composer.xcomposer2.starter train | save | report`: make the small XComposer2, and measure it."""

import argparse
import json
import sys
from pathlib import Path

import transformers

from composer.errors import InterleaveError, UsageError
from composer.xcomposer2.starter.recipe import SHIPPED
from retrieval.home import home


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it went well."""
    parser = argparse.ArgumentParser(prog="python -m composer.xcomposer2.starter", description=__doc__)
    commands = parser.add_subparsers(required=True)
    training = commands.add_parser("train", help="train anew, or go on from the folder's checkpoint")
    training.add_argument("--steps", type=int, default=0, help="instead of the recipe's")
    training.set_defaults(run=_train)
    saving = commands.add_parser("save", help="write the model of the last checkpoint")
    saving.set_defaults(run=_save)
    reporting = commands.add_parser("report", help="measure a model on held-out concepts")
    reporting.add_argument("--model", type=Path, default=SHIPPED)
    reporting.add_argument("--part", choices=("test", "dev", "train"), default="test")
    reporting.add_argument("--choices", type=int, default=0, help="questions of each kind, instead of the recipe's")
    reporting.add_argument("--looked", type=int, default=0, help="pictures asked about, instead of the recipe's")
    reporting.set_defaults(run=_report)
    for command in (training, saving):
        command.add_argument("--set", action="append", default=[], metavar="PART.NAME=NUMBER", help="another number")
    for command in (training, saving, reporting):
        command.add_argument("--out", type=Path, default=Path("starter-xcomposer2"), help="folder of all that is made")
    options = parser.parse_args(arguments)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        return int(options.run(options))
    except InterleaveError as error:
        print(error, file=sys.stderr)
        return 1


def _train(options: argparse.Namespace) -> int:
    from composer.xcomposer2.starter.command import run

    steps = {"training.steps": options.steps} if options.steps else {}
    print(run(options.out, home(), _say, _changes(options.set) | steps))
    return 0


def _save(options: argparse.Namespace) -> int:
    from composer.xcomposer2.starter.command import saved

    print(saved(options.out, home(), _say, _changes(options.set)))
    return 0


def _report(options: argparse.Namespace) -> int:
    from composer.xcomposer2.starter.judge import report

    given = {"judging.choices": options.choices, "judging.looked": options.looked}
    made = report(options.model, options.out, home(), _say, {k: v for k, v in given.items() if v}, part=options.part)
    (options.model / "report.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(made, indent=1))
    return 0


def _changes(given: list[str]) -> dict[str, float | int]:
    """Numbers of `part.name=number`. Raises UsageError."""
    made: dict[str, float | int] = {}
    for one in given:
        name, _, value = one.partition("=")
        try:
            made[name] = int(value) if value.isdigit() else float(value)
        except ValueError:
            raise UsageError(f"{one} is not of the form part.name=number.") from None
    return made


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
