"""Runs a process behind uvicorn until a signal or a fault ends it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from schemas.settings import Settings
from sluice.connections import bounds_of, raise_open_files
from sluice.ending import leave
from sluice.heap import settle_heap
from sluice.listening import FIRST_REQUEST_S, Server, bind_when_left, config_of
from sluice.lock import edges_lock, holder_of, is_held
from sluice.process import CLOSE_TIMEOUT_S, Process
from sluice.proxies import trusted_proxies

GRACEFUL_S = 1

log = structlog.get_logger(__name__)


OpenParts = Callable[[Process], Awaitable[None]]
"""What one kind of process is: opens its parts, which add themselves."""


async def serve(
    settings: Settings,
    open_parts: OpenParts,
    on_ready: Callable[[Process], None],
    *,
    children: Any = None,
) -> int:
    """Runs until a signal (returns 0) or a fault that a new process repairs (returns 1).

    `children` are to become edge processes, see `sluice.edges.children`.
    """
    process = Process(settings)
    process.children = children
    server, serving = await _begin(process, open_parts)
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
    closed = await process.stop(0.0 if failed else _drain_s(process))
    if not closed:
        log.warning("leaving without what does not end; the log keeps what is not stored")
        leave(int(failed))
    return int(failed)


async def _begin(process: Process, open_parts: OpenParts) -> "tuple[Server, asyncio.Task[None]]":
    """Takes the port, opens the parts, and returns when requests are answered."""
    settings, paths = process.settings, process.paths
    open_files = raise_open_files()
    proxies = trusted_proxies(settings)
    listener = bind_when_left(
        settings.host,
        settings.port,
        lambda: is_held(edges_lock(paths.data_dir)) and holder_of(paths.lock) is None,
    )
    try:
        await open_parts(process)
        config = config_of(process.app(), proxies=proxies, graceful_s=GRACEFUL_S)
        edges = process.edges
        of_server = {} if edges is None else edges.of_server()
        bounds = bounds_of(settings, open_files)
        server = Server(config, bounds, on_end=process.end_serving, **of_server)
        serving = await server.begin(listener if edges is None else None)
        if edges is not None:
            await edges.start(listener, config.backlog, server.take)
    except BaseException:
        listener.close()
        await process.stop(0.0)
        raise
    return server, serving


def _drain_s(process: Process) -> float:
    """Returns what a stop leaves for storing, between the last requests and the closing."""
    servers = 1 if process.edges is None else 2  # one behind the other
    ending_s = servers * (FIRST_REQUEST_S + GRACEFUL_S) + CLOSE_TIMEOUT_S
    return max(0.5, process.settings.stop_timeout_s - ending_s)
