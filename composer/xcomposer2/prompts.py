"""What XComposer2 is asked while it composes: the official protocol, filled in from `templates/xcomposer2/`.

Pure: from lines, captions and pictures to the parts of a prompt. An article is a list of lines, as the official program
has it; `<Seg3>` is the fourth. `answers` reads the replies.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Literal

from PIL import Image

from composer.errors import UsageError
from composer.prompts import TEMPLATES
from composer.xcomposer2.chat import Turn

Change = Literal["expand", "rewrite", "shorten"]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """All prompts of one language; every field is the table entry of that name."""

    system: str
    chat_system: str
    place: str
    place_begun: str
    caption: str
    caption_begun: str
    caption_end: str
    past_first: str
    past_next: str
    past_between: str
    past_end: str
    choose_context: str
    choose_candidates: str
    choose_begun: str
    expand: str
    rewrite: str
    shorten: str
    insert: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request: what the user's turn holds, how the reply begins, and how long it may become."""

    content: tuple[str | Image.Image, ...]
    begun: str = ""
    most: int = 200  # tokens

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The conversation; the official program leaves the system turn out."""
        return (Turn(role="user", content=self.content),)


@cache
def prompts(language: str) -> Prompts:
    """The prompts for a language: the official Chinese ones for Chinese, else the English ones."""
    code = "zh" if language.split("-")[0] == "zh" else "en"
    path = TEMPLATES / "xcomposer2" / f"{code}.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    names = {field.name for field in fields(Prompts)}
    if table.keys() != names:
        raise UsageError(f"{path.name} must have exactly these entries: {', '.join(sorted(names))}.")
    return Prompts(**table)


def write(instruction: str, images: Sequence[Image.Image] = (), *, most: int = 4096) -> Ask:
    """The whole article, line by line; reference pictures come first."""
    before: list[str | Image.Image] = []
    for number, image in enumerate(images):
        before += [" ", image] if number else [image]
    return Ask(content=(*before, instruction), most=most)


def place(
    words: Prompts, lines: Sequence[str], *, count: int | None, images: Sequence[Image.Image] = (), start: int = 0
) -> Ask:
    """After which lines a picture fits; as many as the model likes for None. Lines before `start` are left out."""
    before = tuple(part for image in images for part in (image, " "))
    text = words.place.format(article=numbered(lines, start), count="" if count is None else count)
    return Ask(content=(*before, text), begun=words.place_begun)


def caption(words: Prompts, lines: Sequence[str], slot: int, past: Mapping[int, str], *, start: int = 0) -> Ask:
    """The title of the picture after one line, seen with what stands up to the next line and the titles before."""
    told = [(n, text) for n, text in past.items() if n != slot]
    parts = [
        (words.past_next if number else words.past_first).format(slot=n, caption=text)
        for number, (n, text) in enumerate(told)
    ]
    before = words.past_between.join(parts) + words.past_end if parts else ""
    text = words.caption.format(article=numbered(lines[: slot + 2], start), past=before, slot=slot)
    return Ask(content=(text,), begun=words.caption_begun)


def choose(
    words: Prompts,
    lines: Sequence[str],
    slot: int,
    candidates: Sequence[Image.Image],
    chosen: Mapping[int, Image.Image],
    *,
    start: int = 0,
) -> Ask:
    """Which of the candidates fits after a line, seen with the article and the pictures chosen before.

    Raises UsageError for more candidates than there are letters.
    """
    if not 1 <= len(candidates) <= len(LETTERS):
        raise UsageError(f"One of 1 to {len(LETTERS)} candidates can be chosen, not of {len(candidates)}.")
    content: list[str | Image.Image] = [words.choose_context]
    text = ""
    for number in range(start, slot + 1):
        text += lines[number] + "\n"
        if number in chosen and number != slot:
            content += [text, chosen[number]]
            text = ""
    content.append(text + words.choose_candidates)
    for number, candidate in enumerate(candidates):
        content += [("\n" if number else "") + LETTERS[number] + ".", candidate]
    return Ask(content=tuple(content), begun=words.choose_begun, most=10)


def change(words: Prompts, how: Change, text: str, instruction: str = "", *, most: int = 1024) -> Ask:
    """A paragraph expanded, rewritten (both with some material) or shortened."""
    template = {"expand": words.expand, "rewrite": words.rewrite, "shorten": words.shorten}[how]
    return Ask(content=(template.format(text=text, instruction=instruction),), most=most)


def insert(words: Prompts, before: str, after: str, instruction: str, *, most: int = 1024) -> Ask:
    """A paragraph between two; either may be empty at the article's ends."""
    return Ask(content=(words.insert.format(before=before, after=after, instruction=instruction),), most=most)


def numbered(lines: Sequence[str], start: int = 0) -> str:
    """Lines as the protocol shows them, from line `start` on."""
    return "".join(f"<Seg{number}> {line}\n" for number, line in enumerate(lines) if number >= start)
