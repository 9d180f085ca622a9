"""The tiny language model stands where `python -m composer models pull` would have put the real one."""

from pathlib import Path

import pytest

from composer.xcomposer2.starter import folder
from composer.xcomposer2.tokens import FastTokens
from tests.xcomposer2.starter import kit


@pytest.fixture(scope="session")
def language(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit.write_language_model(tmp_path_factory.mktemp("language"))


@pytest.fixture
def base(language: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(folder, "path_of", lambda name: language)
    return language


@pytest.fixture(scope="session")
def tokens(language: Path) -> FastTokens:
    return FastTokens(language)
