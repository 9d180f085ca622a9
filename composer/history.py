"""What undo and redo would take back, kept up to date from the log's own events."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from composer.edits import Edit
from composer.events import Edited, Role

Turn = Literal["undo", "redo"]


@dataclass(slots=True)
class Step:
    """Edits that are taken back together."""

    number: int
    inverses: list[Edit] = field(default_factory=list)  # in the order to apply them


class History:
    """Two stacks of steps, folded from `Edited` events: the same after a restart as before it."""

    def __init__(self) -> None:
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self._last = 0

    def next_step(self) -> int:
        """A step number that was never used."""
        self._last += 1
        return self._last

    def took(self, event: Edited, inverses: Sequence[Edit]) -> None:
        """Follow an edit that is about to be applied; `inverses` take it back."""
        if event.step:
            self._last = max(self._last, event.step)
            self._entry(event.step, event.role).inverses[:0] = inverses

    def inverses(self, turn: Turn) -> list[Edit] | None:
        """The edits that the next undo or redo makes; None when there is nothing to take back."""
        stack = self._done if turn == "undo" else self._undone
        return list(stack[-1].inverses) if stack else None

    def newest(self) -> int:
        """Number of the step that undo would take back; 0 for none."""
        return self._done[-1].number if self._done else 0

    def drop(self, turn: Turn) -> None:
        """Forget the next undo or redo: nothing of it fits the article any more."""
        (self._done if turn == "undo" else self._undone).pop()

    def _entry(self, number: int, role: Role) -> Step:
        """The step of this number; a new one moves the stacks: undo and redo each take their counterpart away."""
        source, target = (self._done, self._undone) if role == "undo" else (self._undone, self._done)
        for step in reversed(target):
            if step.number == number:
                return step
        if role == "do":
            self._undone.clear()
        elif source:
            source.pop()
        target.append(Step(number=number))
        return target[-1]
