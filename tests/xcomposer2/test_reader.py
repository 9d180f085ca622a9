"""What was read is not read again, and what is written is the same as without anything kept."""

from collections.abc import Sequence

import pytest
import torch
from PIL import Image

from composer.errors import ReplyError
from composer.models import Usage
from composer.xcomposer2.chat import Bos
from composer.xcomposer2.drawing import LIKELIEST, Sampling, drawing
from composer.xcomposer2.modeling import XComposer2ForConditionalGeneration
from composer.xcomposer2.processing import Encoded, XComposer2Processor
from composer.xcomposer2.reader import Reader
from tests.xcomposer2 import tiny
from tests.xcomposer2.toy_tokens import LetterTokens

PICTURES = [Image.effect_noise((30 + n, 30), 90).convert("RGB") for n in range(5)]


@pytest.fixture(scope="module")
def model() -> XComposer2ForConditionalGeneration:
    return tiny.model()


@pytest.fixture
def reader(model: XComposer2ForConditionalGeneration) -> Reader:
    return Reader(model, Usage(), branches=2, pictures=3)


def encoded(model: XComposer2ForConditionalGeneration, *parts: str | Image.Image) -> Encoded:
    return XComposer2Processor(LetterTokens(), model.config).encode(parts, bos=Bos.ONCE)


def reply(reader: Reader, prompt: Encoded, most: int = 6) -> list[int]:
    return list(reader.tokens(prompt, most, drawing(LIKELIEST)))


PROMPTS: list[Sequence[str | Image.Image]] = [
    ("Once upon a time", PICTURES[0], "there was"),
    ("Once upon a time", PICTURES[0], "there was a heron", PICTURES[1], "and"),
    ("Once upon a time", PICTURES[0], "there was a heron", PICTURES[2], "and"),
    ("Once upon a time", PICTURES[1], "there was a heron"),
    ("Quite another beginning without a picture, and rather long",),
    ("Once upon a time", PICTURES[0], "there was"),
    ("Quite another beginning without a picture, and", PICTURES[3], PICTURES[4]),
    ("Q",),
]


def test_replies_are_those_of_a_model_that_keeps_nothing(
    model: XComposer2ForConditionalGeneration, reader: Reader
) -> None:
    for parts in [*PROMPTS, *reversed(PROMPTS)]:
        prompt = encoded(model, *parts)
        assert reply(reader, prompt) == reply(Reader(model, Usage()), prompt)


def test_the_common_beginning_is_read_once(model: XComposer2ForConditionalGeneration, reader: Reader) -> None:
    first, second = encoded(model, *PROMPTS[0]), encoded(model, *PROMPTS[1])
    reply(reader, first)
    reply(reader, second)
    assert reader.usage.cached_tokens == len(first.ids)
    reply(reader, second)
    assert reader.usage.cached_tokens == len(first.ids) + len(second.ids) - 1


def test_the_same_place_of_another_picture_is_not_taken_for_it(
    model: XComposer2ForConditionalGeneration, reader: Reader
) -> None:
    reply(reader, encoded(model, *PROMPTS[1]))
    before = reader.usage.cached_tokens
    reply(reader, encoded(model, *PROMPTS[2]))
    assert reader.usage.cached_tokens - before == 1 + len("Once upon a time") + 9 + len("there was a heron")


def test_a_picture_goes_through_the_tower_once(
    model: XComposer2ForConditionalGeneration, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    original = XComposer2ForConditionalGeneration.get_image_features

    def counted(self: XComposer2ForConditionalGeneration, pixel_values: torch.Tensor) -> torch.Tensor:
        seen.append(len(pixel_values))
        return original(self, pixel_values)

    monkeypatch.setattr(XComposer2ForConditionalGeneration, "get_image_features", counted)
    reply(reader, encoded(model, "a", PICTURES[0], "b"))
    reply(reader, encoded(model, "quite another", PICTURES[0], PICTURES[1]))
    assert sum(seen) == 2


def test_stopping_early_leaves_everything_in_order(model: XComposer2ForConditionalGeneration, reader: Reader) -> None:
    prompt = encoded(model, *PROMPTS[1])
    pieces = reader.tokens(prompt, 50, drawing(LIKELIEST))
    first = [next(pieces), next(pieces)]
    pieces.close()
    assert reader.usage.generated_tokens == 2
    assert reply(reader, prompt, 2) == first


def test_a_model_that_breaks_off_is_reported_and_recovers(
    model: XComposer2ForConditionalGeneration, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = encoded(model, *PROMPTS[0])
    wanted = reply(reader, prompt)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(model.model.language_model, "forward", broken)
        with pytest.raises(ReplyError, match="out of memory"):
            reply(reader, encoded(model, "another"))
    assert reply(reader, prompt) == wanted


def test_a_seed_is_a_reply(model: XComposer2ForConditionalGeneration, reader: Reader) -> None:
    prompt = encoded(model, *PROMPTS[0])

    def drawn(seed: int) -> list[int]:
        return list(reader.tokens(prompt, 12, drawing(Sampling(top_k=40, top_p=1.0), seed)))

    assert drawn(1) == drawn(1)
    assert len({tuple(drawn(seed)) for seed in range(4)}) > 1


def test_a_flat_choice_is_made_among_all() -> None:
    """More tokens than are looked at first."""
    logits = torch.zeros(5000)
    drawn = {drawing(Sampling(top_p=1.0), seed)(logits, []) for seed in range(60)}
    assert len(drawn) > 50
    assert max(drawn) > 2500


def test_only_likely_tokens_are_drawn() -> None:
    logits = torch.tensor([0.0, 5.0, 4.9, -1.0, 4.8])
    for sampling, likely in ((Sampling(top_k=2, top_p=1.0), {1, 2}), (Sampling(top_p=0.3), {1}), (LIKELIEST, {1})):
        assert {drawing(sampling, seed)(logits, []) for seed in range(30)} == likely
    assert drawing(Sampling(temperature=0, penalty=2.0))(logits, [1, 2]) == 4
