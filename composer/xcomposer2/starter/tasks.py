"""The paper's tasks made of labelled drawings: choosing for an article among four, and looking at one picture.

Pure: a question follows from the seed and the number of its step. The choice is asked in the words in which the engine
asks (`prompts.choose`). Knows labels and lines; does not know tokens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from composer.xcomposer2 import prompts
from composer.xcomposer2.starter.pictures import Pictures, Seen
from retrieval.training.holdout import words_in

TRIES = 40  # draws of a picture that differs enough from the others
LETTERS = "ABCD"
Floats = NDArray[np.float32]
Draws = np.random.Generator


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture's place in a conversation."""

    row: int
    variant: int = 0


Content = str | Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One question, how its answer begins, and the answer that is learnt."""

    content: tuple[Content, ...]
    reply: str
    begun: str = ""
    asks: str = "choose"  # what kind of question it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One conversation."""

    exchanges: tuple[Exchange, ...]


class Pool:
    """The pictures of one part of the data, by label and by set, and how near labels are in meaning."""

    def __init__(self, pictures: Pictures, rows: Sequence[int], vectors: Mapping[str, Floats]) -> None:
        self.seen, self.rows = pictures.seen, list(rows)
        self.plain = [row for row in rows if not self.seen[row].icon]
        self.icons = [row for row in rows if self.seen[row].icon]
        self.of_label: dict[str, list[int]] = {}
        self.of_source: dict[str, list[int]] = {}
        for row in rows:
            self.of_label.setdefault(self.seen[row].label, []).append(row)
            self.of_source.setdefault(self.seen[row].source, []).append(row)
        self.labels = sorted(self.of_label)
        self._table = np.stack([vectors[label] for label in self.labels]) if self.labels else np.zeros((0, 1))
        self._vectors = vectors

    def near(self, label: str, count: int) -> list[str]:
        """The labels nearest in meaning, the nearest first."""
        scores = self._table @ self._vectors[label]
        most = min(count, len(scores) - 1)
        best = np.argpartition(-scores, most)[: most + 1]
        return [self.labels[int(n)] for n in best[np.argsort(-scores[best])] if self.labels[int(n)] != label]

    def one(self, draws: Draws, icons: float) -> int:
        """A picture of chance; `icons` is how often it is an icon of one colour."""
        rows = self.icons if self.icons and (not self.plain or draws.random() < icons) else self.plain
        return int(draws.choice(rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A question among four, before it is worded."""

    line: str  # of the article, that a picture is wanted for
    rows: tuple[int, ...]
    right: int  # index among `rows`


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """What kind of choice is wanted."""

    recipe: Mapping[str, Any]
    words: Mapping[str, Any]
    hard: bool
    alike: bool


def choice(pool: Pool, row: int, how: How, draws: Draws, *, template: str = "") -> Choice:
    """A question whose answer is this picture; the other three show something else. `template` is the line's."""
    own = pool.seen[row]
    template = template or str(draws.choice([t for t in how.words["contexts"] if _fits(t, own)]))
    told = own.tags if "tag" in template.lower() else ()
    near = pool.near(own.label, how.recipe["choice"]["near"]) if how.hard else pool.labels
    others: list[int] = []
    for number in range(TRIES * 3):
        if len(others) == len(LETTERS) - 1:
            break
        labels = near if number < TRIES * 2 else pool.labels
        other = _picture(pool, str(draws.choice(labels)), own.source if how.alike else "", draws)
        rivals = [own, *(pool.seen[n] for n in others)]
        if all(differ(pool.seen[other], rival, told) for rival in rivals):
            others.append(other)
    while len(others) < len(LETTERS) - 1:
        others.append(int(draws.choice(pool.rows)))  # a pool so small that nothing differs enough
    right = int(draws.integers(len(LETTERS)))
    rows = (*others[:right], row, *others[right:])
    return Choice(line=filled(template, own), rows=rows, right=right)


def asked(
    one: Choice, pool: Pool, words: Mapping[str, Any], draws: Draws, *, before: float = 0.0, variants: int = 1
) -> Exchange:
    """A choice in the engine's words; sometimes with a line before, and the picture that was chosen for it."""
    lines, chosen = [one.line], dict[int, Shown]()
    if draws.random() < before:
        lead = int(draws.choice(pool.rows))
        lines.insert(0, filled(str(draws.choice(words["lead"])), pool.seen[lead]))
        if draws.random() < 0.5:
            chosen[0] = Shown(lead, int(draws.integers(variants)))
    candidates = [Shown(row, int(draws.integers(variants))) for row in one.rows]
    # Ask takes pictures; a picture's place does as well, for nothing looks at it before it is tokenised.
    ask = prompts.choose(prompts.prompts("en"), lines, len(lines) - 1, cast(Any, candidates), cast(Any, chosen))
    content = cast(tuple[Content, ...], ask.content)
    return Exchange(content=content, begun=ask.begun, reply=f" {LETTERS[one.right]}")


def looked(pool: Pool, row: int, how: How, draws: Draws, *, variant: int = 0) -> Sample:
    """A conversation about one picture: its caption and two questions, in an order of chance."""
    makers = [_caption, _alt, _content]
    own = pool.seen[row]
    if own.colour:
        makers.append(_colour)
    if own.source in how.recipe["styles"]:
        makers.append(_style)
    if own.count > 1 or draws.random() < 0.2:
        makers.append(_count)
    order = [makers[int(n)] for n in draws.permutation(len(makers))[:3]]
    if own.count > 1 and _count not in order:
        order[0] = _count
    exchanges = [maker(pool, row, how, draws) for maker in order]
    first = exchanges[0]
    opened = Exchange(content=(Shown(row, variant), *first.content), reply=first.reply, asks=first.asks)
    return Sample(exchanges=(opened, *exchanges[1:]))


def captioned(shown: Shown, text: str, words: Mapping[str, Any]) -> Sample:
    """A picture and what is said of it as its caption."""
    reply = words["caption_reply"].format(Label=capital(text))
    return Sample(exchanges=(Exchange(content=(shown, words["caption"]), reply=reply, asks="caption"),))


def question(kind: Literal["caption", "alt", "content", "colour", "style", "count"], pool: Pool, row: int, how: How,
             draws: Draws) -> Exchange:  # fmt: skip
    """One question about a picture, which stands first in it."""
    made = MAKERS[kind](pool, row, how, draws)
    return Exchange(content=(Shown(row), *made.content), reply=made.reply, asks=made.asks)


def step_samples(
    pool: Pool, counted: Sequence[int], recipe: Mapping[str, Any], words: Mapping[str, Any], step: int
) -> list[Sample]:
    """What is learnt in a step: the same whenever it is made."""
    training, own = recipe["training"], recipe["choice"]
    draws = np.random.default_rng([training["seed"], step])
    variants = recipe["pictures"]["variants"]
    kind = str(draws.choice(list(recipe["tasks"]), p=list(recipe["tasks"].values())))
    made = []
    for _ in range(training["batch"] * (1 + (kind == "caption"))):
        how = How(recipe=recipe, words=words, hard=draws.random() < own["hard"], alike=draws.random() < own["alike"])
        row = pool.one(draws, training["icons"])
        if kind == "choose":
            one = choice(pool, row, how, draws)
            made.append(Sample(exchanges=(asked(one, pool, words, draws, before=own["before"], variants=variants),)))
        elif kind == "caption":
            seen = pool.seen[row]
            made.append(captioned(Shown(row, int(draws.integers(variants))), seen.label, words))
        else:
            row = int(draws.choice(counted)) if len(counted) and draws.random() < 0.15 else row
            made.append(looked(pool, row, how, draws, variant=int(draws.integers(variants))))
    return made


def differ(one: Seen, other: Seen, told: Sequence[str]) -> bool:
    """Whether two pictures cannot be taken for each other: neither label has all words of the other, neither is the
    other's tag, and none of the tags that the line tells is the first one's."""
    a, b = words_in(one.label), words_in(other.label)
    return not (a <= b or b <= a or one.label in other.tags or other.label in one.tags or set(told) & set(one.tags))


def filled(template: str, one: Seen) -> str:
    """A line about a picture."""
    tags = (*one.tags, one.label, one.label)
    return template.format(
        label=one.label, Label=capital(one.label), tag=tags[0], tag2=tags[1], Tag=capital(tags[0])
    )  # fmt: skip


def capital(text: str) -> str:
    """With its first letter upper case."""
    return text[:1].upper() + text[1:]


def described(one: Seen, how: How) -> str:
    """The alt text of a drawing."""
    style = capital(how.recipe["styles"].get(one.source, "drawing"))
    colours = how.words["alt_colours"].format(colour=one.colour) if one.colour else ""
    return str(how.words["alt_reply"].format(Style=style, label=one.label, colours=colours))


def _fits(template: str, one: Seen) -> bool:
    return len(one.tags) >= ("tag2" in template) + ("tag" in template.lower())


def _picture(pool: Pool, label: str, source: str, draws: Draws) -> int:
    """A picture of a label, of the given set where there is one."""
    rows = pool.of_label[label]
    same = [row for row in rows if pool.seen[row].source == source]
    return int(draws.choice(same or rows))


def _caption(pool: Pool, row: int, how: How, draws: Draws) -> Exchange:
    reply = how.words["caption_reply"].format(Label=capital(pool.seen[row].label))
    return Exchange(content=(how.words["caption"],), reply=reply, asks="caption")


def _alt(pool: Pool, row: int, how: How, draws: Draws) -> Exchange:
    return Exchange(content=(how.words["alt"],), reply=described(pool.seen[row], how), asks="alt")


def _content(pool: Pool, row: int, how: How, draws: Draws) -> Exchange:
    own, yes = pool.seen[row], draws.random() < 0.5
    label = own.label
    for _ in range(0 if yes else TRIES):
        label = str(draws.choice(pool.labels))
        if differ(pool.seen[pool.of_label[label][0]], own, ()):
            break
    reply = how.words["yes"] if label == own.label else how.words["no"]
    return Exchange(content=(how.words["content"].format(label=label),), reply=reply, asks="content")


def _colour(pool: Pool, row: int, how: How, draws: Draws) -> Exchange:
    reply = how.words["colour_reply"].format(Colour=capital(pool.seen[row].colour))
    return Exchange(content=(how.words["colour"],), reply=reply, asks="colour")


def _style(pool: Pool, row: int, how: How, draws: Draws) -> Exchange:
    style = how.recipe["styles"].get(pool.seen[row].source, "drawing")
    return Exchange(
        content=(how.words["style"],), reply=how.words["style_reply"].format(Style=capital(style)), asks="style"
    )


def _count(pool: Pool, row: int, how: How, draws: Draws) -> Exchange:
    return Exchange(content=(how.words["count"],), reply=how.words["counts"][pool.seen[row].count - 1], asks="count")


MAKERS = {
    "caption": _caption, "alt": _alt, "content": _content, "colour": _colour, "style": _style, "count": _count,
}  # fmt: skip
