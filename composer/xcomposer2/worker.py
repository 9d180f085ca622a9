"""The one thread that runs a served model: requests that wait are taken together.

A request that is alone goes through the `Reader`, which keeps what it has read; several go through a `Batch`. Those that
come while a batch is under way wait for the next.
"""

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from composer.backends.constrain import Grammar
from composer.errors import InterleaveError, ReplyError
from composer.xcomposer2.batch import Batch, Request
from composer.xcomposer2.compose import until_end
from composer.xcomposer2.engine import Parts

WAIT = 0.01  # s that the first of a batch waits for others
END = object()


@dataclass(slots=True)
class Job:
    """A request on its way; tokens come out of `tokens()`."""

    request: Request
    grammar: Grammar | None = None  # it ends the reply; the worker's thread alone may touch it, for it bears no other
    out: "queue.SimpleQueue[object]" = field(default_factory=queue.SimpleQueue)
    left: threading.Event = field(default_factory=threading.Event)  # nobody waits for it any more

    @property
    def alone(self) -> bool:
        """A reply under a schema is not batched."""
        return self.grammar is not None

    @property
    def over(self) -> bool:
        """Whether nobody waits for more, or nothing may follow."""
        return self.left.is_set() or (self.grammar is not None and self.grammar.complete)

    def tokens(self) -> Iterator[int]:
        """Tokens as they come. Raises what the model raised."""
        while True:
            item = self.out.get()
            if item is END:
                return
            if isinstance(item, BaseException):
                raise item
            assert isinstance(item, int)
            yield item


class Worker:
    """Runs jobs until it is closed."""

    def __init__(self, parts: Parts, *, most: int = 8) -> None:
        self.parts = parts
        self._most = most
        self._waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._late: list[Job] = []
        self.batches: list[int] = []  # sizes, for the curious
        self._thread = threading.Thread(target=self._run, name="xcomposer2", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> Job:
        """Take a job up; read it with `job.tokens()`."""
        self._waiting.put(job)
        return job

    def close(self) -> None:
        """Stop after what is under way."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while jobs := self._next():
            self.batches.append(len(jobs))
            try:
                if len(jobs) == 1:
                    self._alone(jobs[0])
                else:
                    self._together(jobs)
                for job in jobs:
                    job.out.put(END)
            except Exception as error:  # the thread must live; the client is told
                self.parts.reader.forget()
                told = error if isinstance(error, InterleaveError) else ReplyError(f"The model broke off: {error}")
                for job in jobs:
                    job.out.put(told)

    def _next(self) -> list[Job]:
        """The jobs of the next batch; none when closed."""
        first = self._late.pop(0) if self._late else self._waiting.get()
        if first is None:
            return []
        if first.alone:
            return [first]
        jobs, until = [first], time.monotonic() + WAIT
        while len(jobs) < self._most:
            try:
                job = self._waiting.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if job is None:
                self._waiting.put(None)
                break
            if job.alone:
                self._late.append(job)
                break
            jobs.append(job)
        return jobs

    def _alone(self, job: Job) -> None:
        request = job.request
        with closing(self.parts.reader.tokens(request.prompt, request.most, request.draw)) as tokens:
            for token in until_end(tokens, self.parts.processor.tokens.ends):
                job.out.put(token)
                if job.over:
                    return

    def _together(self, jobs: Sequence[Job]) -> None:
        requests = [job.request for job in jobs]
        batch = Batch(self.parts.model, self.parts.processor, requests, self.parts.reader.usage)
        told = [False] * len(jobs)
        for row, token in batch.tokens():
            jobs[row].out.put(token)
            if jobs[row].left.is_set() and not told[row]:
                told[row] = True
                batch.done(row)
