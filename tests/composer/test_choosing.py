"""A vision model that was taught to choose with the article in view is asked that way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from PIL import Image

from composer.compose import compose
from composer.models import Worded
from retrieval.picture import Candidate
from tests.composer.kit import WordSource, answer, kit, run, start
from tests.fakes import ScriptedVisionModel


@dataclass
class Composing(ScriptedVisionModel):
    """Takes the last candidate; remembers what it was shown."""

    asked: list[tuple[list[str], int, int, list[int]]] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(
            lambda images, prompt: '{"best": 1, "alt": "A lamp of brass", "caption": "Such lamps burned."}'
        )

    def choose_picture(
        self,
        lines: Sequence[str],
        line: int,
        candidates: Sequence[Image.Image],
        chosen: Mapping[int, Image.Image],
        *,
        language: str = "en",
        wanted: str = "",
    ) -> int:
        self.wanted.append(wanted)
        self.asked.append((list(lines), line, len(candidates), sorted(chosen)))
        return len(candidates) - 1


def test_it_chooses_after_the_text_and_what_was_chosen_before(tmp_path: Path) -> None:
    log, vision = start(tmp_path), Composing()
    source = WordSource(["brass lamp", "old brass lamp", "brass lamp on a ship"])
    article = run(log, compose, replace(kit(log, answer, source), vision=vision))
    (slot,) = article.slots()
    lines, line, count, before = vision.asked[0]
    assert lines[line].startswith("Lamps burn oil")
    assert count == len(slot.candidates) == 3
    assert before == []
    assert vision.wanted[0] == slot.query
    shown_first = slot.candidates[0].picture.digest
    assert slot.chosen not in (None, shown_first)
    assert all(len(shown) == 1 for shown in vision.seen)  # it words the one that it chose


@dataclass
class Wording(Composing):
    """A small model that words what it sees in its own way."""

    def word_picture(self, image: Image.Image) -> Worded:
        return Worded(caption="A lamp, seen by a small model.", alt="Flat drawing of a lamp")


class Unworded(WordSource):
    """Finds pictures whose captions nobody else gets to see."""

    def find(self, query: str, k: int) -> list[Candidate]:
        return [replace(c, picture=replace(c.picture, caption="")) for c in super().find(query, k)]


@pytest.mark.parametrize("captioned", [True, False])
def test_a_small_model_words_only_what_nobody_has_worded(tmp_path: Path, captioned: bool) -> None:
    log, vision = start(tmp_path), Wording()
    source = WordSource(["brass lamp", "old brass lamp"]) if captioned else Unworded(["brass lamp", "old brass lamp"])
    article = run(log, compose, replace(kit(log, answer, source), vision=vision))
    (slot,) = article.slots()
    assert (slot.alt == "Flat drawing of a lamp") is not captioned
    assert slot.caption != slot.alt
    assert not vision.seen  # it is not asked in other words
