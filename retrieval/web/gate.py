"""When a source may be asked again: its quotas and what it asked for, kept on disk for all runs of this program."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from retrieval.errors import SourceError

PATIENCE_S = 15.0  # waited for a turn; for longer the source is gone without
LONGEST_S = 86_400.0  # no source is left alone for longer, whatever it asks


@dataclass(frozen=True, slots=True)
class Quota:
    """So many requests in any so many seconds."""

    requests: int
    seconds: float

    def __str__(self) -> str:
        return f"its {self.requests} requests in {self.seconds:.0f} s are used up"


@dataclass(frozen=True, slots=True)
class State:
    """What is on disk."""

    asked: tuple[float, ...] = ()  # when, seconds since 1970, as far back as the longest quota reaches
    closed: float = 0.0  # until when
    reason: str = ""


class Gate:
    """Counts requests and keeps a source closed as long as it asked for. Safe for several threads and processes."""

    def __init__(
        self,
        path: Path,
        quotas: Sequence[Quota] = (),
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = PATIENCE_S,
    ) -> None:
        self._path = path
        self._quotas = tuple(quotas)
        self._clock, self._sleep, self._patience = clock, sleep, patience
        self._lock = threading.Lock()

    def enter(self) -> None:
        """Wait for a turn and count it. Raises SourceError when that would take longer than the gate's patience."""
        waited = 0.0
        wait, reason = self._turn()
        while wait > 0:
            if waited + wait > self._patience:
                again = time.strftime("%H:%M", time.localtime(self._clock() + wait))
                raise SourceError(f"{self._path.stem}: {reason}. It is asked again from {again} on ({wait:.0f} s).")
            waited += wait
            self._sleep(wait)
            wait, reason = self._turn()

    def close(self, seconds: float, reason: str = "it asked to wait") -> None:
        """Ask nothing for so long; `reason` is what those who would are told."""
        with self._state() as state:
            until = self._clock() + seconds
            if until > state.closed:
                self._keep(replace(state, closed=until, reason=reason))

    def left(self) -> list[int]:
        """How many requests each quota still allows now."""
        with self._state() as state:
            now = self._clock()
            return [max(0, q.requests - sum(t > now - q.seconds for t in state.asked)) for q in self._quotas]

    def _turn(self) -> tuple[float, str]:
        """0 when this request may go, which is counted; else the seconds until it is worth asking again, and why."""
        with self._state() as state:
            now = self._clock()
            waits = [(state.closed - now, state.reason)]
            for quota in self._quotas:
                recent = sorted(t for t in state.asked if t > now - quota.seconds)
                if len(recent) >= quota.requests:
                    waits.append((recent[-quota.requests] + quota.seconds - now, str(quota)))
            longest = max(waits)
            if longest[0] > 0:
                return longest
            self._keep(replace(state, asked=(*state.asked, now)))
            return 0.0, ""

    @contextmanager
    def _state(self) -> Iterator[State]:
        """What counts now; nobody else changes it meanwhile. A file that cannot be read counts for nothing."""
        with self._lock, self._alone():
            now = self._clock()
            longest = max((q.seconds for q in self._quotas), default=0.0)
            try:
                kept = json.loads(self._path.read_text(encoding="utf-8"))
                asked = [min(float(t), now) for t in kept["asked"]]  # a clock that was set back forgets nothing
                closed = min(float(kept["closed"]), now + LONGEST_S)
                state = State(tuple(t for t in asked if t > now - longest), closed, str(kept["reason"]))
            except (OSError, ValueError, TypeError, KeyError):
                state = State()
            yield state

    def _keep(self, state: State) -> None:
        part = self._path.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(asdict(state)), encoding="utf-8")
        os.replace(part, self._path)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.with_suffix(".lock").open("w") as file:
                _lock(file.fileno())
                yield
        except OSError as error:
            raise SourceError(f"The count of requests {self._path} cannot be kept: {error}.") from error


def _lock(descriptor: int) -> None:
    try:
        import fcntl
    except ImportError:  # no file locks here: one process at a time is the author's business
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)
