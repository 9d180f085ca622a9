"""Reading what the page asks for: every field checked once, refusals that say what to do."""

from collections.abc import Mapping
from typing import Any

from composer.article import ImageSlot, TextBlock
from composer.errors import UsageError
from composer.store import ArticleLog

Request = Mapping[str, Any]
LONGEST = 50_000  # characters of one field


def word(request: Request, name: str) -> str:
    """A short field: an id, a digest, the name of an action."""
    value = request.get(name) or ""
    if not isinstance(value, str) or len(value) > 100:
        raise UsageError(f"The page sent an unusable {name}. Reload it.")
    return value


def text(request: Request, name: str) -> str:
    """A field that a person typed."""
    value = request.get(name) or ""
    if not isinstance(value, str):
        raise UsageError(f"The page sent an unusable {name}. Reload it.")
    if len(value) > LONGEST:
        raise UsageError(f"At most {LONGEST:,} characters fit here; {len(value):,} were given.")
    return value


def slot_of(log: ArticleLog, slot_id: str) -> ImageSlot:
    """The slot of this id. Raises UsageError when it is gone."""
    slot = log.article.slot(slot_id)
    if slot is None:
        raise UsageError("This picture slot is not in the article any more.")
    return slot


def block_of(log: ArticleLog, block_id: str) -> TextBlock:
    """The text block of this id. Raises UsageError when it is gone."""
    block = log.article.text_block(block_id)
    if block is None:
        raise UsageError("This text is not in the article any more.")
    return block


def share(value: object, otherwise: float) -> float:
    """A number from 0 to 1 that the page gives in percent."""
    return min(max(float(value), 0.0), 100.0) / 100 if isinstance(value, int | float) else otherwise
