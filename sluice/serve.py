"""Runs a node behind uvicorn until a signal or a fault ends it."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import NoReturn

import structlog
import uvicorn

from schemas.settings import Settings
from sluice.lean import settle_heap
from sluice.node import CLOSE_TIMEOUT_S, Node
from sluice.protocol import BoundedHttp
from sluice.upkeep import keep_up
from sluice.web import create_app

KEEP_ALIVE_S = 75
GRACEFUL_S = 1

log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    """Leaves the signals to us: they must reach the stream too."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Says when requests are answered."""
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: Settings, on_ready: Callable[[Node], None]) -> int:
    """Runs until a signal (returns 0) or a bug in the stream (returns 1)."""
    listener = _bind(settings)
    node = Node(settings)
    await node.start()
    server = _Server(
        uvicorn.Config(
            create_app(node),
            loop="uvloop",
            http=BoundedHttp,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACEFUL_S,
        )
    )
    _stop_on_signals(server)
    _allow_listening(listener)
    upkeep = asyncio.create_task(keep_up(node))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await server.ready.wait()
    settle_heap()
    on_ready(node)
    breaking = asyncio.create_task(node.wait_broken())
    await asyncio.wait({serving, breaking}, return_when=asyncio.FIRST_COMPLETED)
    failed = breaking.done()
    if failed:
        log.error("ending, so that a new process replays from the log", reason=breaking.result())
    server.should_exit = True
    await serving
    for task in (upkeep, breaking):
        task.cancel()
    await asyncio.gather(upkeep, breaking, return_exceptions=True)
    closed = await node.stop(0.0 if failed else _drain_s(settings))
    code = 1 if failed else 0
    if not closed:
        _leave(code)
    return code


def _drain_s(settings: Settings) -> float:
    """Returns what a stop leaves for storing, between the last requests and the closing."""
    return max(0.5, settings.stop_timeout_s - GRACEFUL_S - CLOSE_TIMEOUT_S)


def _leave(code: int) -> NoReturn:
    """Ends the process at once: the interpreter would wait for the store's threads, they for it."""
    log.warning("leaving without the store, which does not answer; the log keeps what it has")
    logging.shutdown()
    os._exit(code)


def _bind(settings: Settings) -> socket.socket:
    """Takes the port before anything else is opened, so that a busy one is said at once.

    Nobody can connect to it yet: uvicorn listens when there is somebody to answer.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        why = f"cannot listen on {settings.host}, port {settings.port}: {error.strerror}"
        raise OSError(error.errno, f"{why}; --host and --port name another place") from error
    # Else Linux would let another bind to it too, for as long as neither listens.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    return listener


def _allow_listening(listener: socket.socket) -> None:
    """Lets the port be listened on in spite of connections that the last process has left."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def _stop_on_signals(server: uvicorn.Server) -> None:
    def stop() -> None:
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
