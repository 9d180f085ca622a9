"""From a model's raw reply to text that can be used."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from composer.errors import ReplyError, SetupError
from composer.markdown import sentences
from composer.models import Prompt, Schema, TextModel

HOLD = 160  # characters after which an opening line is taken for text
NO_TEXT = re.compile(r"!\[|[-*_]{3,}$|[(\[]?(word count|字数)", re.IGNORECASE)  # invented pictures, rules, counts
MAYBE_SPECIAL = re.compile(r"\s*(#|\*\*|`|!|--|__|\*{3}|[(\[]?word count|[(\[]?字数)|\s*$", re.IGNORECASE)


@contextmanager
def stopping(pieces: Iterator[str]) -> Iterator[Iterator[str]]:
    """Stop the model when the block is left, however it is left."""
    try:
        yield pieces
    finally:
        close = getattr(pieces, "close", None)
        if close:
            close()


def ask_json(model: TextModel, prompt: Prompt, schema: Schema, *, max_tokens: int, seed: int) -> str:
    """The reply as one JSON text. An engine that cannot constrain is asked without the schema, and the object is cut
    out of its reply. Raises ReplyError when there is none."""
    try:
        reply = "".join(model.stream(prompt, max_tokens=max_tokens, schema=schema, seed=seed))
    except SetupError:
        reply = "".join(model.stream(prompt, max_tokens=max_tokens, seed=seed))
    begin, end = reply.find("{"), reply.rfind("}")
    if begin < 0 or end < begin:
        raise ReplyError(f"{model.name} answered without JSON: {reply[:80]!r}")
    return reply[begin : end + 1]


def clean(pieces: Iterable[str], *, title: str, openers: Sequence[re.Pattern[str]]) -> Iterator[str]:
    """A section's text as it comes, without what is not text.

    Left out: an opening that speaks of the task, headings of level 1 and 2 and any that repeat, a code fence around
    the whole, invented pictures, and what a chat model signs off with.
    """
    seen = {_key(title)}
    fenced = False
    for number, line in enumerate(_lines(pieces)):
        if number == 0:
            line = _without_opener(line, openers)
            if not line.strip():
                continue
        bare = line.strip()
        if re.fullmatch(r"```(markdown|md)?", bare) and (number == 0 or fenced):
            fenced = not fenced
            continue
        if (
            bare.startswith("![")
            or re.fullmatch(r"[-*_]{3,}", bare)
            or re.match(r"^[(\[]?(word count|字数)", bare, re.I)
        ):
            continue
        heading = re.match(r"^(#{1,6})\s+(.*)|^\*\*([^*]{1,80})\*\*:?$", bare)
        if heading:
            key = _key(heading.group(2) or heading.group(3))
            if key in seen or (heading.group(1) and len(heading.group(1)) < 3):
                continue
            seen.add(key)
            line = f"### {(heading.group(2) or heading.group(3)).strip(' *')}\n\n"
        yield line


def new_sentences(paragraph: str, said: set[str]) -> str:
    """A paragraph without the sentences that were said before; remembers the rest in `said`."""
    kept, dropped = [], False
    for sentence in sentences(paragraph):
        key = _key(sentence)
        if len(key) > 24 and key in said:
            dropped = True
            continue
        said.add(key)
        kept.append(sentence)
    if not dropped:
        return paragraph
    wide = bool(re.search(r"[。！？]", paragraph))
    return ("" if wide else " ").join(kept)


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """The text in chunks that begin at line starts where it matters: a line that may be a heading, a fence or an
    opening is held back until it is whole; ordinary text passes through at once."""
    held, at_start, first = "", True, True
    for piece in pieces:
        held += piece
        while held:
            end = held.find("\n")
            special = first or (
                at_start and bool(re.match(r"\s*(#|\*\*|`|!|-{2,}|_{3,}|\*{3,}|[(\[]?[Ww字])|\s*$", held))
            )
            if end < 0:
                if special and len(held) < HOLD:
                    break
                yield held
                held, at_start, first = "", False, False
            else:
                line, held = held[: end + 1], held[end + 1 :]
                if first and not line.strip():
                    continue
                yield line
                at_start, first = True, False
    if held:
        yield held


def _without_opener(line: str, openers: Sequence[re.Pattern[str]]) -> str:
    for pattern in openers:
        found = pattern.match(line.strip())
        if found:
            return line.strip()[found.end() :].lstrip() + ("\n" if line.endswith("\n") else "")
    return line


def _key(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()
