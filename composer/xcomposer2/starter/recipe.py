"""The recipe and the words of the small XComposer2, from their data files."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from composer.errors import UsageError
from composer.prompts import TEMPLATES

ASSETS = Path(__file__).resolve().parents[3] / "assets"
RECIPE = ASSETS / "starter_xcomposer2.toml"
SHIPPED = ASSETS / "models" / "starter-xcomposer2"
WORDS = TEMPLATES / "xcomposer2" / "starter.toml"


def table(path: Path = RECIPE) -> dict[str, Any]:
    """The whole recipe file."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def words() -> dict[str, Any]:
    """The lines, questions and answers."""
    return tomllib.loads(WORDS.read_text(encoding="utf-8"))


def changed(recipe: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The recipe with other numbers: `{"training.steps": 40}`. Raises UsageError for a number that it does not have."""
    made = {name: dict(part) for name, part in recipe.items()}
    for name, value in changes.items():
        part, _, key = name.partition(".")
        if key not in made.get(part, {}):
            raise UsageError(f"The recipe has no {name}.")
        made[part][key] = value
    return made
