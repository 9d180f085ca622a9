"""Making a long article fit: the oldest lines go first, the question never does."""

from collections.abc import Callable, Sequence

from composer.errors import UsageError
from composer.xcomposer2.prompts import Ask

STEPS = 8  # lines are dropped an eighth of the article at a time, so that neighbouring slots have a beginning in common


def fitted(build: Callable[[int], Ask], lines: Sequence[str], length: Callable[[Ask], int], room: int) -> Ask:
    """The request with as few of the oldest lines left out as make it fit.

    `build(start)` is the request without the lines before `start`, `length` its tokens, `room` how many there may be.
    The last line stays. Raises UsageError where it does not fit even so.
    """
    whole = build(0)
    if length(whole) <= room:
        return whole
    step = max(1, len(lines) // STEPS)
    starts = [*range(step, max(1, len(lines) - 1), step), max(0, len(lines) - 1)]
    low, high = 0, len(starts) - 1
    while low < high:  # the length falls as the start rises
        middle = (low + high) // 2
        if length(build(starts[middle])) <= room:
            high = middle
        else:
            low = middle + 1
    ask = build(starts[low])
    if length(ask) > room:
        raise UsageError(
            f"The request takes {length(ask)} tokens with the last line alone, and {room} fit. Make the line shorter, "
            "show fewer pictures, or give the model a longer context."
        )
    return ask
