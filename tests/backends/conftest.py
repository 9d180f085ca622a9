"""Engines for the contract suites; what is slow to build is built once."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from composer.backends.llamacpp import LlamaCppTextModel
from composer.backends.openai import OpenAITextModel, Server
from composer.backends.scripted import from_file
from composer.models import Message
from composer.weights import listed, path_of
from tests.backends.stub_server import StubServer, running
from tests.backends.text_subjects import LONG, Subject, canned
from tests.fakes import ScriptedTextModel


@pytest.fixture
def scripted_text() -> Subject:
    return Subject(model=ScriptedTextModel(canned))


@pytest.fixture
def refusing_text() -> Subject:
    return Subject(model=ScriptedTextModel(canned, constrains=False))


@pytest.fixture
def script_file_text(tmp_path: Path) -> Subject:
    path = tmp_path / "script.json"
    replies = [{"contains": "JSON", "reply": {"animal": "heron", "legs": 2}}, {"contains": "", "reply": LONG}]
    path.write_text(json.dumps({"replies": replies}), encoding="utf-8")
    return Subject(model=from_file(path))


@pytest.fixture(scope="session")
def small_llama() -> Callable[[], LlamaCppTextModel]:
    """SmolLM2 on llama.cpp, a new adapter over one loaded engine for each call."""
    if not next(one for one in listed() if one.name == "smollm2-135m").installed:
        pytest.skip("SmolLM2 is not here. Run: python -m composer models pull smollm2-135m")
    loaded = LlamaCppTextModel(lambda: path_of("smollm2-135m"), name="llamacpp:smollm2-135m", context=2048)
    list(loaded.stream((Message(role="user", content="Hi"),), max_tokens=1))

    def another() -> LlamaCppTextModel:
        model = LlamaCppTextModel(lambda: path_of("smollm2-135m"), name=loaded.name, context=2048)
        model._server = loaded._server
        return model

    return another


@pytest.fixture
def llamacpp_text(small_llama: Callable[[], LlamaCppTextModel]) -> Subject:
    return Subject(model=small_llama())


@pytest.fixture
def stub() -> Iterator[StubServer]:
    with running() as server:
        yield server


@pytest.fixture
def openai_text(stub: StubServer) -> Subject:
    return Subject(model=OpenAITextModel("m", Server(base_url=stub.at("good"))))
