"""What the documents say is true: commands parse, settings are listed, files they name are there."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

import composer.__main__ as composer_cli
import retrieval.__main__ as retrieval_cli
from composer.brief import read_specification
from composer.prompts import TEMPLATES, kinds, languages, prompts
from composer.settings import Settings, describe_settings, load_settings, preset_names

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def commands() -> list[str]:
    """Every `python -m composer|retrieval` line of the documents, joined over line ends."""
    found = []
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8").replace("\\\n", " ")
        found += re.findall(
            r"^ {4}(?:\S+=\S+ )*(?:\S*/)?python -m ((?:composer|retrieval) .*?)\s*(?:#.*)?$", text, re.MULTILINE
        )
    return found


@pytest.mark.parametrize("line", commands())
def test_commands_of_the_documents_parse(line: str) -> None:
    program, *arguments = shlex.split(line)
    parser = (composer_cli if program == "composer" else retrieval_cli)._parser()
    assert callable(parser.parse_args(arguments).run)


def test_there_are_commands_to_check() -> None:
    assert len(commands()) >= 6


def test_every_setting_is_in_the_documents() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert describe_settings() in text
    assert len(Settings.model_fields) == describe_settings().count("INTERLEAVE_")


@pytest.mark.parametrize("name", preset_names())
def test_presets_load(name: str) -> None:
    assert load_settings(name).preset == name


@pytest.mark.parametrize("path", sorted((TEMPLATES / "prompts").glob("*.toml")), ids=lambda p: p.stem)
def test_prompts_load(path: Path) -> None:
    assert prompts(path.stem).code == path.stem


def test_kinds_and_languages_load() -> None:
    assert {"blog", "explainer", "travel", "news", "recipe"} <= set(kinds())
    assert {"en", "zh"} <= set(languages())


def test_the_words_of_a_specification_are_all_known() -> None:
    table = tomllib.loads((TEMPLATES / "specification.toml").read_text(encoding="utf-8"))
    for entry, words in table.items():
        for word in words:
            assert entry in read_specification(f"{word.title()}: x").entries


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.name)
def test_files_that_documents_name_are_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!http|#)([^)#]+)\)", text):
        assert (document.parent / link).exists(), link
    for name in re.findall(r"`((?:docs|templates|assets|composer|retrieval|benchmarks|tests)/[\w./-]+)`", text):
        assert (ROOT / name).exists(), name
