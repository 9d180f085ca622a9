"""`python -m composer.starter_diffusion train | sample | judge`: make the starter generator, try it, measure it."""

import argparse
import json
import sys
from pathlib import Path

from retrieval.errors import InterleaveError
from retrieval.home import home

SHIPPED = Path(__file__).resolve().parents[2] / "assets" / "models" / "starter-diffusion"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it went well."""
    parser = argparse.ArgumentParser(prog="python -m composer.starter_diffusion", description=__doc__)
    commands = parser.add_subparsers(required=True)
    training = commands.add_parser("train", help="train anew, or go on from the folder's checkpoint")
    training.add_argument("--out", type=Path, default=Path("starter-diffusion"), help="folder of all that is made")
    training.add_argument("--steps", type=int, default=0, help="instead of the recipe's")
    training.add_argument(
        "--only",
        choices=("tail", "save"),
        default="all",
        help="save the last checkpoint's model, its tail trained or not",
    )
    training.add_argument(
        "--start", type=Path, metavar="MODEL", help="begin with this model's weights, such as the shipped one's"
    )
    training.set_defaults(run=_train)
    sampling = commands.add_parser("sample", help="draw pictures")
    sampling.add_argument("prompts", nargs="+", help='such as "red apple, flat emoji"')
    sampling.add_argument("--model", type=Path, default=SHIPPED)
    sampling.add_argument("--out", type=Path, default=Path("."), help="folder for the pictures")
    sampling.add_argument("--seed", type=int, default=0)
    sampling.set_defaults(run=_sample)
    judging = commands.add_parser("judge", help="measure a model on held-out and known pairs")
    judging.add_argument("--data", type=Path, default=Path("starter-diffusion"), help="folder of a training")
    judging.add_argument("--model", type=Path, default=SHIPPED)
    judging.add_argument("--pairs", type=int, default=0, help="instead of the recipe's")
    judging.add_argument("--tries", type=int, default=0, help="only measure what so many tries for a picture bring")
    judging.add_argument("--guidance", type=float, default=0, help="of these tries, instead of the recipe's")
    judging.set_defaults(run=_judge)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except InterleaveError as error:
        print(error, file=sys.stderr)
        return 1


def _train(options: argparse.Namespace) -> int:
    from composer.starter_diffusion.command import run

    changes = {"steps": options.steps} if options.steps else {}
    print(run(options.out, home(), _say, changes, what=options.only, start=options.start))
    return 0


def _sample(options: argparse.Namespace) -> int:
    from composer.starter_diffusion.sample import drawn

    options.out.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(drawn(options.model, options.prompts, seed=options.seed)):
        path = options.out / f"{number:02d}.png"
        image.save(path)
        print(path)
    return 0


def _judge(options: argparse.Namespace) -> int:
    from composer.starter_diffusion.card import write
    from composer.starter_diffusion.judge import judge
    from composer.starter_diffusion.tries import tried

    changes = {"pairs": options.pairs} if options.pairs else {}
    if options.tries:
        how = {"pairs": options.pairs or 32, "most": options.tries, "guidance": options.guidance}
        print(json.dumps(tried(options.model, options.data, home(), _say, **how), indent=1))
        return 0
    report = judge(options.model, options.data, home(), _say, changes)
    write(options.model, report)
    print(json.dumps(report, indent=1))
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
