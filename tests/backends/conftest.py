"""Engines for the contract suites; what is slow to build is built once."""

import json
from pathlib import Path

import pytest

from composer.backends.scripted import from_file
from tests.backends.text_subjects import LONG, Subject, canned
from tests.fakes import ScriptedTextModel


@pytest.fixture
def scripted_text() -> Subject:
    return Subject(model=ScriptedTextModel(canned))


@pytest.fixture
def refusing_text() -> Subject:
    return Subject(model=ScriptedTextModel(canned, constrains=False))


@pytest.fixture
def script_file_text(tmp_path: Path) -> Subject:
    path = tmp_path / "script.json"
    replies = [{"contains": "JSON", "reply": {"animal": "heron", "legs": 2}}, {"contains": "", "reply": LONG}]
    path.write_text(json.dumps({"replies": replies}), encoding="utf-8")
    return Subject(model=from_file(path))
