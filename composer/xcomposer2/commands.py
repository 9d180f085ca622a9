"""What the commands that run a model do; `__main__` reads their arguments."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from PIL import Image

from composer.errors import SourceError, UsageError
from composer.xcomposer2.answers import paragraphs
from composer.xcomposer2.chat import Turn, with_pictures
from composer.xcomposer2.compose import Composer, until_end
from composer.xcomposer2.drawing import CHAT, drawing
from composer.xcomposer2.engine import XComposer2Engine, trimmed
from composer.xcomposer2.prompts import prompts
from composer.xcomposer2.tokens import streamed
from composer.xcomposer2.worker import Worker


def conversation(engine: XComposer2Engine, images: Sequence[Path], questions: Iterator[str], out: TextIO) -> None:
    """Answers each question in turn, the pictures shown with the first; what was said before is not read again."""
    parts = engine.parts()
    turns = [Turn(role="system", content=(prompts("en").chat_system,))]
    shown = [opened(path) for path in images]
    for question in questions:
        turns.append(Turn(role="user", content=with_pictures(question, shown)))
        shown = []
        prompt = trimmed(parts.processor, turns, parts.reader.room - 16)
        tokens = parts.reader.tokens(prompt, parts.reader.room - len(prompt.ids), drawing(CHAT))
        reply = ""
        for piece in streamed(parts.processor.tokens, until_end(tokens, parts.processor.tokens.ends)):
            reply += piece
            out.write(piece)
            out.flush()
        out.write("\n")
        turns.append(Turn(role="assistant", content=(reply,)))


def article(
    engine: XComposer2Engine, instruction: str, pool: Sequence[Path], *, language: str, count: int | None, seed: int
) -> Iterator[str]:
    """An article as Markdown lines, illustrated with the author's own pictures in the official way."""
    parts = engine.parts()
    composer = Composer(parts.reader, parts.processor, language=language)
    lines = paragraphs("".join(composer.write(instruction, seed=seed)))
    pictures = [opened(path) for path in pool]
    slots = {slot.line: slot for slot in composer.illustrate_from(lines, pictures, count=count)} if pictures else {}
    for number, line in enumerate(lines):
        yield f"{line}\n"
        if number in slots:
            yield f"![{slots[number].title}]({pool[slots[number].choice].as_posix()})\n"


def served(engine: XComposer2Engine, *, host: str, port: int, batch: int) -> None:
    """Serves the model until it is interrupted."""
    import uvicorn

    from composer.xcomposer2.serve import app

    worker = Worker(engine.parts(), most=batch)
    try:
        uvicorn.run(app(worker, engine.name), host=host, port=port, log_level="warning")
    finally:
        worker.close()


def opened(path: Path) -> Image.Image:
    """An RGB picture. Raises SourceError where the file is none."""
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SourceError(f"{path} cannot be read as a picture: {error}") from error


def asked(question: str | None) -> Iterator[str]:
    """The question, or else the lines of the standard input."""
    if question:
        yield question
        return
    for line in sys.stdin:
        if line.strip():
            yield line.strip()


def model_path(given: str | None, environment: str | None) -> str:
    """Where the model is. Raises UsageError that says how to tell."""
    path = given or environment
    if not path:
        raise UsageError("Name the model's folder with --model, or in INTERLEAVE_XCOMPOSER2. See docs/xcomposer2.md.")
    return path
