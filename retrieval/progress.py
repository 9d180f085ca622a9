"""What the command line says on stderr while it works."""

import sys
import time


class Timed:
    """Shows progress with rate and remaining time, which begin anew with each kind of work."""

    def __init__(self) -> None:
        self._what, self._begin = "", 0.0

    def show(self, what: str, done: int, total: int) -> None:
        """A bar on one line."""
        if what != self._what:
            self._what, self._begin = what, time.monotonic()
        rate = done / max(time.monotonic() - self._begin, 1e-6)
        left = f", {rate:.0f}/s, {(total - done) / rate:.0f} s left" if done else ""
        end = "\n" if done >= total else ""
        bar = f"[{'#' * (20 * done // total):20}] " if total else ""
        _write(f"\r{bar}{what}: {done} of {total}{left}{' ' * 12}{end}")


def show(what: str, done: int, total: int) -> None:
    """How much is done, in percent, on one line."""
    share = f"{done * 100 // total} %" if total else ""
    _write(f"\r{what} {share}{' ' * 12}")


def say(text: str) -> None:
    """A line for the person, beside what a command prints for programs."""
    _write(f"{text}\n")


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
