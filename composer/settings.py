"""Every option of the program, in one place: the field is the environment name, the preset's entry and the doc line.

A value comes from, first to last: a call's own arguments, the environment (`INTERLEAVE_` and the field's name in
capitals), the preset (`templates/presets/NAME.toml`), the default here.
"""

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from composer.errors import SetupError
from composer.prompts import TEMPLATES

PREFIX = "INTERLEAVE_"


class Settings(BaseSettings):
    """What the program is told to use. Engines are named `backend:what`; docs/engines.md says which there are."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    preset: str = Field("starter", description="Which file of templates/presets/ the other values come from.")
    text_model: str = Field("llamacpp:qwen2.5-coder-1.5b", description="Writes the text.")
    vision_model: str = Field("none", description="Looks at candidates, chooses and describes; none: scores choose.")
    generator: str = Field("none", description="Draws pictures for slots that no source fills; none: they stay open.")
    image_encoder: str = Field("none", description="CLIP model that finds pictures by their pixels; none: by captions.")
    sentence_encoder: str = Field("minilm", description="Compares captions by meaning; none: by words alone.")
    base_url: str = Field("http://127.0.0.1:8000/v1", description="Address of an OpenAI-compatible server.")
    api_key_env: str = Field("OPENAI_API_KEY", description="Name of the environment variable that holds its key.")
    timeout: float = Field(120.0, gt=0, description="Seconds to wait for a server's next sign of life.")
    context: int = Field(16384, ge=2048, description="Tokens a local text model can have in view.")
    threads: int = Field(0, ge=0, description="Threads of a local text model; 0: as many as there are cores.")
    material_chars: int = Field(6000, ge=500, description="Characters of source material in view all the time.")
    candidates: int = Field(6, ge=1, le=24, description="Pictures offered for each slot.")
    min_relevance: float = Field(0.5, ge=0, le=1, description="A picture below it is unrelated, and not chosen.")
    style_strength: float = Field(0.5, ge=0, le=1, description="How much likeness to the reference pictures counts.")
    picture_px: int = Field(768, ge=64, le=2048, description="Long side of a drawn picture.")
    host: str = Field("127.0.0.1", description="Address the page listens on.")
    port: int = Field(7860, ge=0, le=65535, description="Port of the page; the next free one when it is taken.")


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
