"""The jobs of a thread that owns some state: who is elsewhere leaves one, the thread runs it."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from queue import Empty, Queue
from typing import Any

import structlog

Job = Callable[[], None]

log = structlog.get_logger(__name__)


class Jobs:
    """Jobs in the order in which they came; one thread runs them."""

    def __init__(self) -> None:
        # No SimpleQueue: its `get` waits for ever if its timeout ends as it begins (CPython 3.11).
        self._queue: Queue[Job] = Queue()

    def soon(self, job: Job) -> None:
        """Has the thread run a job; when the thread has ended, it never does."""
        self._queue.put(job)

    def when(self, done: "Future[Any]", job: Callable[["Future[Any]"], None]) -> None:
        """Has the thread run a job when something is done elsewhere."""
        done.add_done_callback(lambda future: self.soon(partial(job, future)))

    def run_until(self, deadline: float) -> None:
        """Waits for a job until a time of the monotonic clock, and runs all that are there."""
        with suppress(Empty):
            _run(self._queue.get(timeout=max(0.0, deadline - time.monotonic())))
        self.run_queued()

    def run_queued(self) -> None:
        """Runs the jobs that are there now."""
        for _ in range(self._queue.qsize()):
            _run(self._queue.get())

    def is_empty(self) -> bool:
        """Tells whether no job waits."""
        return self._queue.empty()


def _run(job: Job) -> None:
    try:
        job()
    except Exception:
        # The thread must live, or every sender waits for ever.
        log.exception("kafka log failed at a job")
