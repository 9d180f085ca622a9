from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.retrieval.web.stub import Stub, Web, served


@pytest.fixture
def stub() -> Iterator[Stub]:
    with served() as server:
        yield server


@pytest.fixture
def web(stub: Stub, tmp_path: Path) -> Web:
    return Web(stub, tmp_path / "web")
