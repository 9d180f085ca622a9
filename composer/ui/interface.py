"""The page's words by language, from templates/interface/: what stands on it, and what the program says of failures."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache

from composer.prompts import TEMPLATES

FOLDER = TEMPLATES / "interface"
LANGUAGES = ("en", "zh")
HOLE = re.compile(r"\\\{(\w+)\\\}")


@cache
def words(code: str) -> Mapping[str, str]:
    """The words of the interface in a language; English for one that has no file."""
    path = FOLDER / f"{code}.toml"
    if not code.isalpha() or not path.is_file():
        path = FOLDER / "en.toml"
    return {key: str(value) for key, value in tomllib.loads(path.read_text(encoding="utf-8")).items()}


def language_of(accepted: str | None) -> str:
    """The interface's language for a browser, from its Accept-Language: that of its first choice, else English."""
    first = (accepted or "").split(",")[0].split(";")[0].strip().lower().split("-")[0]
    return first if first in LANGUAGES else "en"


def said(text: str, code: str) -> str:
    """A sentence of the program in a language; as it is where there is no translation."""
    for pattern, translation in _sentences(code):
        if found := pattern.fullmatch(text):
            values = {
                name: said(words(code).get(f"run.{value}", value), code) for name, value in found.groupdict().items()
            }
            return translation.format(**values)
    return text


@cache
def _sentences(code: str) -> list[tuple[re.Pattern[str], str]]:
    """The translated sentences, those with the most words of their own first: "{name}: {error}" comes last."""
    path = FOLDER / "said" / f"{code}.toml"
    if not code.isalpha() or not path.is_file():
        return []
    pairs: list[list[str]] = tomllib.loads(path.read_text(encoding="utf-8"))["said"]
    pairs.sort(key=lambda pair: -len(re.sub(r"\{\w+\}", "", pair[0])))
    return [(re.compile(HOLE.sub(r"(?P<\1>.+)", re.escape(english)), re.DOTALL), other) for english, other in pairs]
