"""A full disk and a killed writer leave everything that was shown."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from composer.article import TextBlock
from composer.store import reopen

ROOT = Path(__file__).resolve().parent.parent.parent

FILL = """
import resource, sys
from pathlib import Path
from composer.edits import AddBlock, AppendText
from composer.article import TextBlock
from composer.errors import SetupError
from composer.store import create, reopen
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = create(Path(sys.argv[1]), "a")
log.commit(AddBlock(block=TextBlock(id="b1", markdown=""), after=None), by="model")
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
try:
    while True:
        log.commit(AppendText(id="b1", text="word "), by="model")
except SetupError as error:
    print(len(log.article.blocks[0].markdown), error)
"""


def test_a_full_disk_loses_nothing_that_was_shown(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(tmp_path / "a")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    length, _, message = done.stdout.partition(" ")
    assert "Make room" in message
    block = reopen(tmp_path / "a").article.blocks[0]
    assert isinstance(block, TextBlock)
    assert len(block.markdown) == int(length) > 0


WRITE = """
import sys
from pathlib import Path
from composer.edits import AddBlock, AppendText
from composer.article import TextBlock
from composer.store import create
log = create(Path(sys.argv[1]), "a")
log.commit(AddBlock(block=TextBlock(id="b1", markdown=""), after=None), by="model")
while True:
    log.commit(AppendText(id="b1", text="x"), by="model")
    print(len(log.article.blocks[0].markdown), flush=True)
"""


@pytest.mark.parametrize("number", range(3))
def test_a_killed_writer_leaves_everything_that_was_shown(tmp_path: Path, number: int) -> None:
    command = [sys.executable, "-c", WRITE, str(tmp_path / "a")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for _ in range(40 + 60 * number):
            shown = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split()
    shown = int(rest[-1]) if rest and rest[-1].isdigit() else shown
    block = reopen(tmp_path / "a").article.blocks[0]
    assert isinstance(block, TextBlock)
    assert len(block.markdown) >= shown
