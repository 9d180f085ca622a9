"""What only llama.cpp does: the prefix cache, stopping while it reads, its own errors. With SmolLM2."""

import re
import time
from collections.abc import Callable
from math import log
from pathlib import Path

import pytest

from composer.backends.llamacpp import LlamaCppTextModel, shares
from composer.errors import ReplyError, SetupError
from composer.models import Message, ProseModel
from composer.placement.judge import ChoosingModel
from tests.backends.text_subjects import SCHEMA, told

Small = Callable[[], LlamaCppTextModel]


@pytest.mark.starter
def test_a_growing_conversation_is_not_read_again_with_and_without_a_schema(small_llama: Small) -> None:
    model = small_llama()
    begin = told("Tell me about herons, and about where they nest. " * 3)
    reply = "".join(model.stream(begin, max_tokens=12))
    read = model.usage.prompt_tokens
    longer = (*begin, Message(role="assistant", content=reply), Message(role="user", content="Answer in JSON."))
    reply = "".join(model.stream(longer, max_tokens=40, schema=SCHEMA))
    assert model.usage.cached_tokens >= read - 8
    read = model.usage.prompt_tokens - read
    cached = model.usage.cached_tokens
    longest = (*longer, Message(role="assistant", content=reply), Message(role="user", content="Go on."))
    list(model.stream(longest, max_tokens=4))
    assert model.usage.cached_tokens - cached >= read - 8


@pytest.mark.starter
def test_prose_is_paragraphs_of_running_text_and_nothing_else(small_llama: Small) -> None:
    prompt = told("Write Markdown with a heading, a list, a table and **bold** type about herons.")
    model = small_llama()
    assert isinstance(model, ProseModel)
    reply = "".join(model.prose(prompt, paragraphs=2, max_tokens=400))
    assert re.fullmatch(r"[^\n*`|]{40,}(\n\n[^\n*`|]+)?", reply)  # a first that turns in circles is cut at max_tokens
    assert not reply.startswith(("#", "-", "1"))


@pytest.mark.starter
def test_it_says_how_likely_each_answer_is(small_llama: Small) -> None:
    model = small_llama()
    assert isinstance(model, ChoosingModel)
    asked = told("What colour is the sky on a sunny day? Say one word.")
    found = model.choose(asked, ["The", "Blue", "Yesterday"])
    assert sum(found) == pytest.approx(1)
    assert found == pytest.approx(model.choose(asked, ["The", "Blue", "Yesterday"]), abs=0.02)
    assert found[2] == min(found) < 0.05


def test_shares_are_of_the_options_alone() -> None:
    likely = [("7", log(0.4)), (" 7", log(0.2)), ("2", log(0.2)), ("The", log(0.1))]
    assert shares(likely, ["7", "2", "9"]) == pytest.approx([0.75, 0.25, 0])
    assert shares([], ["a", "b"]) == [0.5, 0.5]


@pytest.mark.starter
def test_the_same_seed_gives_the_same_reply(small_llama: Small) -> None:
    model = small_llama()
    replies = {"".join(model.stream(told("A poem, please."), max_tokens=16, seed=7)) for _ in range(3)}
    assert len(replies) == 1


@pytest.mark.starter
def test_a_conversation_beyond_the_context_says_what_to_do(small_llama: Small) -> None:
    with pytest.raises(ReplyError, match="Raise INTERLEAVE_CONTEXT"):
        list(small_llama().stream(told("word " * 2200), max_tokens=4))


@pytest.mark.starter
def test_a_schema_the_engine_does_not_know_is_refused(small_llama: Small) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "shape"}}}
    with pytest.raises(SetupError, match="cannot hold to this schema"):
        list(small_llama().stream(told("JSON"), max_tokens=4, schema=schema))


@pytest.mark.starter
def test_closing_takes_no_longer_than_a_token(small_llama: Small) -> None:
    pieces = small_llama().stream(told("A long story, please."), max_tokens=1000)
    next(pieces)
    begin = time.monotonic()
    pieces.close()
    assert time.monotonic() - begin < 2.0  # a token takes 0.01 s; the machine may be busy


@pytest.mark.starter
def test_nothing_is_printed(small_llama: Small, capfd: pytest.CaptureFixture[str]) -> None:
    list(small_llama().stream(told("Hello."), max_tokens=2))
    assert capfd.readouterr() == ("", "")


def test_a_missing_and_a_broken_file_are_setup_errors(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    with pytest.raises(SetupError, match="no model file"):
        list(LlamaCppTextModel(lambda: broken, name="x").stream(told("Hello."), max_tokens=2))
    broken.write_text("<html>not a model</html>")
    with pytest.raises(SetupError, match="cannot load"):
        list(LlamaCppTextModel(lambda: broken, name="x").stream(told("Hello."), max_tokens=2))


def test_nothing_is_loaded_before_the_first_piece_is_asked_for() -> None:
    def path() -> Path:
        raise AssertionError("asked for the file")

    model = LlamaCppTextModel(path, name="x")
    pieces = model.stream(told("Hello."), max_tokens=2)
    pieces.close()
    assert model.usage.calls == 0
