"""What is told of a download while its client still makes and removes files."""

import shutil
import threading
from pathlib import Path

from retrieval.download import bytes_in


def test_bytes_are_counted_while_folders_come_and_go(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"x" * 10)
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            for number in range(20):
                (tmp_path / f"unpack-{number}" / "deep").mkdir(parents=True)
            for number in range(20):
                shutil.rmtree(tmp_path / f"unpack-{number}")

    client = threading.Thread(target=churn)
    client.start()
    try:
        assert {bytes_in(tmp_path) for _ in range(300)} == {10}
    finally:
        stop.set()
        client.join()
