"""Answers from a log's thread to those who wait in event loops."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog

log = structlog.get_logger(__name__)


class Answers:
    """Wakes a loop once for all answers that come together: each by itself costs 18 us."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given: dict[asyncio.AbstractEventLoop, list[Callable[[], None]]] = {}

    def give(self, loop: asyncio.AbstractEventLoop, answer: Callable[[], None]) -> None:
        """Has `answer` called in its loop, soon. From any thread."""
        with self._lock:
            given = self._given.setdefault(loop, [])
            given.append(answer)
            if len(given) > 1:
                return
        try:
            loop.call_soon_threadsafe(self._call, loop)
        except RuntimeError:
            # The loop has ended, and whoever waited on it.
            with self._lock:
                self._given.pop(loop, None)

    def _call(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            given = self._given.pop(loop, [])
        for answer in given:
            try:
                answer()
            except Exception:
                # The others still wait for theirs.
                log.exception("an answer of the log met a bug")


class Awaited:
    """One answer that a coroutine of the running loop awaits, for the thread that gives it.

    That thread sees what it sees of a `concurrent.futures.Future`.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self._loop.create_future()

    def set_running_or_notify_cancel(self) -> bool:
        """Tells whether it is still awaited."""
        return not self.future.cancelled()

    def set_result(self, result: Any) -> None:
        """Gives the answer."""
        self._answers.give(self._loop, partial(self._resolve, result, None))

    def set_exception(self, error: BaseException) -> None:
        """Gives the reason why there is no answer."""
        self._answers.give(self._loop, partial(self._resolve, None, error))

    def _resolve(self, result: Any, error: BaseException | None) -> None:
        if self.future.done():
            return  # the caller has given up
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)
