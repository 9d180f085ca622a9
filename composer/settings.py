"""Every option of the program, in one place: the field is the environment name, the preset's entry and the doc line.

A value comes from, first to last: a call's own arguments, the environment (`INTERLEAVE_` and the field's name in
capitals), the preset (`templates/presets/NAME.toml`), the default here.
"""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from composer.errors import SetupError, UsageError
from composer.prompts import TEMPLATES
from retrieval.licences import IntendedUse
from retrieval.web.sources import read_names

PREFIX = "INTERLEAVE_"


class Settings(BaseSettings):
    """What the program is told to use. Engines are named `backend:what`; docs/engines.md says which there are."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    preset: str = Field("starter", description="Which file of templates/presets/ the other values come from.")
    text_model: str = Field("llamacpp:qwen2.5-coder-1.5b", description="Writes the text.")
    vision_model: str = Field("none", description="Looks at candidates, chooses and describes; none: scores choose.")
    generator: str = Field(
        "arranged:openmoji",
        description="Draws or arranges pictures for slots that no source fills; none: they stay open.",
    )
    image_encoder: str = Field("none", description="CLIP model that finds pictures by their pixels; none: by captions.")
    sentence_encoder: str = Field("minilm", description="Compares captions by meaning; none: by words alone.")
    letter_reader: str = Field("letters", description="Reads words in pictures that nobody described; none: unread.")
    base_url: str = Field("http://127.0.0.1:8000/v1", description="Address of an OpenAI-compatible server.")
    api_key_env: str = Field("OPENAI_API_KEY", description="Name of the environment variable that holds its key.")
    writer_sees: Literal["article", "section"] = Field(
        "article", description="For a section: article so far, or section: its place alone, better for small models."
    )
    timeout: float = Field(120.0, gt=0, description="Seconds to wait for a server's next sign of life.")
    context: int = Field(16384, ge=2048, description="Tokens a local text model can have in view.")
    threads: int = Field(0, ge=0, description="Threads of a local text model; 0: as many as there are cores.")
    material_chars: int = Field(6000, ge=500, description="Characters of source material in view all the time.")
    candidates: int = Field(6, ge=1, le=24, description="Pictures offered for each slot.")
    words_weight: float = Field(0.5, ge=0, le=10, description="What captions' words count when rankings are fused.")
    meaning_weight: float = Field(1.0, ge=0, le=10, description="What captions' meaning counts beside it.")
    pixels_weight: float = Field(1.0, ge=0, le=10, description="What pixels count, where an image encoder is set.")
    vector_store: str = Field(
        "none", description="qdrant:http://host:6333 searches vectors there; none: in the library."
    )
    min_relevance: float = Field(0.5, ge=0, le=1, description="A picture below it is unrelated, and not chosen.")
    style_strength: float = Field(0.75, ge=0, le=1, description="How much likeness to the reference pictures counts.")
    web_sources: str = Field("none", description="Web sources new articles may ask: openverse, commons; none: no one.")
    web_contact: str = Field(
        "none", description="Your mail or web address, which web sources are told; needed for them."
    )
    intended_use: IntendedUse = Field("any", description="any, commercial, modify or both; what licences must allow.")
    picture_px: int = Field(768, ge=64, le=2048, description="Long side of a drawn picture.")
    camera_data: bool = Field(False, description="What cameras wrote into pictures, the place too, goes into exports.")
    ai_credit: bool = Field(
        True, description="Credit lines of exports say where a model made a picture; files always do."
    )
    image_base_url: str = Field("none", description="Address of a server that draws; none: base_url.")
    image_server: str = Field("auto", description="vllm-omni, sglang, localai, aquiles or openai; auto: found out.")
    style_adapter: str = Field("none", description="Folder or Hub name of IP-Adapter weights for the generator.")
    draw_together: int = Field(4, ge=1, le=32, description="Pictures drawn as one batch where memory allows.")
    draw_ahead: bool = Field(False, description="Draws while the text is written; for a generator on its own machine.")
    draw_alike: bool = Field(False, description="Drawn pictures follow the look of the article's first (UNets alone).")
    draw_idle: float = Field(10.0, ge=0, description="Idle minutes after which the generator is unloaded.")
    draw_gate: float = Field(0.95, ge=0, le=1, description="How recognisable a drawn picture must be; 0: any.")
    draw_gate_encoder: str = Field(
        "auto", description="CLIP model that judges them; auto: the search's, else starter-clip."
    )
    safety_filter: bool = Field(True, description="Holds back what docs/generation.md names.")
    host: str = Field("127.0.0.1", description="Address the page listens on.")
    port: int = Field(7860, ge=0, le=65535, description="Port of the page; the next free one when it is taken.")

    @field_validator("web_sources")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            return ",".join(read_names(value)) or "none"
        except UsageError as error:
            raise ValueError(str(error)) from error


def load_settings(preset: str = "", **given: Any) -> Settings:  # noqa: ANN401 - any field's type
    """The settings in force. Raises SetupError naming the value that cannot be."""
    from_environment: dict[str, Any] = dict(EnvSettingsSource(Settings)())
    name = preset or from_environment.get("preset") or os.environ.get(f"{PREFIX}PRESET") or "starter"
    try:
        return Settings(**{**_preset(name), **from_environment, **given, "preset": name})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SetupError(f"The setting {where} cannot be {first.get('input')!r}: {first['msg']}.") from error


def preset_names() -> list[str]:
    """All presets there are."""
    return sorted(f.stem for f in (TEMPLATES / "presets").glob("*.toml"))


def describe_settings() -> str:
    """A Markdown table of all settings, for the docs."""
    rows = ["| setting | default | what it does |", "| --- | --- | --- |"]
    rows += [f"| `{PREFIX}{n.upper()}` | `{f.default}` | {f.description} |" for n, f in Settings.model_fields.items()]
    return "\n".join(rows)


def _preset(name: str) -> dict[str, Any]:
    path: Path = TEMPLATES / "presets" / f"{name}.toml"
    if name not in preset_names():
        raise SetupError(f"There is no preset {name!r}. Choose one of: {', '.join(preset_names())}.")
    values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return values
