"""What is taken off the raw stream of an engine: stop strings it does not know, and a reasoning model's thoughts."""

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


def without_thoughts(pieces: Iterable[str]) -> Iterator[str]:
    """The pieces without a `<think>...</think>` at the very beginning, and without the blank lines behind it."""
    rest = iter(pieces)
    held = ""
    for piece in rest:
        held += piece
        text = held.lstrip()
        if "<think>".startswith(text[:7]) and "</think>" not in text:
            continue
        if text.startswith("<think>"):
            held_behind = text.partition("</think>")[2].lstrip()
            if not held_behind:
                continue
            yield held_behind
        else:
            yield held
        yield from rest
        return
    if held and not held.lstrip().startswith("<think>"):
        yield held
