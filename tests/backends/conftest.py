"""Engines for the contract suites; what is slow to build is built once."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from composer.backends.arranged import ArrangedGenerator
from composer.backends.diffusion import DiffusersGenerator
from composer.backends.diffusion_models import Profile
from composer.backends.hf_load import loaded
from composer.backends.hf_text import TransformersTextModel
from composer.backends.hf_vision import TransformersVisionModel
from composer.backends.llamacpp import LlamaCppTextModel
from composer.backends.openai import OpenAITextModel, OpenAIVisionModel, Server
from composer.backends.openai_images import OpenAIImages
from composer.backends.scripted import from_file
from composer.models import ImageGenerator, Message, VisionModel
from composer.weights import listed, path_of
from tests.arranging.kit import pack_in
from tests.backends.stub_images import running as drawing_server
from tests.backends.stub_server import StubServer, running
from tests.backends.text_subjects import LONG, Subject, canned, told
from tests.backends.tiny_models import write_text_model, write_vision_model
from tests.backends.tiny_pipelines import write_pipeline
from tests.fakes import FlatGenerator, ScriptedTextModel, ScriptedVisionModel


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
    engine = LlamaCppTextModel(lambda: path_of("smollm2-135m"), name="llamacpp:smollm2-135m", context=2048, threads=1)
    list(engine.stream((Message(role="user", content="Hi"),), max_tokens=1))

    def another() -> LlamaCppTextModel:
        model = LlamaCppTextModel(lambda: path_of("smollm2-135m"), name=engine.name, context=2048)
        model._server = engine._server
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


@pytest.fixture(scope="session")
def one_thread() -> Iterator[None]:
    """Tiny tensors are quicker on one core, above all when others are busy."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny_text_folder(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    return loaded(lambda where: write_text_model(Path(where)), str(tmp_path_factory.mktemp("text")))


@pytest.fixture(scope="session")
def tiny_vision_folder(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    return loaded(lambda where: write_vision_model(Path(where)), str(tmp_path_factory.mktemp("vision")))


@pytest.fixture(scope="session")
def tiny_pipelines(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Callable[[str], Path]:
    """The folder of a tiny pipeline of a class, written once."""
    root = tmp_path_factory.mktemp("pipelines")

    def folder(name: str) -> Path:
        where = root / name
        if not where.exists():
            loaded(lambda path: write_pipeline(name, Path(path)), str(where))
        return where

    return folder


@pytest.fixture(scope="session")
def tiny_generators(tiny_pipelines: Callable[[str], Path]) -> Callable[[str], DiffusersGenerator]:
    """A generator over the tiny pipeline of a class, loaded once."""
    made: dict[str, DiffusersGenerator] = {}

    def generator(name: str) -> DiffusersGenerator:
        if name not in made:
            profile = Profile(steps=2, guidance=1.5, licence="CC0 1.0")
            made[name] = DiffusersGenerator(str(tiny_pipelines(name)), profile=profile, together=3)
        return made[name]

    return generator


@pytest.fixture
def transformers_text(tiny_text_folder: Path) -> Subject:
    return Subject(model=TransformersTextModel(str(tiny_text_folder)))


@pytest.fixture
def scripted_vision() -> VisionModel:
    return ScriptedVisionModel(lambda images, prompt: canned(told(prompt)))


@pytest.fixture
def openai_vision(stub: StubServer) -> VisionModel:
    return OpenAIVisionModel("m", Server(base_url=stub.at("good")))


@pytest.fixture(scope="session")
def transformers_vision(tiny_vision_folder: Path) -> VisionModel:
    return TransformersVisionModel(str(tiny_vision_folder))


@pytest.fixture
def flat_generator() -> ImageGenerator:
    return FlatGenerator()


@pytest.fixture
def arranged_generator(tmp_path: Path) -> ImageGenerator:
    return ArrangedGenerator("openmoji", pack_in(tmp_path))


@pytest.fixture
def server_generator() -> Iterator[ImageGenerator]:
    with drawing_server() as server:
        yield OpenAIImages("m", Server(base_url=server.at("good")), kind="sglang", together=2)
