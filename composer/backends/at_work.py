"""Work in a thread of its own whose listener hears of every step, and can go at any moment without waiting.

Knows threads; does not know what is worked at.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from composer.drawing.request import Drawn, Step

BEAT = 0.25  # s between two signs of life


class Stopped(Exception):
    """Nobody listens any more."""


@dataclass(slots=True)
class Ear:
    """Where work in a thread tells what it does."""

    said: queue.SimpleQueue[Step | Drawn | BaseException | None] = field(default_factory=queue.SimpleQueue)
    gone: threading.Event = field(default_factory=threading.Event)

    def tell(self, what: Step | Drawn) -> None:
        """Say something. Raises Stopped when nobody listens."""
        if self.gone.is_set():
            raise Stopped
        self.said.put(what)


def listened(work: Callable[[Ear], None], first: Step) -> Iterator[Step | Drawn]:
    """What `work` tells, and its last step again after each quarter of a second of silence; `first` until it tells one.

    An error of the work is raised here. Closing the iterator lets the next `tell` end the work.
    """
    ear = Ear()
    threading.Thread(target=_done, args=(work, ear), name="draw", daemon=True).start()
    last, began = replace(first, previews=()), time.monotonic()
    try:
        while True:
            try:
                said = ear.said.get(timeout=BEAT)
            except queue.Empty:
                yield replace(last, done=int(time.monotonic() - began)) if last.doing == "load" else last
                continue
            if said is None:
                return
            if isinstance(said, BaseException):
                raise said
            last = replace(said, previews=()) if isinstance(said, Step) else last
            yield said
    finally:
        ear.gone.set()


def _done(work: Callable[[Ear], None], ear: Ear) -> None:
    try:
        work(ear)
    except Stopped:
        pass
    except BaseException as error:  # for whoever listens, in the other thread
        ear.said.put(error)
    finally:
        ear.said.put(None)
