"""What holds for every TextModel: the fakes, the script file and every engine."""

import json
import threading
from typing import cast

import pytest

from composer.errors import SetupError
from composer.models import TextModel
from tests.backends.text_subjects import SCHEMA, Subject, told

ENGINES = [
    "scripted_text",
    "refusing_text",
    "script_file_text",
    "openai_text",
    "transformers_text",
    pytest.param("llamacpp_text", marks=pytest.mark.starter),
]


@pytest.fixture(params=ENGINES)
def subject(request: pytest.FixtureRequest) -> Subject:
    return cast(Subject, request.getfixturevalue(request.param))


def test_is_a_text_model(subject: Subject) -> None:
    assert isinstance(subject.model, TextModel)
    assert subject.model.name


def test_pieces_are_text_and_never_empty(subject: Subject) -> None:
    pieces = list(subject.model.stream(told("Tell me about herons."), max_tokens=24))
    assert len(pieces) > 1
    assert all(isinstance(piece, str) and piece for piece in pieces)


def test_a_reply_ends_at_max_tokens_without_an_error(subject: Subject) -> None:
    short, longer = ("".join(subject.model.stream(told("Tell me about herons."), max_tokens=n)) for n in (4, 24))
    assert len(short) < 120
    assert longer.startswith(short)  # four tokens of a random model may be no whole character
    assert longer


def test_stop_strings_end_the_reply_and_are_not_part_of_it(subject: Subject) -> None:
    for stop in (["e"], ["th", "he", " a"]):
        reply = "".join(subject.model.stream(told("Tell me about herons."), max_tokens=24, stop=stop))
        assert not any(s in reply for s in stop)


def test_a_schema_is_honoured_or_refused_before_the_first_piece(subject: Subject) -> None:
    pieces = subject.model.stream(told("Answer in JSON: which animal?"), max_tokens=120, schema=SCHEMA)
    try:
        reply = "".join(pieces)
    except SetupError:
        assert not subject.model.usage.generated_tokens
        return
    value = json.loads(reply)
    assert set(value) == {"animal", "legs"}
    assert isinstance(value["legs"], int)


def test_closing_the_iterator_stops_the_model(subject: Subject) -> None:
    pieces = subject.model.stream(told("Tell me about herons."), max_tokens=400)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert subject.model.usage.generated_tokens <= 8
    assert "".join(subject.model.stream(told("Tell me about herons."), max_tokens=8))


def test_usage_counts_calls_and_tokens(subject: Subject) -> None:
    list(subject.model.stream(told("Tell me about herons."), max_tokens=8))
    first = subject.model.usage.prompt_tokens
    list(subject.model.stream(told("Tell me about herons."), max_tokens=8))
    usage = subject.model.usage
    assert usage.calls == 2
    assert usage.prompt_tokens == 2 * first > 0
    assert 0 < usage.generated_tokens <= 16
    assert 0 <= usage.cached_tokens <= usage.prompt_tokens


def test_two_threads_may_ask_at_once(subject: Subject) -> None:
    replies: list[str] = []

    def ask() -> None:
        replies.append("".join(subject.model.stream(told("Tell me about herons."), max_tokens=12)))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(replies) == 2
    assert all(replies)
