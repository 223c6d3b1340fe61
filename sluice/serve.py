"""Runs a process behind uvicorn until a signal or a fault ends it."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from schemas.settings import Settings
from sluice.connections import bounds_of, raise_open_files
from sluice.ending import leave
from sluice.lean import settle_heap
from sluice.listening import FIRST_REQUEST_S, Server, bind, config_of
from sluice.process import CLOSE_TIMEOUT_S, Process
from sluice.proxies import trusted_proxies

GRACEFUL_S = 1

log = structlog.get_logger(__name__)


OpenParts = Callable[[Process], Awaitable[None]]
"""What one kind of process is: opens its parts, which add themselves."""


async def serve(
    settings: Settings, open_parts: OpenParts, on_ready: Callable[[Process], None]
) -> int:
    """Runs until a signal (returns 0) or a fault that a new process repairs (returns 1)."""
    open_files = raise_open_files()
    proxies = trusted_proxies(settings)
    listener = bind(settings.host, settings.port)
    process = Process(settings)
    try:
        await open_parts(process)
        config = config_of(process.app(), proxies=proxies, graceful_s=GRACEFUL_S)
        bounds = bounds_of(settings, open_files)
        server = Server(config, bounds, on_end=process.hub.close)
        serving = await server.begin(listener)
    except BaseException:
        listener.close()
        await process.stop(0.0)
        raise
    upkeep = asyncio.create_task(process.keep_up())
    settle_heap()
    on_ready(process)
    breaking = asyncio.create_task(process.wait_broken())
    await asyncio.wait({serving, breaking}, return_when=asyncio.FIRST_COMPLETED)
    if failed := breaking.done():
        log.error("ending, so that a new process replays from the log", reason=breaking.result())
    server.should_exit = True
    await serving
    for task in (upkeep, breaking):
        task.cancel()
    await asyncio.gather(upkeep, breaking, return_exceptions=True)
    closed = await process.stop(0.0 if failed else _drain_s(settings))
    if not closed:
        log.warning("leaving without what does not end; the log keeps what is not stored")
        leave(int(failed))
    return int(failed)


def _drain_s(settings: Settings) -> float:
    """Returns what a stop leaves for storing, between the last requests and the closing."""
    return max(0.5, settings.stop_timeout_s - FIRST_REQUEST_S - GRACEFUL_S - CLOSE_TIMEOUT_S)
