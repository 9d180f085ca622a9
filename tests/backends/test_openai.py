"""Servers as they are: good, busy, slow, dead, and lying."""

import base64
import io
import time
from typing import Any

import pytest
from PIL import Image

from composer.backends.openai import OpenAITextModel, OpenAIVisionModel, Server
from composer.errors import ReplyError, SetupError, UsageError
from tests.backends.stub_server import StubServer
from tests.backends.text_subjects import SCHEMA, told


def at(stub: StubServer, behaviour: str, **options: Any) -> OpenAITextModel:  # noqa: ANN401
    return OpenAITextModel("m", Server(base_url=stub.at(behaviour), first_wait=0.01, **options))


def ask(model: OpenAITextModel, text: str = "Tell me.", **options: Any) -> str:  # noqa: ANN401
    return "".join(model.stream(told(text), max_tokens=40, **options))


def test_the_request_says_what_was_asked_and_the_usage_what_was_done(
    stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "secret")
    model = at(stub, "good", api_key_env="MY_KEY")
    assert ask(model, stop=["."], seed=3)
    (request,) = stub.requests
    assert request["model"] == "m"
    assert request["seed"] == 3
    assert request["stop"] == ["."]
    assert request["messages"][0] == {"role": "system", "content": "You answer briefly."}
    assert stub.keys == ["Bearer secret"]
    assert (model.usage.calls, model.usage.prompt_tokens, model.usage.cached_tokens) == (1, 20, 5)
    assert model.usage.generated_tokens > 5


def test_no_key_is_sent_where_none_is_set(stub: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    ask(at(stub, "good"))
    assert stub.keys == [""]


@pytest.mark.parametrize("behaviour", ["good", "unchunked"])
def test_pieces_come_one_by_one(stub: StubServer, behaviour: str) -> None:
    assert len(list(at(stub, behaviour).stream(told("Tell me."), max_tokens=10))) == 10


def test_more_stops_than_a_request_may_name_still_stop(stub: StubServer) -> None:
    assert "heron" not in ask(at(stub, "good"), stop=["q1", "q2", "q3", "q4", "heron"])
    assert len(stub.requests[0]["stop"]) == 4


@pytest.mark.parametrize("behaviour", ["500", "429"])
def test_a_busy_server_is_asked_again(stub: StubServer, behaviour: str) -> None:
    assert ask(at(stub, behaviour))
    assert len(stub.requests) == 3


def test_a_server_that_stays_busy_is_given_up(stub: StubServer) -> None:
    stub.failures = 100
    with pytest.raises(ReplyError, match="500: come back later"):
        ask(at(stub, "500", tries=2))
    assert len(stub.requests) == 2


def test_a_server_that_asks_for_an_hour_is_given_up_at_once(stub: StubServer) -> None:
    with pytest.raises(ReplyError, match="429"):
        ask(at(stub, "429-long"))
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    ("behaviour", "error", "words"),
    [
        ("html", ReplyError, "a web page .*Welcome.*INTERLEAVE_BASE_URL"),
        ("not-json", ReplyError, "no JSON: 'hello'"),
        ("error-event", ReplyError, "out of memory"),
        ("401", SetupError, "bad key.*OPENAI_API_KEY"),
        ("404", SetupError, "no such model.*INTERLEAVE_BASE_URL"),
        ("400", ReplyError, "prompt is too long"),
    ],
)
def test_what_a_server_does_wrong_is_said(stub: StubServer, behaviour: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ask(at(stub, behaviour))


@pytest.mark.parametrize(
    ("behaviour", "words"), [("half", "broke off"), ("half-unchunked", "broke off"), ("garbage", "no JSON")]
)
def test_half_a_stream_gives_what_came_and_then_the_error(stub: StubServer, behaviour: str, words: str) -> None:
    pieces = at(stub, behaviour).stream(told("Tell me."), max_tokens=40)
    assert next(pieces)
    with pytest.raises(ReplyError, match=words):
        list(pieces)


def test_a_slow_server_is_given_up_after_the_timeout(stub: StubServer) -> None:
    begin = time.monotonic()
    with pytest.raises(ReplyError, match=r"no sign of life for 0\.1 s"):
        ask(at(stub, "slow", timeout=0.1))
    assert time.monotonic() - begin < 0.5


def test_a_dead_server_is_said_to_be_dead() -> None:
    model = OpenAITextModel("m", Server(base_url="http://127.0.0.1:9/v1", first_wait=0.01, tries=2))
    with pytest.raises(SetupError, match="cannot be reached"):
        ask(model)


def test_an_address_that_is_none_is_said_to_be_none() -> None:
    with pytest.raises(SetupError, match="INTERLEAVE_BASE_URL cannot be 'nowhere'"):
        ask(OpenAITextModel("m", Server(base_url="nowhere")))


def test_closing_hangs_up(stub: StubServer) -> None:
    pieces = at(stub, "endless").stream(told("Tell me."), max_tokens=10_000)
    next(pieces)
    pieces.close()
    assert stub.left.wait(2), "the server went on writing"


def test_a_server_that_does_not_stream_still_answers(stub: StubServer) -> None:
    assert ask(at(stub, "whole")) == "A whole reply."


def test_default_is_the_first_model_the_server_has(stub: StubServer) -> None:
    ask(OpenAITextModel("default", Server(base_url=stub.at("good"))))
    assert stub.requests[0]["model"] == "first-model"


@pytest.mark.parametrize(("behaviour", "asked"), [("no-schema", 2), ("no-json", 3)])
def test_a_refused_schema_goes_into_the_prompt_and_the_refusal_is_remembered(
    stub: StubServer, behaviour: str, asked: int
) -> None:
    model = at(stub, behaviour)
    assert ask(model, "JSON, please.", schema=SCHEMA) == '{"animal": "heron", "legs": 2}'
    assert len(stub.requests) == asked
    assert '"animal"' in stub.requests[-1]["messages"][-1]["content"]
    ask(model, "JSON, please.", schema=SCHEMA)
    assert len(stub.requests) == asked + 1


def test_a_refusal_for_another_reason_is_said_and_not_remembered(stub: StubServer) -> None:
    model = at(stub, "400")
    for _ in range(2):
        with pytest.raises(ReplyError, match="too long"):
            ask(model, schema=SCHEMA)
    assert stub.requests[0].keys() == stub.requests[len(stub.requests) // 2].keys()


def test_services_with_a_new_name_for_the_limit_are_understood(stub: StubServer) -> None:
    model = at(stub, "new-names")
    assert ask(model)
    assert ask(model)
    assert ["max_tokens" in request for request in stub.requests] == [True, False, False]


def test_pictures_are_sent_scaled_down_and_in_order(stub: StubServer) -> None:
    model = OpenAIVisionModel("m", Server(base_url=stub.at("good")))
    pictures = [Image.new("RGB", (1600, 800), "red"), Image.new("RGBA", (40, 60), "blue")]
    assert model.ask(pictures, "Answer in JSON.", schema=SCHEMA) == '{"animal": "heron", "legs": 2}'
    (request,) = stub.requests
    *images, text = request["messages"][0]["content"]
    assert text == {"type": "text", "text": "Answer in JSON."}
    sent = [Image.open(io.BytesIO(base64.b64decode(i["image_url"]["url"].partition(",")[2]))) for i in images]
    assert [image.size for image in sent] == [(768, 384), (40, 60)]


def test_too_many_pictures_are_refused(stub: StubServer) -> None:
    model = OpenAIVisionModel("m", Server(base_url=stub.at("good")), max_images=1)
    with pytest.raises(UsageError, match="1 pictures at once at most, not at 2"):
        model.ask([Image.new("RGB", (8, 8))] * 2, "Which?")
