"""The model card: what stands in `assets/starter_diffusion_card.md`, filled with the recipe, the training and the report."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from composer.errors import SetupError
from composer.starter_diffusion.data import RECIPE, table

TEMPLATE = RECIPE.with_name("starter_diffusion_card.md")
TRAINING = "training.json"  # beside a model: how many steps it had, and of what


def card(report: Mapping[str, Any], training: Mapping[str, int]) -> str:
    """The card's Markdown. `report`: of judge; `training`: steps, drawings, concepts, held."""
    page = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)  # Markdown
    return page.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        recipe=table(),
        training=training,
        groups={name: row for name, row in report.items() if "pictures" in row},
        held=report["held-out pairs, drawn"],
        known=report["known pairs, drawn"],
        real=report["held-out pairs, real pictures"],
        other=report["held-out pairs, drawn for another prompt"],
        memory=report["memorising"],
        percent=lambda share: f"{share:.0%}".replace("%", " %"),
    )


def write(folder: Path, report: Mapping[str, Any]) -> None:
    """The report and the card, beside the model that they are about. Raises SetupError without its training's facts."""
    try:
        training = json.loads((folder / TRAINING).read_text(encoding="utf-8"))
    except OSError as error:
        raise SetupError(f"{folder} does not say how it was trained: {TRAINING} is missing. Save it anew.") from error
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(card(report, training), encoding="utf-8")
