"""The end of what may not end, or not in the middle."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Coroutine
from typing import Any, NoReturn, TypeVar

import structlog

T = TypeVar("T")

log = structlog.get_logger(__name__)


async def ends_within(closing: Coroutine[Any, Any, object], timeout_s: float) -> bool:
    """Tells whether it has come to its end; how it ended is logged where that was an error.

    What has not is left running, and the process has to be left without it: threads cannot be
    cancelled, and Faust's services swallow a cancellation and go on waiting for each other.
    """
    task = asyncio.create_task(closing)
    done, _ = await asyncio.wait([task], timeout=timeout_s)
    if done and not task.cancelled() and (error := task.exception()):
        log.warning("closed with an error", reason=repr(error))
    return bool(done)


def leave(code: int) -> NoReturn:
    """Ends the process at once: the interpreter would wait for threads that do not end."""
    logging.shutdown()
    os._exit(code)


async def to_its_end(work: Awaitable[T]) -> T:
    """Waits for work even if cancelled meanwhile, as by Ctrl-C; the cancellation comes after it.

    For steps of a start that leave something open when they are broken off.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
