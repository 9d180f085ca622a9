"""From the name of an engine in the settings to the engine. Nothing is loaded here: that happens when it is first used."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from composer.errors import UsageError
from composer.models import ImageGenerator, TextModel, VisionModel
from composer.weights import listed, path_of
from retrieval.encoder import sentence_encoder
from retrieval.home import home

Engine = TypeVar("Engine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What engines are told beside their name; the settings of the same names."""

    base_url: str = "http://127.0.0.1:8000/v1"
    api_key_env: str = "OPENAI_API_KEY"
    timeout: float = 120.0  # s
    context: int = 16384  # tokens
    threads: int = 0  # 0: as many as there are cores
    image_base_url: str = "none"  # none: base_url
    image_server: str = "auto"
    style_adapter: str = "none"
    sentence_encoder: str = "none"
    draw_together: int = 4
    draw_idle: float = 10.0  # minutes


def text_model(spec: str, options: Options | None = None) -> TextModel:
    """The text model of `BACKEND:WHAT`. Raises UsageError that lists what there is."""
    return _of(TEXT, spec, "text model")(_what(spec), options or Options())


def vision_model(spec: str, options: Options | None = None) -> VisionModel | None:
    """The vision model of `BACKEND:WHAT`; None for "none". Raises UsageError that lists what there is."""
    return None if spec == "none" else _of(VISION, spec, "vision model")(_what(spec), options or Options())


def image_generator(spec: str, options: Options | None = None) -> ImageGenerator | None:
    """The generator of `BACKEND:WHAT`; None for "none". Raises UsageError that lists what there is."""
    return None if spec == "none" else _of(GENERATORS, spec, "generator")(_what(spec), options or Options())


def _llamacpp(what: str, options: Options) -> TextModel:
    from composer.backends.llamacpp import LlamaCppTextModel

    path: Callable[[], Path]
    writers = [one.name for one in listed() if one.role == "writer"]
    if what in writers:
        path = partial(path_of, what)
    elif what.endswith(".gguf") or os.sep in what:
        path = partial(Path, Path(what).expanduser())
    else:
        raise UsageError(f"llamacpp:{what} is neither a .gguf file nor one of: {', '.join(writers)}.")
    return LlamaCppTextModel(path, name=f"llamacpp:{what}", context=options.context, threads=options.threads)


def _transformers_text(what: str, options: Options) -> TextModel:
    from composer.backends.hf_text import TransformersTextModel

    return TransformersTextModel(what)


def _transformers_vision(what: str, options: Options) -> VisionModel:
    from composer.backends.hf_vision import TransformersVisionModel

    return TransformersVisionModel(what)


def _openai_text(what: str, options: Options) -> TextModel:
    from composer.backends.openai import OpenAITextModel, Server

    return OpenAITextModel(
        what, Server(base_url=options.base_url, api_key_env=options.api_key_env, timeout=options.timeout)
    )


def _openai_vision(what: str, options: Options) -> VisionModel:
    from composer.backends.openai import OpenAIVisionModel, Server

    return OpenAIVisionModel(
        what, Server(base_url=options.base_url, api_key_env=options.api_key_env, timeout=options.timeout)
    )


def _scripted(what: str, options: Options) -> TextModel:
    from composer.backends.scripted import from_file

    return from_file(Path(what).expanduser())


def _diffusers(what: str, options: Options) -> ImageGenerator:
    from composer.backends.diffusion import DiffusersGenerator

    return DiffusersGenerator(
        what,
        together=options.draw_together,
        idle=60 * options.draw_idle,
        adapter="" if options.style_adapter == "none" else options.style_adapter,
    )


def _arranged(what: str, options: Options) -> ImageGenerator:
    from composer.backends.arranged import ArrangedGenerator

    return ArrangedGenerator(what, home() / "packs", sentence_encoder(options.sentence_encoder))


def _openai_images(what: str, options: Options) -> ImageGenerator:
    from composer.backends.openai_images import OpenAIImages, kinds
    from composer.backends.server import Server

    if options.image_server not in ("auto", *kinds()):
        choices = ", ".join(["auto", *kinds()])
        raise UsageError(f"INTERLEAVE_IMAGE_SERVER cannot be {options.image_server!r}. Choose one of: {choices}.")
    address = options.base_url if options.image_base_url == "none" else options.image_base_url
    server = Server(base_url=address, api_key_env=options.api_key_env, timeout=options.timeout)
    return OpenAIImages(what, server, kind=options.image_server, together=options.draw_together)


def _xcomposer2(what: str, options: Options) -> Any:  # noqa: ANN401 - one engine that is a text and a vision model
    from composer.xcomposer2.engine import engine

    return engine(what)


TEXT: Mapping[str, Callable[[str, Options], TextModel]] = {
    "llamacpp": _llamacpp,
    "transformers": _transformers_text,
    "openai": _openai_text,
    "scripted": _scripted,
    "xcomposer2": _xcomposer2,
}
VISION: Mapping[str, Callable[[str, Options], VisionModel]] = {
    "transformers": _transformers_vision,
    "openai": _openai_vision,
    "xcomposer2": _xcomposer2,
}
GENERATORS: Mapping[str, Callable[[str, Options], ImageGenerator]] = {
    "arranged": _arranged,
    "diffusers": _diffusers,
    "openai-images": _openai_images,
}


def _of(
    known: Mapping[str, Callable[[str, Options], Engine]], spec: str, role: str
) -> Callable[[str, Options], Engine]:
    backend, _, what = spec.partition(":")
    if backend not in known or not what:
        choices = ", ".join(f"{name}:{EXAMPLES[name]}" for name in known)
        nothing = "" if known is TEXT else ", none"
        raise UsageError(f"There is no {role} {spec!r}. There are: {choices}{nothing}.")
    return known[backend]


EXAMPLES = {
    "llamacpp": "NAME_OR_FILE.gguf",
    "transformers": "FOLDER_OR_HUB_NAME",
    "openai": "MODEL_NAME",
    "scripted": "FILE.json",
    "arranged": "PACK",
    "diffusers": "FOLDER_OR_HUB_NAME",
    "openai-images": "MODEL_NAME",
    "xcomposer2": "FOLDER_OR_HUB_NAME",
}


def _what(spec: str) -> str:
    return spec.partition(":")[2]
