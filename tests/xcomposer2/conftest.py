"""What the tests of XComposer2 share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.xcomposer2 import tiny


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Models this small only lose by more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def whole_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An official checkpoint with a tokenizer, tiny and with random weights."""
    path = tmp_path_factory.mktemp("xcomposer2")
    size = tiny.write_tokenizer(path / "tokenizer.model")
    tiny.official_folder(path, tiny.model(tiny.config(text={"vocab_size": size})))
    return path
