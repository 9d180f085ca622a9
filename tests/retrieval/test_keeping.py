"""Files of a training: whole or not there, whatever breaks off in between."""

from pathlib import Path

import pytest

from retrieval.training.keeping import whole


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    for text in ("first", "second"):
        with whole(path) as part:
            part.write_text(text)
            assert not path.exists() or path.read_text() == "first"
        assert path.read_text() == text
    with pytest.raises(KeyboardInterrupt):
        broken(path)
    assert path.read_text() == "second"


def broken(path: Path) -> None:
    with whole(path) as part:
        part.write_text("half")
        raise KeyboardInterrupt
