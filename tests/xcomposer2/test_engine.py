"""XComposer2 as an engine: the contracts of the toolkit, one model for both, caches kept, a server for others."""

import base64
import io
import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient
from PIL import Image

from composer.backends.constrain import Grammar
from composer.backends.openai import OpenAITextModel, OpenAIVisionModel, Server
from composer.errors import ReplyError, UsageError
from composer.models import ComposingModel, Message, TextModel, VisionModel
from composer.xcomposer2.__main__ import main
from composer.xcomposer2.batch import Batch, Request
from composer.xcomposer2.chat import Turn
from composer.xcomposer2.drawing import LIKELIEST, drawing
from composer.xcomposer2.engine import XComposer2Engine, engine, trimmed
from composer.xcomposer2.serve import app, picture
from composer.xcomposer2.worker import Worker
from tests.backends.test_text_contract import (  # noqa: F401 - the suite, run over this engine
    test_a_reply_ends_at_max_tokens_without_an_error,
    test_a_schema_is_honoured_or_refused_before_the_first_piece,
    test_closing_the_iterator_stops_the_model,
    test_is_a_text_model,
    test_pieces_are_text_and_never_empty,
    test_stop_strings_end_the_reply_and_are_not_part_of_it,
    test_two_threads_may_ask_at_once,
    test_usage_counts_calls_and_tokens,
)
from tests.backends.test_vision_contract import (  # noqa: F401
    test_is_a_vision_model,
    test_it_answers_about_any_number_of_pictures_of_any_form,
    test_more_pictures_than_it_can_look_at_are_refused,
)
from tests.backends.text_subjects import Subject, told

RED = Image.new("RGB", (40, 30), "red")


@pytest.fixture(scope="session")
def loaded(whole_folder: Path) -> XComposer2Engine:
    made = XComposer2Engine(str(whole_folder))
    made.parts().model.float()  # so that a batch can be compared with single runs on any machine
    return made


@pytest.fixture
def fresh(whole_folder: Path, loaded: XComposer2Engine) -> XComposer2Engine:
    """An engine that has read nothing, over the model that is loaded."""
    made = XComposer2Engine(str(whole_folder))
    made._parts = loaded.parts()
    made.usage = made._parts.reader.usage = type(made.usage)()
    made._parts.reader.forget()
    return made


@pytest.fixture
def subject(fresh: XComposer2Engine) -> Subject:
    return Subject(model=fresh)


@pytest.fixture
def model(fresh: XComposer2Engine) -> VisionModel:
    return fresh


def test_one_model_is_both(whole_folder: Path) -> None:
    both = engine(str(whole_folder))
    assert both is engine(str(whole_folder))
    assert isinstance(both, TextModel)
    assert isinstance(both, VisionModel)


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        ({"img_size": 224, "max_length": 4096, "max_position_embeddings": 32768}, 6),
        ({"img_size": 490, "max_length": 4096}, 2),
        ({"img_size": 490, "max_length": 1024}, 1),
        ({"max_length": 16384}, 1),
        ({"text_config": {"max_position_embeddings": 2048}, "vision_config": {"image_size": 64, "patch_size": 16}}, 6),
        ({"text_config": {}, "vision_config": {"image_size": 336}, "tiles": True}, 1),
    ],
)
def test_only_so_many_pictures_are_taken_as_leave_room_for_words(tmp_path: Path, fields: object, most: int) -> None:
    (tmp_path / "config.json").write_text(json.dumps(fields))
    assert XComposer2Engine(str(tmp_path)).max_images == most
    assert XComposer2Engine(str(tmp_path / "none")).max_images == 6


def test_choosing_pictures_of_one_article_reads_its_beginning_once(fresh: XComposer2Engine) -> None:
    lines = [f"Line {n} says something of herons and storks." for n in range(6)]
    shown = [Image.new("RGB", (40, 30), colour) for colour in ("red", "green", "blue")]
    assert isinstance(fresh, ComposingModel)
    first = fresh.choose_picture(lines, 2, shown, {})
    assert 0 <= first < len(shown)
    read, cached = fresh.usage.prompt_tokens, fresh.usage.cached_tokens
    assert fresh.choose_picture(lines, 5, shown, {2: shown[first]}) in range(len(shown))
    assert fresh.usage.cached_tokens > cached
    assert fresh.usage.prompt_tokens > read
    assert fresh.choose_picture(lines, 5, shown[:1], {}) == 0


def test_a_growing_conversation_is_read_once(fresh: XComposer2Engine) -> None:
    first = told("Tell me about herons.")
    reply = "".join(fresh.stream(first, max_tokens=6))
    read = fresh.usage.prompt_tokens
    more = (*first, Message(role="assistant", content=reply), Message(role="user", content="And storks?"))
    list(fresh.stream(more, max_tokens=2))
    assert fresh.usage.cached_tokens >= read - 2


def test_a_conversation_that_is_too_long_loses_its_oldest_turns(fresh: XComposer2Engine) -> None:
    processor = fresh.parts().processor
    turns = [Turn(role="system", content=("rules",))]
    for number in range(9):
        turns += [Turn(role="user", content=(f"question {number} ",)), Turn(role="assistant", content=("answer",))]
    turns.append(Turn(role="user", content=("last",)))
    whole = processor.chat(turns).ids
    cut = trimmed(processor, turns, len(whole) - 1).ids
    text = processor.tokens.decode(cut)
    assert len(cut) < len(whole)
    assert "rules" in text
    assert "last" in text
    assert "question 0" not in text
    assert "question 8" in text
    with pytest.raises(ReplyError, match="fit"):
        trimmed(processor, turns, 5)


def test_a_batch_gives_each_request_its_own_reply(fresh: XComposer2Engine) -> None:
    parts = fresh.parts()
    contents: list[tuple[Any, ...]] = [
        ("Herons",),
        (RED, "What?"),
        ("A longer question about tea",),
        (RED, RED, "Both?"),
    ]
    prompts = [parts.processor.chat([Turn(role="user", content=content)]) for content in contents]
    mosts = [5, 1, 8, 6]
    alone = [list(parts.reader.tokens(p, n, drawing(LIKELIEST))) for p, n in zip(prompts, mosts, strict=True)]
    requests = [Request(prompt=p, most=n, draw=drawing(LIKELIEST)) for p, n in zip(prompts, mosts, strict=True)]
    together: list[list[int]] = [[] for _ in prompts]
    for row, token in Batch(parts.model, parts.processor, requests, fresh.usage).tokens():
        together[row].append(token)
    ends = parts.processor.tokens.ends
    cut = [reply[: next((n for n, t in enumerate(reply) if t in ends), len(reply))] for reply in alone]
    assert together == cut


def test_a_request_nobody_waits_for_leaves_the_batch(fresh: XComposer2Engine) -> None:
    parts = fresh.parts()
    prompt = parts.processor.chat([Turn(role="user", content=("Herons",))])
    requests = [Request(prompt=prompt, most=30, draw=drawing(LIKELIEST)) for _ in range(2)]
    batch = Batch(parts.model, parts.processor, requests, fresh.usage)
    counts = [0, 0]
    for row, _ in batch.tokens():
        counts[row] += 1
        if counts[0] == 3:
            batch.done(0)
    assert counts[0] <= 4
    assert counts[1] >= counts[0]


@pytest.fixture
def worker(fresh: XComposer2Engine) -> Iterator[Worker]:
    made = Worker(fresh.parts(), most=4)
    yield made
    made.close()


@pytest.fixture
def client(worker: Worker) -> Iterator[TestClient]:
    with TestClient(app(worker, "xc2")) as made:
        yield made


def data_address(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def body(text: str = "Hello", *images: Image.Image, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    pictures = [{"type": "image_url", "image_url": {"url": data_address(image)}} for image in images]
    content = [*pictures, {"type": "text", "text": text}]
    return {
        "model": "xc2",
        "messages": [{"role": "user", "content": content}],
        "max_tokens": 6,
        "temperature": 0,
    } | more


def test_the_server_answers_whole_and_in_pieces(client: TestClient) -> None:
    assert client.get("/v1/models").json()["data"][0]["id"] == "xc2"
    whole = client.post("/v1/chat/completions", json=body("What is it?", RED)).json()
    text = whole["choices"][0]["message"]["content"]
    assert text
    assert whole["usage"]["completion_tokens"] <= 6
    reply = client.post(
        "/v1/chat/completions", json=body("What is it?", RED, stream=True, stream_options={"include_usage": True})
    )
    events = [line[6:] for line in reply.text.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"]) == text
    assert chunks[-1]["usage"] == whole["usage"]


REMOTE = [{"type": "image_url", "image_url": {"url": "http://x/a.png"}}]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"messages": [{"role": "user", "content": REMOTE}]}, "no address is fetched"),
        ({"response_format": {"type": "yaml"}}, "json_schema"),
        ({"response_format": {"type": "json_schema", "json_schema": "x"}}, "with a schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "dog"}}}}, "not understood"),
        ({"seed": 2**70}, "seed"),
        ({"messages": [{"role": "user", "content": REMOTE * 10}] * 2}, "16 pictures at most"),
        ({"messages": []}, "at least 1"),
        ({"max_tokens": 0}, "greater than or equal to 1"),
        ({"messages": [{"role": "user", "content": "long " * 3000}]}, "Make the request shorter"),
    ],
)
def test_what_cannot_be_done_is_told(client: TestClient, change: dict[str, Any], told: str) -> None:
    reply = client.post("/v1/chat/completions", json=body() | change)
    assert reply.status_code in (400, 422)
    assert told in reply.text


def test_the_coldest_temperature_is_none(client: TestClient) -> None:
    cold, none = (client.post("/v1/chat/completions", json=body(temperature=t)).json() for t in (1e-300, 0))
    assert cold["usage"] == none["usage"]


def test_requests_that_wait_are_taken_together(worker: Worker, client: TestClient) -> None:
    replies: dict[str, str] = {}

    def ask(text: str) -> None:
        reply = client.post("/v1/chat/completions", json=body(text, max_tokens=12))
        replies[text] = reply.json()["choices"][0]["message"]["content"]

    texts = ["Herons", "Storks and more", "Tea"]
    for text in texts:
        ask(text)
    alone = dict(replies)
    threads = [threading.Thread(target=ask, args=(text,)) for text in texts * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert replies == alone
    assert max(worker.batches) > 1


def test_a_grammar_is_the_worker_s_own(worker: Worker, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    touched: set[str] = set()

    class Watched(Grammar):
        def __getattribute__(self, name: str) -> Any:  # noqa: ANN401
            touched.add(threading.current_thread().name)
            return super().__getattribute__(name)

    monkeypatch.setattr("composer.xcomposer2.grammar.Grammar", Watched)
    schema = {"enum": ["heron", "stork"]}
    form = {"type": "json_schema", "json_schema": {"name": "bird", "schema": schema}}
    reply = client.post("/v1/chat/completions", json=body(response_format=form)).json()
    assert json.loads(reply["choices"][0]["message"]["content"]) in schema["enum"]
    assert reply["choices"][0]["finish_reason"] == "stop"
    assert touched == {"xcomposer2"}


def test_an_error_of_the_model_reaches_the_client_and_the_server_goes_on(
    client: TestClient, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(worker.parts.model.model.language_model, "forward", broken)
        reply = client.post("/v1/chat/completions", json=body())
        assert reply.status_code == 500
        assert "out of memory" in reply.json()["error"]["message"]
    assert client.post("/v1/chat/completions", json=body()).status_code == 200


def test_pictures_of_requests_are_checked() -> None:
    assert picture(data_address(RED)).size == RED.size
    for address in ("data:image/png;base64,????", "data:image/png;base64,AAAA", "file:///etc/passwd", ""):
        with pytest.raises(UsageError):
            picture(address)


def test_the_command_line_chats_and_composes(
    whole_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    RED.save(tmp_path / "red.png")
    monkeypatch.setattr("composer.xcomposer2.reader.Reader.room", property(lambda self: 220))
    model, image = ["--model", str(whole_folder)], str(tmp_path / "red.png")
    assert main(["chat", *model, "--image", image, "What is it?"]) == 0
    assert capsys.readouterr().out.strip()
    monkeypatch.setattr("sys.stdin", io.StringIO("What?\n\nAnd now?\n"))
    assert main(["chat", *model, "--image", image]) == 0
    monkeypatch.setattr("composer.xcomposer2.reader.Reader.room", property(lambda self: 2000))
    monkeypatch.setattr(
        "composer.xcomposer2.compose.Composer.write", lambda *_, **__: iter("One heron.\n\nTwo storks.\n")
    )
    assert main(["compose", *model, "--picture", image, "--count", "1", "Write"]) == 0
    assert f"]({image})" in capsys.readouterr().out
    assert main(["chat", "--image", image, "What?"]) == 1
    assert "--model" in capsys.readouterr().err
    assert main(["chat", *model, "--image", str(whole_folder / "config.json"), "What?"]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_the_program_s_own_client_works_with_the_server(worker: Worker) -> None:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app(worker, "xc2"), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        address = Server(base_url=f"http://127.0.0.1:{sock.getsockname()[1]}/v1")
        text = OpenAITextModel("default", address)
        assert "".join(text.stream(told("Tell me about herons."), max_tokens=6))
        schema = {"type": "object", "properties": {"yes": {"type": "boolean"}}, "required": ["yes"]}
        reply = OpenAIVisionModel("xc2", address).ask([RED], "Is it red?", schema=schema)
        # random weights may fill the rest with blanks until their tokens are spent
        assert re.fullmatch(r'\s*\{(\s*".*)?', reply, re.DOTALL)
    finally:
        server.should_exit = True
        thread.join(10)
        sock.close()
