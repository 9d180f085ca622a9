"""What only the engines of transformers and diffusers do. With tiny random weights of the real classes."""

from pathlib import Path

import pytest

from composer.backends.hf_text import TransformersTextModel
from composer.backends.sampling import Sampling
from composer.errors import ReplyError, SetupError
from composer.models import Message, Prompt
from tests.backends.text_subjects import SCHEMA, told

BOLD = Sampling(repeat_penalty=1.0, temperature=0.01)


def ask(model: TransformersTextModel, prompt: Prompt, seed: int = 0) -> str:
    return "".join(model.stream(prompt, max_tokens=24, seed=seed))


def test_a_cached_beginning_changes_nothing_in_the_reply(tiny_text_folder: Path) -> None:
    begin = told("Tell me about herons, please.")
    longer = (*begin, Message(role="assistant", content="They wait."), Message(role="user", content="For what?"))
    warm = TransformersTextModel(str(tiny_text_folder), sampling=BOLD)
    ask(warm, begin)
    read = warm.usage.prompt_tokens
    reply = ask(warm, longer)
    assert warm.usage.cached_tokens >= read - 2
    assert reply == ask(TransformersTextModel(str(tiny_text_folder), sampling=BOLD), longer)


def test_the_same_seed_gives_the_same_reply_and_another_another(tiny_text_folder: Path) -> None:
    model = TransformersTextModel(str(tiny_text_folder))
    first, again, other = (ask(model, told("A poem."), seed) for seed in (5, 5, 6))
    assert first == again
    assert first != other


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_every_number_type_and_a_penalty_work(
    tiny_text_folder: Path, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr("composer.backends.hf_text.place", lambda: ("cpu", getattr(torch, dtype)))
    without, much = (
        TransformersTextModel(str(tiny_text_folder), sampling=Sampling(repeat_penalty=p, temperature=0.01))
        for p in (1.0, 5.0)
    )
    assert ask(without, told("Hello.")) != ask(much, told("Hello."))


def test_a_conversation_beyond_the_models_positions_is_refused(tiny_text_folder: Path) -> None:
    with pytest.raises(ReplyError, match="longer than the 4096"):
        ask(TransformersTextModel(str(tiny_text_folder)), told("word " * 1000))


def test_a_schema_that_is_not_understood_is_refused(tiny_text_folder: Path) -> None:
    model = TransformersTextModel(str(tiny_text_folder))
    with pytest.raises(SetupError, match="not understood"):
        list(model.stream(told("JSON"), max_tokens=4, schema={"type": "shape"}))
    assert "".join(model.stream(told("JSON"), max_tokens=160, schema=SCHEMA)).startswith("{")


def test_what_is_no_model_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"cannot be loaded: .* Check the folder\."):
        ask(TransformersTextModel(str(tmp_path)), told("Hello."))
