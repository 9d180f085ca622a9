"""What can be measured of a gap between two blocks, before any picture is known.

Every feature is small, named in `templates/placement.toml` beside its weight, and computed from the text alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p

import numpy as np
from numpy.typing import NDArray

from composer.placement.text import Block, sentences, word_count

FEATURES = (
    "leftover",  # the block before is a caption without its picture, or a link around nothing
    "asks",  # it ends by pointing at something: "looks like this:", and no list or code follows
    "shows",  # it speaks of a screenshot, chart, photo, drawing, ...
    "heading",  # it is a heading
    "not_prose",  # how many of the two neighbours are lists, quotes, tables or code: 0, 1, 2
    "short",  # the block before is a paragraph of SHORT_WORDS at most: an introduction, or a caption that stayed
    "length",  # log(1 + words of the block before)
    "links",  # links in the block before, 3 at most, by 3
    "edge",  # 1 at both ends, 0 in the middle
    "shift",  # 1 - cosine of the sentence vectors of the two blocks
)
CAPTION_WORDS, LABEL_WORDS = 40, 18  # a longer text is no caption; a longer text without a full stop is no label
SHORT_WORDS = 12
USUAL_SHIFT = 0.6  # where a neighbour is missing or there is no sentence encoder
ITALIC = re.compile(r"([*_])(?![*_]).{3,}?\1", re.DOTALL)
EMPTY_LINK = re.compile(r"^\s*\[\]\([^)]*\)\s*")
OTHER_OPENING = re.compile(r"(\*\*|__|[`\"“'{@])|[*_][\"“{]")
CREDITED = re.compile(
    r"\b(photo|image|picture)s?( (courtesy|credit|by)|:)|courtesy( of)?:|(图片?来源|摄影|图)[:：]", re.IGNORECASE
)
NOT_PROSE = frozenset(["list", "quote", "code", "table"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """Patterns of the words that features look for."""

    shows: re.Pattern[str]
    points: re.Pattern[str]
    aside: re.Pattern[str]  # of editors' notes, which look like captions


def gap_features(
    blocks: Sequence[Block], lexicon: Lexicon, vectors: NDArray[np.float32] | None = None
) -> NDArray[np.float64]:
    """(len(blocks) + 1, len(FEATURES)); row g is the gap before block g. `vectors`: (len(blocks), dim), unit rows."""
    shift = np.full(len(blocks) + 1, USUAL_SHIFT)
    if vectors is not None and len(blocks) > 1:
        shift[1:-1] = 1.0 - (vectors[:-1] * vectors[1:]).sum(1)
    left = [leftover(block, lexicon) for block in blocks]
    rows = []
    for gap in range(len(blocks) + 1):
        values = _before(blocks, gap, lexicon)
        where = gap / max(1, len(blocks))
        values |= {
            "leftover": float(gap > 0 and left[gap - 1]),
            "edge": (2 * where - 1) ** 2,
            "shift": float(shift[gap]),
        }
        rows.append([values.get(name, 0.0) for name in FEATURES])
    return np.array(rows)


def leftover(block: Block, lexicon: Lexicon) -> bool:
    """Whether a block looks like the caption of a picture that is not there, or a link that holds nothing."""
    if block.kind != "text":
        return False
    if not block.plain:
        return bool(block.raw.strip())
    text, bare = block.plain, block.plain.rstrip().rstrip("*_")
    if OTHER_OPENING.match(block.raw.strip()) or lexicon.aside.search(text) or bare.endswith(('"', "”")):
        return False
    words = word_count(text)
    if words <= CAPTION_WORDS and (ITALIC.fullmatch(EMPTY_LINK.sub("", block.raw.strip())) or CREDITED.search(text)):
        return True
    ends_open = not bare.endswith((":", ".", "?", "!", ",", ";", "：", "。", "？", "！", "，", "；"))
    return words <= LABEL_WORDS and ends_open and bool(re.match(r"[A-Z]", text))


def points_at(block: Block, follower: Block | None, lexicon: Lexicon) -> bool:
    """Whether a block ends by pointing at something that does not follow as a list, quote, table or code."""
    if block.kind == "heading" or (follower is not None and follower.kind in NOT_PROSE):
        return False
    last = (sentences(block.plain) or [""])[-1].rstrip()
    return last.endswith((":", "：")) or bool(lexicon.points.search(last))


def _before(blocks: Sequence[Block], gap: int, lexicon: Lexicon) -> dict[str, float]:
    """What the two neighbours say."""
    before = blocks[gap - 1] if gap > 0 else None
    after = blocks[gap] if gap < len(blocks) else None
    around = [b.kind in NOT_PROSE for b in (before, after) if b is not None]
    values = {"not_prose": float(sum(around))}
    if before is None:
        return values
    words = word_count(before.plain)
    return values | {
        "asks": float(points_at(before, after, lexicon)),
        "shows": float(bool(lexicon.shows.search(before.plain))),
        "heading": float(before.kind == "heading"),
        "short": float(before.kind == "text" and words <= SHORT_WORDS),
        "length": log1p(words),
        "links": min(3, before.raw.count("](")) / 3,
    }
