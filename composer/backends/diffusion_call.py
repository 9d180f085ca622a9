"""One call of a diffusers pipeline: its arguments by what it takes, its steps as they pass, its previews.

Knows pipelines' parameters; does not load, queue or retry anything.
"""

import hashlib
import inspect
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from PIL import Image, ImageOps

from composer.backends.diffusion_models import Loaded, Profile
from composer.backends.hf_load import quiet_libraries
from composer.backends.shared_attention import can_share, shared
from composer.drawing.masks import pasted
from composer.drawing.request import Drawing
from composer.drawing.words import fitted
from composer.errors import ReplyError

MULTIPLE = 32  # px; every model's own multiple divides it
PREVIEW_PX = 128
STYLE_ONLY = {"up": {"block_0": [0.0, 1.0, 0.0]}}  # layers of SDXL that carry the look (InstantStyle, arXiv 2404.02733)
LEAST_PX, MOST_PIXELS = 64, 1_000_000  # of a picture that a model is shown
TEMPLATE = 32  # tokens that a chat's marks around the prompt may take
ADAPTER_SCALE = 0.6  # for models whose layers are not told apart
Watch = Callable[[int, int, Any], None]
"""Is told the step, how many there are, and the latents; may raise to stop."""


class Held(ReplyError):
    """The model's own filter held a picture back."""


def sized(width: int, height: int, scale: float = 1.0) -> tuple[int, int]:
    """Sides rounded down to what models take."""
    return tuple(max(MULTIPLE, int(side * scale) // MULTIPLE * MULTIPLE) for side in (width, height))  # type: ignore[return-value]


def words_of(model: Loaded, drawing: Drawing, profile: Profile) -> tuple[str, str]:
    """The prompt within the model's limit, and a warning where something had to go."""
    tokenizer, limit = _reader(model.text)
    if tokenizer is None:
        return fitted(drawing, len, 100_000, tags=profile.tags)[0], ""
    prompt, left = fitted(drawing, lambda text: len(tokenizer(text).input_ids), limit, tags=profile.tags)
    return prompt, f"The prompt was longer than the {limit} tokens this model reads; left out: {left}" if left else ""


def draw_batch(
    model: Loaded, drawings: Sequence[Drawing], prompts: Sequence[str], size: tuple[int, int], watch: Watch
) -> list[Image.Image]:
    """The pictures of drawings that differ in words and seed alone; the first leads where one does. Raises Held,
    ReplyError and what torch raises."""
    import torch

    first = drawings[0]
    pipeline, options = _way(model, drawings, size)
    options |= {"width": size[0], "height": size[1], "guidance_scale": first.guidance}
    options.setdefault("num_inference_steps", first.steps)
    options |= {
        "prompt": list(prompts),
        "negative_prompt": [d.negative for d in drawings] if any(d.negative for d in drawings) else None,
    }
    options["generator"] = [
        torch.Generator("cpu").manual_seed(d.seed) for d in drawings
    ]  # the CPU's: it means the same
    options |= {"callback_on_step_end": _watched(watch), "use_resolution_binning": False}
    given = {name: value for name, value in known(pipeline, options).items() if value is not None}
    if given.get("num_inference_steps") != 2:  # SANA-Sprint's default fits two steps alone
        given |= known(pipeline, {"intermediate_timesteps": None})
    try:
        with quiet_libraries(), torch.inference_mode(), _together(model, drawings):
            drawn = pipeline(**given)
    finally:
        getattr(pipeline, "maybe_free_model_hooks", lambda: None)()
    if any(getattr(drawn, "nsfw_content_detected", None) or ()):
        raise Held("The model held back its picture as not fit to be shown. Change what is asked for.")
    pictures = [image.convert("RGB") for image in drawn.images]
    return [pasted(d, image) for d, image in zip(drawings, pictures, strict=True)]


def _together(model: Loaded, drawings: Sequence[Drawing]) -> AbstractContextManager[None]:
    """All see the first one's attention where any of them is led."""
    unet = getattr(model.text, "unet", None)
    return shared(unet, len(drawings)) if any(d.lead for d in drawings) and can_share(unet) else nullcontext()


def known(pipeline: Any, options: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - diffusers has no types
    """Those options that the pipeline has."""
    parameters = inspect.signature(pipeline.__call__).parameters
    return {name: value for name, value in options.items() if name in parameters}


def began_from(model: Loaded, drawing: Drawing) -> str:
    """Whose pixels a picture begins with: "start", "reference" or ""."""
    if drawing.start is not None and (model.picture is not None or model.part is not None or _is_shown(model)):
        return "start"
    begins = bool(drawing.references) and not model.adapter and not _is_shown(model) and model.picture is not None
    return "reference" if begins else ""


def is_shown(model: Loaded, drawing: Drawing) -> bool:
    """Whether the references reach the model as pictures to look at."""
    return bool(drawing.references) and (model.adapter or _is_shown(model))


def previews(model: Loaded, latents: Any) -> tuple[Image.Image, ...]:  # noqa: ANN401
    """What unfinished latents (n, channels, h, w) will roughly look like; none where they have another form."""
    import torch

    if getattr(latents, "ndim", 0) != 4 or latents.shape[1] > 64:
        return ()
    if model.colours is None:
        model.colours = _colours(model.text, latents)
    flat = latents.detach().float().cpu().permute(0, 2, 3, 1)  # (n, h, w, channels)
    flat = torch.cat([torch.ones_like(flat[..., :1]), flat], -1) @ model.colours  # (n, h, w, 3)
    pixels = (flat.clamp(-1, 1) * 127.5 + 127.5).byte().numpy()
    return tuple(ImageOps.contain(Image.fromarray(one), (PREVIEW_PX, PREVIEW_PX)) for one in pixels)


def _colours(text: Any, latents: Any) -> Any:  # noqa: ANN401
    """A linear map from latents to colours, (1 + channels, 3): least squares over what the decoder makes of even ones."""
    import torch

    channels = latents.shape[1]
    decoder = getattr(text, "vae", None)
    if decoder is None:  # the model draws pixels
        return torch.cat([torch.zeros(1, 3), torch.eye(channels)[:, :3]])
    even = torch.randn(8 * channels, channels, 1, 1, generator=torch.Generator().manual_seed(0))
    scale = getattr(decoder.config, "scaling_factor", 1.0) or 1.0
    shift = getattr(decoder.config, "shift_factor", 0.0) or 0.0
    weight = next(decoder.parameters())
    with torch.no_grad():
        seen = decoder.decode((even.expand(-1, -1, 4, 4) / scale + shift).to(weight.device, weight.dtype)).sample
    colours = seen.float().mean((2, 3)).cpu()[:, :3]
    return torch.linalg.lstsq(torch.cat([torch.ones(len(even), 1), even[:, :, 0, 0]], 1), colours).solution


def _way(model: Loaded, drawings: Sequence[Drawing], size: tuple[int, int]) -> tuple[Any, dict[str, Any]]:
    """Which pipeline, and how it is given start, mask and references."""
    first, options = drawings[0], dict[str, Any]()
    if model.adapter:
        options |= _adapted(model, first)
    if first.start is not None and first.mask is not None and model.part is not None:
        start, mask = _fit(first.start, size), first.mask.convert("L").resize(size)
        count = len(drawings)
        return model.part, options | {"image": [start] * count, "mask_image": [mask] * count} | _strong(first)
    if _is_shown(model):
        shown = [*([first.start] if first.start is not None else []), *first.references]
        return model.text, options | ({"image": [_looked_at(p) for p in shown]} if shown else {})
    begin = began_from(model, first)
    if begin and model.picture is not None:
        origin = first.start if begin == "start" and first.start is not None else first.references[0]
        return model.picture, options | {"image": [_fit(origin, size)] * len(drawings)} | _strong(first)
    return model.text, options


def _adapted(model: Loaded, drawing: Drawing) -> dict[str, Any]:
    """The references' look for an IP-Adapter, embedded once; without references the adapter is silent."""
    pictures = list(drawing.references) or [Image.new("RGB", (64, 64), "grey")]
    unet = type(model.text).__name__.startswith("StableDiffusionXL")
    scale: Any = STYLE_ONLY if unet else ADAPTER_SCALE
    model.text.set_ip_adapter_scale(scale if drawing.references else 0.0)
    guided = drawing.guidance is None or drawing.guidance > 1  # then there is an empty half besides
    key = hashlib.sha256(b"".join(p.tobytes() for p in pictures)).hexdigest() + str(guided)
    if key not in model.embedded:
        device = model.text._execution_device
        model.embedded[key] = model.text.prepare_ip_adapter_image_embeds([pictures], None, device, 1, guided)
    return {"ip_adapter_image_embeds": model.embedded[key]}


def _strong(drawing: Drawing) -> dict[str, Any]:
    """How far to move away: a part of the steps is passed over, so that more are asked for."""
    strength = min(max(drawing.strength, 0.05), 1.0)
    steps = {"num_inference_steps": math.ceil(drawing.steps / strength)} if drawing.steps else {}
    return {"strength": strength, **steps}


def _is_shown(model: Loaded) -> bool:
    own = inspect.signature(model.text.__call__).parameters
    return "image" in own and "strength" not in own


def _fit(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    return ImageOps.fit(picture.convert("RGB"), size, Image.Resampling.LANCZOS)


def _looked_at(picture: Image.Image) -> Image.Image:
    """A picture as models look at it: none takes one with a side below 64 px, and none sees more than a megapixel."""
    least, most = LEAST_PX / min(picture.size), (MOST_PIXELS / (picture.width * picture.height)) ** 0.5
    scale = least if least > 1 else min(1.0, most)
    size = (max(LEAST_PX, round(picture.width * scale)), max(LEAST_PX, round(picture.height * scale)))
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS) if scale != 1 else picture.convert("RGB")


def _watched(watch: Watch) -> Callable[..., dict[str, Any]]:
    def at_end(pipeline: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
        watch(step + 1, int(getattr(pipeline, "num_timesteps", 0) or 0), tensors.get("latents"))
        return tensors

    return at_end


def _reader(text: Any) -> tuple[Any, int]:  # noqa: ANN401
    """The tokenizer that reads the most of a prompt, and how many tokens that is."""
    default = inspect.signature(text.__call__).parameters.get("max_sequence_length")
    most = default.default if default is not None and isinstance(default.default, int) else 100_000
    found = [getattr(text, name, None) for name in ("tokenizer", "tokenizer_2", "tokenizer_3")]
    limits = [(min(int(t.model_max_length), most), t) for t in found if t is not None]
    if not limits:
        return None, most
    limit, tokenizer = max(limits, key=lambda pair: pair[0])
    return tokenizer, limit - (TEMPLATE if getattr(tokenizer, "chat_template", None) else 0)
