"""Diffusion models as they lie in a folder or on the Hub: what is known of each, how they are loaded and where put.

Knows `assets/generators.toml`, diffusers' pipelines and this machine's memory; what is drawn is others' business.
"""

import inspect
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from composer.backends.hf_load import loaded, place
from composer.backends.memory import GB, free_gb
from composer.drawing.request import Abilities, References
from composer.errors import SetupError

PROFILES = Path(__file__).parents[2] / "assets" / "generators.toml"
BUILT_IN = Path(__file__).parents[2] / "assets" / "models"
SPARE = 1.25  # of the weights' size, for what a step needs besides
FAMILIES: Mapping[str, Abilities] = {  # so that the page can say it before the libraries are there; tests hold it true
    "StableDiffusionPipeline": Abilities(references="start", start=True, mask=True, negative=True, shared=True),
    "StableDiffusionXLPipeline": Abilities(references="start", start=True, mask=True, negative=True, shared=True),
    "FluxPipeline": Abilities(references="start", start=True, mask=True, negative=True),
    "Flux2KleinPipeline": Abilities(references="shown", start=True, mask=True),
    "ZImagePipeline": Abilities(references="start", start=True, mask=True, negative=True),
    "SanaSprintPipeline": Abilities(references="start", start=True, mask=True),
}
ADAPTED = ("StableDiffusionPipeline", "StableDiffusionXLPipeline", "FluxPipeline")  # those that take an IP-Adapter
SHARED = tuple(name for name, able in FAMILIES.items() if able.shared)  # those with a UNet's self-attention
Placing = Literal["whole", "parts", "layers"]
DO: Mapping[References, str] = {
    "none": "Reference pictures reach this model as words alone: their colours and their kind of look.",
    "start": "The first reference picture is the starting point: its shapes and colours show through.",
    "adapter": "The reference pictures' look is read by an adapter; what they show does not come along.",
    "shown": "All reference pictures are shown to the model, which follows their look.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is known of a model beside its weights."""

    names: tuple[str, ...] = ()
    about: str = ""
    pipeline: str = ""  # diffusers' class; "": as the model says
    licence: str = "unknown"
    commercial: bool = False  # whether its licence lets everybody sell what is made with it
    steps: int | None = None  # None: as the pipeline has it
    guidance: float | None = None
    side: int = 0  # px it draws best; 0: any
    memory_gb: float = 0.0  # of the weights in half precision; 0: not known
    tags: bool = False  # taught by tags
    style: str = ""  # words for a look, where nobody has asked for one
    looks: Mapping[str, Sequence[str]] = field(default_factory=dict)  # the only ones it knows, and words for them
    begins: bool = True  # a reference can be where it begins; else its look goes in words
    square: bool = False  # knows squares alone
    negative: bool = True  # negative prompts do it good, where it takes them
    repo: str = ""  # where it is loaded from when it is named by its entry
    decoder: str = ""  # a tiny autoencoder that stands in for its own: folder or Hub name
    denoiser: str = ""  # "FOLDER_OR_HUB_NAME:FILE" of weights that take the place of its own
    scheduler: Mapping[str, Any] = field(default_factory=dict)  # options that its scheduler needs
    references_do: str = ""  # "": as its class can


@dataclass(slots=True)
class Loaded:
    """A model in memory: the pipeline that draws from words, and those that begin from a picture or change a part."""

    text: Any
    picture: Any = None
    part: Any = None
    adapter: bool = False  # an IP-Adapter is loaded
    placing: Placing = "whole"
    colours: Any = None  # from latents to a preview; (1 + channels, 3) float32
    embedded: dict[str, Any] = field(default_factory=dict)  # references' embeddings by their digest


def profile_of(where: str) -> Profile:
    """What is known of the model of this entry, name or folder; the defaults when nothing is."""
    name = where.lower()
    if name in profiles():
        return profiles()[name]
    return next((p for p in profiles().values() if any(part in name for part in p.names)), Profile())


@cache
def profiles() -> Mapping[str, Profile]:
    """All entries of the table."""
    table = tomllib.loads(PROFILES.read_text(encoding="utf-8"))
    return {name: Profile(**{**entry, "names": tuple(entry["names"])}) for name, entry in table.items()}


def folder_of(where: str) -> str:
    """What is loaded for an entry of the table or a model that ships with the program; else the name as it is."""
    if where and (BUILT_IN / where).is_dir():
        return str(BUILT_IN / where)
    known = profiles().get(where.lower())
    return known.repo if known and known.repo and not Path(where).expanduser().exists() else where


def abilities_of(where: str, profile: Profile, *, adapter: bool) -> Abilities:
    """What a model can do by the class that its folder, or else its profile, names; no weights are loaded."""
    name, side = _class_named(where) or profile.pipeline, profile.side or _side(where)
    family = FAMILIES.get(name)
    if family is None:
        return Abilities(known=False, tags=profile.tags, steps=profile.steps, side=side, square=profile.square)
    guided = profile.guidance is None or profile.guidance > 1
    return replace(
        family,
        references="adapter" if adapter and name in ADAPTED else _given(family.references, profile),
        negative=family.negative and guided and profile.negative,
        tags=profile.tags,
        square=profile.square,
        steps=profile.steps,
        side=side,
    )


def able(name: str, profile: Profile, *, adapter: bool) -> Abilities:
    """What a pipeline class can do."""
    import diffusers

    picture, part, text = class_beside(name, "Img2Img"), class_beside(name, "Inpaint"), getattr(diffusers, name, None)
    own = inspect.signature(text.__call__).parameters if text else {}
    shown = "image" in own and "strength" not in own
    references: References = "shown" if shown else "start" if picture else "none"
    return Abilities(
        references="adapter" if adapter and hasattr(text, "load_ip_adapter") else _given(references, profile),
        start=bool(picture) or shown,
        mask=bool(part or picture or shown),
        shared=name in SHARED,
        negative="negative_prompt" in own and profile.negative and (profile.guidance is None or profile.guidance > 1),
        tags=profile.tags,
        square=profile.square,
        steps=profile.steps,
        side=profile.side,
    )


def _given(references: References, profile: Profile) -> References:
    return "none" if references == "start" and not profile.begins else references


def class_beside(name: str, kind: Literal["Img2Img", "Inpaint"]) -> Any:  # noqa: ANN401 - diffusers has no types
    """The pipeline class of the same family that begins from a picture or changes a part; None for none."""
    import diffusers

    return getattr(diffusers, name.removesuffix("Pipeline") + f"{kind}Pipeline", None)


def load(where: str, profile: Profile, *, adapter: str = "") -> Loaded:
    """The model in memory, on the best device. Raises SetupError, also where memory will not do."""
    device, _ = place()
    if device == "cpu":
        _enough(where, profile)
    model = loaded(lambda name: _load(name, profile, adapter), where)
    needed, largest = _sizes(model.text)
    model.placing = placing(needed, largest, free_gb(device)) if device == "cuda" else "whole"
    put(model, device)
    return model


def placing(needed: float, largest: float, free: float) -> Placing:
    """All weights in the accelerator's memory, or one part at a time, or one layer; sizes in GB."""
    if needed * SPARE <= free:
        return "whole"
    return "parts" if largest * SPARE <= free else "layers"


def put(model: Loaded, device: str) -> None:
    """Bring a model's weights where they are used."""
    match model.placing:
        case "whole":
            model.text.to(device)
        case "parts":
            model.text.enable_model_cpu_offload()
        case "layers":
            model.text.enable_sequential_cpu_offload()
    decoder = getattr(model.text, "vae", None)
    if model.placing != "whole":
        for saving in ("enable_slicing", "enable_tiling"):
            getattr(decoder, saving, lambda: None)()


def software() -> str:
    """What drew it."""
    import diffusers
    import torch

    return f"diffusers {diffusers.__version__}, torch {torch.__version__}"


def _load(where: str, profile: Profile, adapter: str) -> Loaded:
    import diffusers

    _, dtype = place()
    diffusers.logging.disable_progress_bar()
    diffusers.logging.set_verbosity_error()
    text = _pipeline(where, dtype)
    if profile.denoiser:
        _denoiser(text, *profile.denoiser.rsplit(":", 1))
    if profile.scheduler:
        text.scheduler = type(text.scheduler).from_config(text.scheduler.config, **profile.scheduler)
    if profile.decoder:
        text.vae = diffusers.AutoencoderTiny.from_pretrained(profile.decoder, dtype=dtype)
    if adapter and hasattr(text, "load_ip_adapter"):
        repository, _, file = adapter.partition(":")
        inside, _, name = file.rpartition("/")
        text.load_ip_adapter(repository, subfolder=inside or ".", weight_name=name)
    text.set_progress_bar_config(disable=True)
    made = Loaded(text=text, adapter=bool(adapter and hasattr(text, "load_ip_adapter")))
    made.picture, made.part = _beside(text, "Img2Img"), _beside(text, "Inpaint")
    return made


def _pipeline(where: str, dtype: Any) -> Any:  # noqa: ANN401
    import diffusers

    try:
        return diffusers.AutoPipelineForText2Image.from_pretrained(where, dtype=dtype)
    except ValueError:  # a class that the table of tasks does not list
        return diffusers.DiffusionPipeline.from_pretrained(where, dtype=dtype)


def _beside(text: Any, kind: Literal["Img2Img", "Inpaint"]) -> Any:  # noqa: ANN401
    """Another pipeline over the same weights; None where the family has none."""
    found = class_beside(type(text).__name__, kind)
    if found is None:
        return None
    wanted = set(inspect.signature(found.__init__).parameters) - {"self"}
    parts = {name: part for name, part in text.components.items() if name in wanted}
    plain = {name: value for name, value in text.config.items() if name in wanted and isinstance(value, bool)}
    made = found(**parts, **plain)
    made.set_progress_bar_config(disable=True)
    return made


def _denoiser(text: Any, where: str, file: str) -> None:  # noqa: ANN401
    """Put a distilled denoiser's weights in place of those of the model it was made from."""
    from safetensors.torch import load_file

    path = Path(where).expanduser() / file
    if not path.is_file():
        from huggingface_hub import hf_hub_download

        path = Path(hf_hub_download(where, file))
    (text.unet if getattr(text, "unet", None) is not None else text.transformer).load_state_dict(load_file(path))


def _sizes(text: Any) -> tuple[float, float]:  # noqa: ANN401
    """GB of all weights, and of the largest part."""
    parts = [part for part in text.components.values() if hasattr(part, "parameters")]
    sizes = [sum(p.numel() * p.element_size() for p in part.parameters()) / GB for part in parts]
    return sum(sizes), max(sizes, default=0.0)


def _enough(where: str, profile: Profile) -> None:
    """Raises SetupError where this machine's memory cannot hold the model: the system would end the program."""
    _, dtype = place()
    files = [
        f for f in Path(where).expanduser().glob("**/*.safetensors") if f.name.count(".") == 1
    ]  # no second variant
    on_disk = sum(f.stat().st_size for f in files) / GB
    known = profile.memory_gb * (1.0 if "16" in str(dtype) else 2.0)
    needed = min(on_disk, known) if on_disk and known else on_disk or known
    free = free_gb("cpu")
    if needed > free:
        raise SetupError(
            f"{where} needs about {needed:.1f} GB of memory and {free:.1f} GB are free. Choose a smaller generator "
            "(docs/generation.md) or close other programs."
        )


def _class_named(where: str) -> str:
    index = Path(where).expanduser() / "model_index.json"
    try:
        return str(json.loads(index.read_text(encoding="utf-8"))["_class_name"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _side(where: str) -> int:
    """Pixels that a model in a folder was taught at: its denoiser's sample size times its autoencoder's scale."""
    folder = Path(where).expanduser()
    try:
        part = next(p for p in ("unet", "transformer") if (folder / p / "config.json").is_file())
        sample = json.loads((folder / part / "config.json").read_text(encoding="utf-8"))["sample_size"]
        decoder = folder / "vae" / "config.json"
        table = json.loads(decoder.read_text(encoding="utf-8")) if decoder.is_file() else {}
        widths = table.get("block_out_channels") or table.get("encoder_block_out_channels") or [0]
        return int(sample) * int(2 ** (len(widths) - 1))
    except (StopIteration, OSError, ValueError, KeyError, TypeError):
        return 0
