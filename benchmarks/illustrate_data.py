"""Articles that people illustrated, as the benchmark reads them: `DIR/SPLIT.jsonl` and `DIR/images/`."""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from composer.placement.text import Block, blocks_of


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture that a person placed; gap g stands before block g, so the figure behind block 3 is in gap 4."""

    gap: int
    alt: str  # "" where the person gave none: then no caption is known
    image: str  # file name


@dataclass(frozen=True, slots=True)
class Post:
    """An article without its pictures, and where they were."""

    id: str
    title: str
    blocks: tuple[Block, ...]
    figures: tuple[Figure, ...]

    @property
    def gaps(self) -> list[int]:
        """Where the person's pictures are, in order."""
        return sorted(f.gap for f in self.figures)


def read_posts(folder: Path, split: str) -> list[Post]:
    """All posts of a split."""
    lines = (folder / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [_post(json.loads(line)) for line in lines if line.strip()]


def _post(value: dict[str, object]) -> Post:
    blocks, figures = value["blocks"], value["figures"]
    assert isinstance(blocks, Sequence)
    assert isinstance(figures, Sequence)
    last = len(blocks)
    return Post(
        id=str(value["id"]),
        title=str(value.get("title") or ""),
        blocks=tuple(blocks_of([str(b) for b in blocks])),
        figures=tuple(
            Figure(
                min(max(int(f["after"]) + 1, 0), last),
                " ".join(html.unescape(str(f.get("alt") or "")).split()),
                str(f.get("image") or ""),
            )
            for f in figures
        ),
    )
