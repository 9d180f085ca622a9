"""Pictures drawn by any diffusion model of diffusers, from a folder or the Hub.

Knows pipelines and `assets/generators.toml`; does not know styles or slots: the prompt says all.
"""

import inspect
import math
import threading
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from composer.backends.hf_load import loaded, place, quiet_libraries
from composer.errors import ReplyError, SetupError

PROFILES = Path(__file__).parents[2] / "assets" / "generators.toml"
MULTIPLE = 32  # px; every model's own multiple divides it


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is known of a model beside its weights."""

    names: tuple[str, ...] = ()
    steps: int | None = None  # None: as the pipeline has it
    guidance: float | None = None
    licence: str = "unknown"
    references_do: str = "The first reference picture is the starting point: its shapes and colours show through."


class DiffusersGenerator:
    """A diffusion model in this process, loaded when it is first used. One picture at a time; others wait."""

    def __init__(self, where: str, *, profile: Profile | None = None) -> None:
        self.name = f"diffusers:{where}"
        self._where = where
        self._profile = profile or profile_of(where)
        self.licence = self._profile.licence
        self.references_do = self._profile.references_do
        self._lock = threading.Lock()
        self._from_text: Any = None
        self._from_picture: Any = None  # None where the model cannot start from a picture

    def generate(
        self,
        prompt: str,
        *,
        size: tuple[int, int],
        seed: int,
        references: Sequence[Image.Image] = (),
        strength: float = 0.6,
    ) -> Image.Image:
        """See `ImageGenerator.generate`. Sides are rounded down to multiples of 32 px."""
        import torch

        width, height = (max(MULTIPLE, side // MULTIPLE * MULTIPLE) for side in size)
        with self._lock:
            self._load()
            pipeline, options = self._from_text, dict[str, Any]()
            if references and self._from_picture is not None:
                pipeline = self._from_picture
                options = _guides(pipeline, references, (width, height), strength, self._profile.steps)
            options = self._settings() | {"width": width, "height": height} | options
            options["generator"] = torch.Generator("cpu").manual_seed(seed)  # the CPU's, so that it means the same
            try:
                with quiet_libraries():
                    drawn = pipeline(prompt=prompt, **_known(pipeline, options))
            except torch.OutOfMemoryError as error:
                raise SetupError(
                    f"{self.name} needs more memory than there is: lower INTERLEAVE_PICTURE_PX."
                ) from error
            except (RuntimeError, ValueError) as error:
                raise ReplyError(f"{self.name} broke off: {str(error).splitlines()[0]}") from error
        if any(getattr(drawn, "nsfw_content_detected", None) or ()):
            raise ReplyError(f"{self.name} held back its picture as not fit to be shown. Change the query.")
        picture: Image.Image = drawn.images[0].convert("RGB")
        return picture

    def _settings(self) -> dict[str, Any]:
        given = {"num_inference_steps": self._profile.steps, "guidance_scale": self._profile.guidance}
        return {name: value for name, value in given.items() if value is not None}

    def _load(self) -> None:
        if self._from_text is None:
            self._from_text, self._from_picture = loaded(_load, self._where)


def profile_of(where: str) -> Profile:
    """What is known of the model of this name or folder; the defaults when nothing is."""
    name = where.lower()
    return next((p for p in _profiles() if any(part in name for part in p.names)), Profile())


@cache
def _profiles() -> tuple[Profile, ...]:
    table = tomllib.loads(PROFILES.read_text(encoding="utf-8"))
    return tuple(Profile(**{**entry, "names": tuple(entry["names"])}) for entry in table.values())


def _load(where: str) -> tuple[Any, Any]:
    """The pipeline that draws from text, and the one that starts from a picture where there is one."""
    import diffusers

    device, dtype = place()
    diffusers.logging.disable_progress_bar()
    diffusers.logging.set_verbosity_error()
    try:
        from_text = diffusers.AutoPipelineForText2Image.from_pretrained(where, dtype=dtype)
    except ValueError:  # a class that the table of tasks does not list
        from_text = diffusers.DiffusionPipeline.from_pretrained(where, dtype=dtype)
    from_text = from_text.to(device)
    from_text.set_progress_bar_config(disable=True)
    try:
        from_picture = diffusers.AutoPipelineForImage2Image.from_pipe(from_text)
    except ValueError:
        return from_text, None
    from_picture.set_progress_bar_config(disable=True)
    return from_text, from_picture


def _guides(
    pipeline: Any,  # noqa: ANN401
    references: Sequence[Image.Image],
    size: tuple[int, int],
    strength: float,
    steps: int | None,
) -> dict[str, Any]:
    """The references as this pipeline takes them: all to look at, or the first to start from."""
    pictures = [reference.convert("RGB") for reference in references]
    if "strength" not in inspect.signature(pipeline.__call__).parameters:
        return {"image": pictures}
    strength = min(max(strength, 0.05), 1.0)
    start = ImageOps.fit(pictures[0], size, Image.Resampling.LANCZOS)
    guides: dict[str, Any] = {"image": start, "strength": strength}
    return guides | ({"num_inference_steps": math.ceil(steps / strength)} if steps else {})


def _known(pipeline: Any, options: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Those options that the pipeline has."""
    parameters = inspect.signature(pipeline.__call__).parameters
    return {name: value for name, value in options.items() if name in parameters}
