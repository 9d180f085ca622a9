"""From a model's raw reply to text that can be used."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from composer.errors import ReplyError, SetupError
from composer.markdown import CJK, ends_whole, sentences
from composer.models import Prompt, Schema, TextModel
from composer.prompts import Prompts

HOLD = 160  # characters after which an opening line is taken for text
NO_TEXT = re.compile(r"!\[|[-*_]{3,}$|[(\[]?(word count|字数)", re.IGNORECASE)  # invented pictures, rules, counts
HEADING = re.compile(r"^(#{1,6})\s+(.*)|^\*\*([^*]{1,80})\*\*:?$")
NUMBERED = re.compile(
    r"^((section|part|chapter) \d+\s*[:：.]?|第[\d一二三四五六七八九十]+[节章]\s*[:：.]?|\d{1,2}[.)、](?!\d))\s*",
    re.IGNORECASE,
)
LISTED = re.compile(r"[-*+>|#]|\d+[.)]\s")  # a line of a list, quote, table or heading
SAME = 0.7  # share of letter runs that two sentences have in common when they say the same
JUST_BEFORE = 3  # sentences
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


def clean(pieces: Iterable[str], *, seen: set[str], template: Prompts) -> Iterator[str]:
    """A section's text as it comes, without what is not text.

    Left out: an opening that speaks of the task, headings of level 1 and 2, those that say nothing and any in `seen`
    (which takes the new ones up; one before a colon is left out, too), a code fence around the whole, invented
    pictures, and what a chat model signs off with. Paragraphs that are parted by a single line break are parted by two.
    """
    fenced = False
    for number, line in enumerate(_lines(pieces)):
        if number == 0:
            line = _without_opener(line, template.meta_openers)
            if not line.strip():
                continue
        bare = line.strip()
        if re.fullmatch(r"```(markdown|md)?", bare) and (number == 0 or fenced):
            fenced = not fenced
            continue
        if NO_TEXT.match(bare):
            continue
        heading = HEADING.match(bare)
        if heading:
            text = bare_heading(heading.group(2) or heading.group(3))
            before, _, behind = text.replace("：", ":").partition(":")
            text = behind.strip() if behind.strip() and key_of(before) in seen else text
            if (
                not text
                or key_of(text) in seen
                or any(p.search(text) for p in template.empty_titles)
                or (heading.group(1) and len(heading.group(1)) < 3)
            ):
                continue
            seen.add(key_of(text))
            line = f"### {text}\n\n"
        yield f"{line}\n" if line.endswith("\n") and ends_whole(bare) and not LISTED.match(bare) else line


def bare_heading(text: str) -> str:
    """A heading's words without marks of bold, which small models open and do not close, and without a number."""
    return NUMBERED.sub("", text.replace("**", "").strip(" *")).strip()


def without_talk(paragraph: str, patterns: Sequence[re.Pattern[str]]) -> str:
    """A paragraph without the sentences that speak of the task ("In this section, we will explore ...")."""
    every = sentences(paragraph)
    kept = [s for s in every if not any(p.search(s) for p in patterns)]
    if len(kept) == len(every):
        return paragraph
    return ("" if re.search(r"[。！？]", paragraph) else " ").join(kept)


def without_echo(paragraph: str) -> str:
    """A paragraph without the clauses of a sentence that say what one before in it said, word for word: "..., with a
    bridge, with a bridge." A small model falls into them; writers repeat single words only."""
    kept, changed = [], False
    for sentence in sentences(paragraph):
        said, parts = set[str](), re.split(r"(?<=[,;，、；])(?!\d)", sentence)
        fresh = []
        for part in parts:
            key = key_of(re.sub(r"^\s*(and|or|but)\b|^\s*(和|并且|而且)", "", part.lower()))
            if len(key) < (4 if CJK.search(part) else 16) or key not in said:
                fresh.append(part)
            said.add(key)
        whole = "".join(fresh)
        if len(fresh) < len(parts):
            changed, whole = True, re.sub(r"[,;，、；\s]+$", "", whole)
            end = re.search(r"[.!?。！？…][\"'”’)\]」』）*_]*$", sentence)
            whole += end[0] if end and not ends_whole(whole) else ""
        kept.append(whole)
    if not changed:
        return paragraph
    return ("" if re.search(r"[。！？]", paragraph) else " ").join(kept)


def new_sentences(paragraph: str, said: list[frozenset[str]]) -> str:
    """A paragraph without the sentences that were said before, in these or nearly these words, or, for short ones, just
    before in the same words; `said` takes up the rest."""
    kept, dropped = [], False
    for sentence in sentences(paragraph):
        shape = shape_of(sentence)
        long = len(shape) > (5 if CJK.search(sentence) else 16)
        if (shape and shape in said[-JUST_BEFORE:]) or (
            long and any(len(shape & old) >= SAME * len(shape | old) for old in said)
        ):
            dropped = True
            continue
        said.append(shape)
        kept.append(sentence)
    if not dropped:
        return paragraph
    wide = bool(re.search(r"[。！？]", paragraph))
    return ("" if wide else " ").join(kept)


def shape_of(sentence: str) -> frozenset[str]:
    """The runs of three letters in a sentence: what is the same in two wordings of one sentence."""
    key = key_of(sentence)
    return frozenset(key[i : i + 3] for i in range(len(key) - 2))


def without_title(paragraph: str, title: str) -> str:
    """A paragraph without its section's title said again before it: on a line of its own, or before a colon."""
    cut = re.match(r"[^\n:：]+(?:[:：]\**\s*|\n)", paragraph)
    if cut is None or key_of(cut[0]) != key_of(title) or not key_of(title):
        return paragraph
    rest = paragraph[cut.end() :].lstrip()
    return rest[:1].upper() + rest[1:]


def key_of(text: str) -> str:
    """A text's letters and digits, lower case: what does not change with its marks."""
    return re.sub(r"[\W_]+", "", text).lower()


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
