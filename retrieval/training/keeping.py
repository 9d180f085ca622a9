"""What lets a training be stopped and gone on with: files that are whole or not there, a rate that stays till the end."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write a file: what is there takes the place of `path` when the block ends, and a run that is killed or
    fails before leaves what stood there."""
    part = path.with_suffix(".part")
    yield part
    part.replace(path)


def rate(step: int, settings: Mapping[str, Any]) -> float:
    """Share of the peak learning rate: `warm` steps up, level, and straight down over the last `cool` of all `steps`.

    While it is level, a run can be made longer or shorter as it goes.
    """
    left = (settings["steps"] - step) / (settings["steps"] * settings["cool"])
    return float(min(1.0, (step + 1) / settings["warm"], left))
