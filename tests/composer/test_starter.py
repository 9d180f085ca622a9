"""One real composition with the small embedded model: llama.cpp, the sentence encoder, a little library."""

from dataclasses import replace
from pathlib import Path

import pytest

from composer.brief import Wishes
from composer.compose import compose
from composer.engines import Engines
from composer.export import bundle
from composer.settings import load_settings
from retrieval.home import home
from retrieval.indexing import Encoders, index_folder
from retrieval.library import Library
from retrieval.source import LibrarySource
from tests.composer.kit import picture, run, start

pytestmark = pytest.mark.starter
NAMES = (
    "brass lamp",
    "lighthouse on a rock",
    "glass lens",
    "ship at sea",
    "green frog",
    "cup of tea",
    "sea waves",
    "old tower",
)


@pytest.fixture
def installed() -> None:
    """The small models, which `make test` brings."""
    for folder in ("smollm2-135m", "minilm"):
        if not (home() / "models" / folder).exists():
            pytest.skip(f"{folder} is not here; run: python -m composer models pull smollm2-135m minilm")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_small_model_writes_an_illustrated_article(tmp_path: Path, installed: None, language: str) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name.replace(' ', '-')}.png").write_bytes(picture(name)[1])
    engines = Engines(load_settings(text_model="llamacpp:smollm2-135m", context=4096))
    library = Library(tmp_path / "library.sqlite")
    assert index_folder(library, folder, Encoders(sentence=engines.sentences)).added == len(NAMES)
    log = start(
        tmp_path, "Lighthouses and the sea", Wishes(words=200, images=2, language=language, outline="The lamp\nThe sea")
    )
    source = LibrarySource(library, sentence=engines.sentences)
    toolkit = replace(engines.toolkit(log), sources=(source,))
    article = run(log, compose, toolkit)
    assert article.title
    assert [s.title for s in article.sections()] == ["The lamp", "The sea"]
    assert all(s.text for s in article.sections())
    assert len(article.slots()) == 2
    assert any(s.candidates for s in article.slots())
    assert all(s.alt and s.alt != s.caption for s in article.slots() if s.picture)
    made = bundle(article, log.pictures.read)
    assert len(made.credits) == len(made.files) == sum(s.picture is not None for s in article.slots())
    assert toolkit.text.usage.cached_tokens > 0
    library.close()
