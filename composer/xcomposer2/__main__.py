"""`python -m composer.xcomposer2`: what can be done with XComposer2 at a command line."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import transformers

from composer.errors import InterleaveError, SetupError

if TYPE_CHECKING:
    from composer.xcomposer2.engine import XComposer2Engine


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
    from composer.xcomposer2.parity import Report, compare

    try:
        report = compare(parsed.folder, attention=parsed.attention)
    except Exception as error:  # one line of JSON is promised, whatever the folder holds
        print(Report().line())
        if isinstance(error, InterleaveError):
            raise
        raise SetupError(f"{parsed.folder} cannot be compared: {type(error).__name__}: {error}") from error
    print(report.line())
    return 0 if report.ok else 1


def _convert(parsed: argparse.Namespace) -> int:
    from composer.xcomposer2.convert import convert

    for path in convert(parsed.source, parsed.target):
        print(path)
    return 0


def _chat(parsed: argparse.Namespace) -> int:
    from composer.xcomposer2.commands import asked, conversation

    conversation(_engine(parsed), parsed.image, asked(parsed.question), sys.stdout)
    return 0


def _compose(parsed: argparse.Namespace) -> int:
    from composer.xcomposer2.commands import article

    options = {"language": parsed.language, "count": parsed.count, "seed": parsed.seed}
    for line in article(_engine(parsed), parsed.instruction, parsed.picture, **options):
        print(line, flush=True)
    return 0


def _serve(parsed: argparse.Namespace) -> int:
    from composer.xcomposer2.commands import served

    served(_engine(parsed), host=parsed.host, port=parsed.port, batch=parsed.batch)
    return 0


def _train(parsed: argparse.Namespace) -> int:
    from composer.xcomposer2.recipe import read_recipe
    from composer.xcomposer2.train import Point, train

    def tell(point: Point) -> None:
        print(f"step {point.step}: loss {point.loss:.4f}, {point.tokens / point.seconds:.0f} tokens/s", flush=True)

    print(train(read_recipe(parsed.recipe), tell))
    return 0


def _engine(parsed: argparse.Namespace) -> "XComposer2Engine":
    from composer.xcomposer2.commands import model_path
    from composer.xcomposer2.engine import engine

    return engine(model_path(parsed.model, os.environ.get("INTERLEAVE_XCOMPOSER2")))


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
    train = commands.add_parser("train", help="run a stage of training, or go on with one that was interrupted")
    train.add_argument("recipe", type=Path, metavar="CONFIG.toml")
    train.set_defaults(run=_train)
    _running(commands)
    return parser


def _running(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands that run a model."""
    chat = commands.add_parser(
        "chat", help="ask about pictures; questions come from the standard input where none is given"
    )
    chat.add_argument("question", nargs="?")
    chat.add_argument("--image", type=Path, action="append", default=[])
    chat.set_defaults(run=_chat)
    compose = commands.add_parser("compose", help="write an article and place pictures in the official way")
    compose.add_argument("instruction")
    compose.add_argument("--picture", type=Path, action="append", default=[], help="one of the author's own")
    compose.add_argument("--language", default="zh", help="of the internal prompts: zh (official) or en")
    compose.add_argument("--count", type=int, help="pictures; as many as the model likes where none is given")
    compose.add_argument("--seed", type=int, default=0)
    compose.set_defaults(run=_compose)
    serve = commands.add_parser("serve", help="an OpenAI-compatible server")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8000)
    serve.add_argument("--batch", type=int, default=8, help="requests answered together, at most")
    serve.set_defaults(run=_serve)
    for command in (chat, compose, serve):
        command.add_argument("--model", help="folder or Hub name; INTERLEAVE_XCOMPOSER2 where not given")


if __name__ == "__main__":
    sys.exit(main())
