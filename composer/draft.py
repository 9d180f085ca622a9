"""A whole short article in one reply: which of its lines belong to which planned section.

A small model writes a short text better in one go than section by section (docs/quality.md). Knows headings; does not call
a model and does not touch an article.
"""

from collections.abc import Iterable, Iterator, Sequence

from composer.reply import HEADING, NUMBERED, key_of

HOLD = 160  # characters after which a line is no heading
NEAR = 6  # letters that a title has at least, for one that holds or is held by another to be taken for it


def parted(pieces: Iterable[str], titles: Sequence[str]) -> Iterator[tuple[int, str]]:
    """(number of the section from 0, text) as it comes, without the headings that open the planned sections.

    What stands before the first heading belongs to the first section. Sections come in their order: a heading of one that
    is passed, or of none, is part of the text.
    """
    keys = [key_of(title) for title in titles]
    now, held, at_start = 0, "", True
    for piece in pieces:
        held += piece
        while held:
            end = held.find("\n")
            may_open = at_start and held.lstrip()[:1] in ("", "#", "*")
            if may_open and end < 0 and len(held) < HOLD:
                break
            line, held = (held[: end + 1], held[end + 1 :]) if end >= 0 else (held, "")
            found = _opened(line, keys, now) if may_open else None
            if found is None:
                yield now, line
            else:
                now = found
            at_start = end >= 0
    if held and _opened(held, keys, now) is None:
        yield now, held


def _opened(line: str, keys: Sequence[str], now: int) -> int | None:
    """The section that a line opens, from the present one on; None for other lines."""
    heading = HEADING.match(line.strip())
    if heading is None:
        return None
    own = key_of(NUMBERED.sub("", (heading.group(2) or heading.group(3)).replace("**", "").strip()))
    for number in range(now, len(keys)):
        near = min(len(own), len(keys[number])) >= NEAR and (own in keys[number] or keys[number] in own)
        if own and (own == keys[number] or near):
            return number
    return None
