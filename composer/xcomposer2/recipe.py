"""What a training run is told: a TOML file as typed values, with the paper's two stages as presets.

Knows names and numbers; does not read data or touch a model.
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from composer.errors import UsageError

Group = Literal["tower", "projector", "plora", "llm"]
GROUPS: tuple[Group, ...] = ("tower", "projector", "plora", "llm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One stage of training. The defaults are those of fine-tuning; `preset` gives others before the file's own."""

    model: str  # folder or Hub name, in either layout
    output: str  # folder: checkpoints while it runs, the model at the end
    data: tuple[str, ...]  # JSON files in the official format
    images: str = "."  # what the paths of pictures in the data start from
    train: tuple[str, ...] = GROUPS  # what learns; the rest is frozen
    steps: int = 1000
    batch: int = 8  # rows of a step, over all devices and accumulated ones
    micro_batch: int = 8  # rows at once on one device
    length: int = 4096  # tokens of a row
    pack: bool = True  # several examples in a row, none of which sees another
    learning_rate: float = 5e-5
    warmup: float = 0.01  # share of the steps
    llm_factor: float = 0.2  # of the learning rate, for the language model's own weights
    layer_decay: float = 0.9  # of the learning rate, from one layer of the tower to the one before it
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0  # largest norm of the gradient
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    checkpointing: bool = False  # compute layers again instead of keeping them
    save_every: int = 200  # steps
    seed: int = 0


PRESETS: Mapping[str, Mapping[str, Any]] = {
    # LLM frozen, 2e-4, warm-up over 1 % of the steps, cosine to 0, layer decay 0.9 on the ViT; batch 4096 in the paper
    "pretrain": {"train": ("tower", "projector", "plora"), "learning_rate": 2e-4},
    # all components, 5e-5, LLM factor 0.2; batch 2048 in the paper
    "finetune": {"train": GROUPS, "learning_rate": 5e-5, "llm_factor": 0.2},
}


def read_recipe(file: Path) -> Recipe:
    """The recipe of a TOML file; paths in it start from its folder. Raises UsageError naming what cannot be."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read as TOML: {error}") from error
    preset = table.pop("preset", "finetune")
    if preset not in PRESETS:
        raise UsageError(f"There is no preset {preset!r}. There are: {', '.join(PRESETS)}.")
    known: dict[str, Any] = {f.name: f.type for f in fields(Recipe)}
    if unknown := sorted(table.keys() - known.keys()):
        raise UsageError(
            f"{file.name} has {', '.join(unknown)}, which mean nothing. Known are: {', '.join(sorted(known))}."
        )
    if lacking := sorted({"model", "output", "data"} - table.keys()):
        raise UsageError(f"{file.name} lacks {', '.join(lacking)}.")
    for name, value in table.items():
        if not _fits(value, known[name]) and not (name == "data" and isinstance(value, str)):
            raise UsageError(f"{file.name}: {name} cannot be {value!r}; it is of another kind. See docs/xcomposer2.md.")
    values: dict[str, Any] = {**PRESETS[preset], **table}
    for name in ("output", "images", "model"):
        path = file.parent / str(values.get(name, "."))
        values[name] = str(path) if name != "model" or path.exists() else values[name]
    data = values["data"] if isinstance(values["data"], list) else [values["data"]]
    values["data"] = tuple(str(file.parent / str(one)) for one in data)
    tuples: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in values.items()}
    return _checked(Recipe(**tuples))


def _fits(value: object, kind: object) -> bool:
    """Whether a value of TOML is of the kind that a field of the recipe has."""
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
    if kind in (int, bool):
        return type(value) is kind
    if get_origin(kind) is not tuple:
        return isinstance(value, str)  # also a Literal, whose words are checked later
    kinds = get_args(kind)
    if not isinstance(value, list) or (kinds[-1] is not Ellipsis and len(value) != len(kinds)):
        return False
    return all(_fits(one, kinds[0]) for one in value)


def _checked(recipe: Recipe) -> Recipe:
    wrong = [name for name in recipe.train if name not in GROUPS]
    if wrong or not recipe.train:
        raise UsageError(f"train can name {', '.join(GROUPS)}, not {', '.join(wrong) or 'nothing'}.")
    for name in ("steps", "batch", "micro_batch", "length", "save_every"):
        value = getattr(recipe, name)
        if not isinstance(value, int) or value < 1:
            raise UsageError(f"{name} must be a whole number from 1 on, not {value!r}.")
    if not 0 <= recipe.warmup < 1 or not 0 < recipe.layer_decay <= 1 or recipe.learning_rate <= 0:
        raise UsageError("warmup must be in [0, 1), layer_decay in (0, 1], learning_rate above 0.")
    if recipe.clip <= 0 or min(recipe.llm_factor, recipe.weight_decay) < 0 or not all(0 <= b < 1 for b in recipe.betas):
        raise UsageError("clip must be above 0, llm_factor and weight_decay not below it, betas in [0, 1).")
    if recipe.precision not in ("float32", "bfloat16"):
        raise UsageError(f"precision can be float32 or bfloat16, not {recipe.precision!r}.")
    return recipe
