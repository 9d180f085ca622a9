"""Stop strings for engines that do not know them: the reply ends before the first one, also when it comes in parts."""

from collections.abc import Iterable, Iterator, Sequence


def until_stop(pieces: Iterable[str], stop: Sequence[str]) -> Iterator[str]:
    """The pieces up to the first stop string, without it. What may be the beginning of one is held back until sure."""
    stop = [s for s in stop if s]
    held = ""
    for piece in pieces:
        held += piece
        found = [at for at in (held.find(s) for s in stop) if at >= 0]
        if found:
            if text := held[: min(found)]:
                yield text
            return
        safe = len(held) - _open_end(held, stop)
        if safe:
            yield held[:safe]
            held = held[safe:]
    if held:
        yield held


def _open_end(text: str, stop: Sequence[str]) -> int:
    """How many characters at the end of `text` may be the beginning of a stop string."""
    return max((n for s in stop for n in range(1, len(s)) if text.endswith(s[:n])), default=0)
