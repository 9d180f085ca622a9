"""What came from the web, kept on disk: so nothing is asked twice, and a source's pictures outlive its servers' moods."""

import hashlib
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 500_000_000
DAY_S = 86_400.0
LOOK_EVERY = 50  # puts between two looks at the size


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Bytes and when they came."""

    data: bytes
    time: float  # seconds since 1970


class Cache:
    """Files named by the sha256 of their key, the oldest thrown out when they are too many. A disk that refuses is no
    error: then nothing is kept."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._clock = clock
        self._puts = 0
        self._lock = threading.Lock()

    def get(self, key: str, max_age: float) -> Kept | None:
        """What was kept under a key, if it is no older than `max_age` seconds."""
        path = self._path(key)
        try:
            came = path.stat().st_mtime
            if self._clock() - came > max_age:
                return None
            return Kept(data=path.read_bytes(), time=came)
        except OSError:
            return None

    def put(self, key: str, data: bytes) -> Kept:
        """Keep bytes under a key, whole or not at all."""
        path, now = self._path(key), self._clock()
        part = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.part")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            os.utime(part, (now, now))
            os.replace(part, path)
        with self._lock:
            self._puts += 1
            if self._puts % LOOK_EVERY == 1:
                self._throw_out()
        return Kept(data=data, time=now)

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()
        return self._folder / name[:2] / name

    def _throw_out(self) -> None:
        with suppress(OSError):
            found = [(p.stat().st_mtime, p.stat().st_size, p) for p in self._folder.glob("*/*")]
            total = sum(size for _, size, _ in found)
            for _, size, path in sorted(found):
                if total <= self._max_bytes:
                    return
                path.unlink(missing_ok=True)
                total -= size
