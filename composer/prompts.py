"""The prompts, kinds and languages of `templates/`, loaded into typed values.

Knows the files' form; what is in them is data. No prompt text stands in code.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from composer.errors import UsageError
from composer.models import Message

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """All prompts of one language; every field is the table entry of that name."""

    code: str  # of the file: "en", "zh"
    system: Template
    plan: Template
    section: Template
    section_alone: Template
    draft: Template
    continue_section: Template
    add_facts: Template
    describe: Template
    look: Template
    revise: Template
    picture_for: Template
    judge: Template
    style_suffix: Template
    retry: Template
    meta_openers: tuple[re.Pattern[str], ...]  # openings of a reply that speak of the task
    meta_sentences: tuple[re.Pattern[str], ...]  # sentences that speak of the task
    meta_titles: tuple[re.Pattern[str], ...]  # headings of a plan that speak of the task
    empty_titles: tuple[re.Pattern[str], ...]  # headings within a section that say nothing: "Introduction"
    meta_captions: tuple[re.Pattern[str], ...]  # captions that speak of the picture's task, not of what it shows
    caption_talk: tuple[re.Pattern[str], ...]  # "the picture shows" and its like, cut out of captions
    alt_talk: tuple[re.Pattern[str], ...]  # "image of", "is shown in this section" and their like, cut out of alt texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of article."""

    en: str  # what it is, for prompts
    zh: str
    pictures_per_1000_words: float  # the most that an automatic picture count gives
    running_text: bool  # paragraphs only; else lists and sub-headings belong to it
    one_thread: bool = False  # one course of events: its headings do not say what must stand below them


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    name: str  # in English
    name_zh: str  # in Chinese
    common: frozenset[str]  # frequent words, by which it is told apart


@cache
def prompts(language: str) -> Prompts:
    """The prompts for articles in a language: its own, else the English ones."""
    code = language.split("-")[0]
    path = TEMPLATES / "prompts" / f"{code}.toml"
    if not code.isalpha() or not path.exists():
        return prompts("en")
    environment = Environment(undefined=StrictUndefined, autoescape=False)
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    names = {f.name for f in fields(Prompts)} - {"code"}
    if table.keys() != names:
        raise UsageError(f"{path.name} must have exactly these entries: {', '.join(sorted(names))}.")
    values: dict[str, Any] = {
        name: tuple(re.compile(p, re.IGNORECASE) for p in entry)
        if isinstance(entry, list)
        else environment.from_string(entry.strip())
        for name, entry in table.items()
    }
    return Prompts(code=code, **values)


@cache
def kinds() -> Mapping[str, Kind]:
    """All kinds of article by name."""
    files = sorted((TEMPLATES / "kinds").glob("*.toml"))
    return {f.stem: Kind(**tomllib.loads(f.read_text(encoding="utf-8"))) for f in files}


@cache
def languages() -> Mapping[str, Language]:
    """All languages known by name, by their code."""
    table = tomllib.loads((TEMPLATES / "languages.toml").read_text(encoding="utf-8"))
    return {
        code: Language(name=t["name"], name_zh=t["name_zh"], common=frozenset(t["common"])) for code, t in table.items()
    }


def language_name(code: str, *, inside: str) -> str:
    """What prompts written in the language `inside` call a language; an unknown code is its own name."""
    known = languages().get(code.split("-")[0])
    if known is None:
        return code
    return known.name_zh if inside == "zh" else known.name


def user(text: str) -> Message:
    """A turn of the person's side."""
    return Message(role="user", content=text.strip())


def assistant(text: str) -> Message:
    """A turn of the model's side."""
    return Message(role="assistant", content=text)
