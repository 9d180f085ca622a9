"""The official way of composing an illustrated article: write, place, title, choose; and change a paragraph.

Every step asks the model and reads its reply with `answers`, so that no reply can stop the work; what stood in for a
reply is said in the result. Requests share their beginning, so a `Reader` processes the article once for all slots.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from PIL import Image

from composer.xcomposer2 import answers, prompts
from composer.xcomposer2.chat import Bos
from composer.xcomposer2.context import fitted
from composer.xcomposer2.drawing import COMPOSITION, LIKELIEST, Sampling, drawing
from composer.xcomposer2.processing import Encoded, XComposer2Processor
from composer.xcomposer2.prompts import Ask, Change
from composer.xcomposer2.reader import Reader
from composer.xcomposer2.tokens import streamed

LEAST = 16  # tokens of a reply there must be room for


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A picture's place: after this line, under this title, this candidate."""

    line: int
    title: str
    choice: int  # index among the candidates


class Composer:
    """One model composing in one language. Placing, titles and choices are the likeliest replies, writing is drawn."""

    def __init__(
        self, reader: Reader, processor: XComposer2Processor, *, language: str = "zh", sampling: Sampling = COMPOSITION
    ) -> None:
        self._reader = reader
        self._processor = processor
        self._words = prompts.prompts(language)
        self._sampling = sampling

    def write(
        self, instruction: str, images: Sequence[Image.Image] = (), *, seed: int = 0, most: int = 4096
    ) -> Generator[str, None, None]:
        """The article as it comes. Closing the iterator stops the model."""
        yield from self._reply(prompts.write(instruction, images, most=most), self._sampling, seed)

    def place(
        self, lines: Sequence[str], *, count: int | None = None, images: Sequence[Image.Image] = ()
    ) -> tuple[int, ...]:
        """After which lines pictures go, in the article's order."""
        if not lines:
            return ()
        ask = self._fit(lines, lambda at: prompts.place(self._words, lines, count=count, images=images, start=at))
        return answers.slots(self._whole(ask), lines, count=count)

    def title(self, lines: Sequence[str], slot: int, past: Mapping[int, str]) -> str:
        """The title of the picture after one line; `past` are those of the slots before."""
        seen = lines[: slot + 2]
        ask = self._fit(seen, lambda at: prompts.caption(self._words, lines, slot, _since(past, at), start=at))
        reply = self._whole(ask, lambda text: self._words.caption_end in text)
        return answers.title(reply, lines[slot])

    def titles(self, lines: Sequence[str], slots: Sequence[int]) -> dict[int, str]:
        """Titles one after another, each seen with those before."""
        past: dict[int, str] = {}
        for slot in slots:
            past[slot] = self.title(lines, slot, past)
        return past

    def choose(
        self,
        lines: Sequence[str],
        slot: int,
        candidates: Sequence[Image.Image],
        chosen: Mapping[int, Image.Image] | None = None,
    ) -> int:
        """Which candidate fits after a line, seen with the article and what was chosen before; the first is taken where
        there is but one, and where the reply names none."""
        if len(candidates) == 1:
            return 0
        seen = lines[: slot + 1]
        before = chosen or {}
        ask = self._fit(seen, lambda at: prompts.choose(self._words, lines, slot, candidates, before, start=at))
        return answers.choice(self._whole(ask, answers.names_a_choice), len(candidates))

    def illustrate(
        self, lines: Sequence[str], find: Callable[[str], Sequence[Image.Image]], *, count: int | None = None
    ) -> Iterator[Slot]:
        """Places, titles and choices for a whole article; `find` gives the candidates for a title, best first. A slot
        without candidates is left out."""
        titles = self.titles(lines, self.place(lines, count=count))
        chosen: dict[int, Image.Image] = {}
        for line, title in titles.items():
            candidates = find(title)
            if not candidates:
                continue
            choice = self.choose(lines, line, candidates, chosen)
            chosen[line] = candidates[choice]
            yield Slot(line=line, title=title, choice=choice)

    def illustrate_from(
        self, lines: Sequence[str], pool: Sequence[Image.Image], *, count: int | None = None
    ) -> Iterator[Slot]:
        """The official way with the author's own pictures: no titles are asked for, and each picture is used once.
        `Slot.choice` is the index in the pool."""
        left, chosen = list(range(len(pool))), dict[int, Image.Image]()
        most = len(pool) if count is None else min(count, len(pool))
        for line in self.place(lines, count=most, images=pool[: len(prompts.LETTERS)]):
            shown = left[: len(prompts.LETTERS)]
            pick = shown[self.choose(lines, line, [pool[n] for n in shown], chosen)]
            left.remove(pick)
            chosen[line] = pool[pick]
            yield Slot(line=line, title=answers.plain_title(lines[line]), choice=pick)

    def change(self, how: Change, text: str, instruction: str = "", *, seed: int = 0) -> Generator[str, None, None]:
        """A paragraph expanded, rewritten or shortened, as it comes."""
        yield from self._reply(prompts.change(self._words, how, text, instruction), self._sampling, seed)

    def insert(self, before: str, after: str, instruction: str, *, seed: int = 0) -> Generator[str, None, None]:
        """A paragraph between two, as it comes."""
        yield from self._reply(prompts.insert(self._words, before, after, instruction), self._sampling, seed)

    def _fit(self, lines: Sequence[str], build: Callable[[int], Ask]) -> Ask:
        return fitted(build, lines, lambda ask: len(self._encoded(ask).ids) + ask.most, self._reader.room)

    def _encoded(self, ask: Ask) -> Encoded:
        return self._processor.chat(ask.turns, bos=Bos.ONCE, begun=ask.begun)

    def _whole(self, ask: Ask, enough: Callable[[str], bool] = lambda text: False) -> str:
        """The likeliest reply, as far as it is wanted."""
        text = ""
        with closing(self._reply(ask, LIKELIEST, 0)) as pieces:
            for piece in pieces:
                text += piece
                if enough(text):
                    break
        return text

    def _reply(self, ask: Ask, sampling: Sampling, seed: int) -> Generator[str, None, None]:
        prompt = self._encoded(ask)
        most = max(LEAST, min(ask.most, self._reader.room - len(prompt.ids)))
        tokens = self._reader.tokens(prompt, most, drawing(sampling, seed))
        try:
            yield from streamed(self._processor.tokens, until_end(tokens, self._processor.tokens.ends))
        finally:
            tokens.close()


def until_end(tokens: Iterator[int], ends: frozenset[int]) -> Iterator[int]:
    """The tokens before the first that ends a reply."""
    for token in tokens:
        if token in ends:
            return
        yield token


def _since(past: Mapping[int, str], start: int) -> dict[int, str]:
    """Titles of the slots that are still in view."""
    return {slot: title for slot, title in past.items() if slot >= start}
