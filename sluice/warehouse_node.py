"""`sluice warehouse`: serves an open store until a signal."""

import asyncio
import socket
from collections.abc import Callable

import uvicorn
from msgspec.structs import replace

from api.headers import with_headers
from clickhouse.served.app import Service, create_app
from schemas.settings import Settings
from sluice.connections import Bounds, bounds_of, raise_open_files
from sluice.listening import Server, allow_listening

REQUEST_HEAD_BYTES = 1 << 20
"""Of URL and headers, as at ClickHouse (`http_max_uri_size`): clients put parameters there."""
ANSWER_S = 300.0
"""As at ClickHouse (`send_timeout`): clients work on some rows before they read on."""


async def serve(
    listener: socket.socket, service: Service, settings: Settings, on_ready: Callable[[], None]
) -> None:
    """Answers requests until SIGINT or SIGTERM; calls that run by then have time to end."""
    server = Server(
        uvicorn.Config(
            with_headers(create_app(service)),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=settings.stop_timeout_s,
        ),
        _bounds(settings),
    )
    server.stop_on_signals()
    allow_listening(listener)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await server.ready.wait()
    on_ready()
    await serving


def _bounds(settings: Settings) -> Bounds:
    bounds = bounds_of(settings, raise_open_files())
    return replace(
        bounds,
        head_bytes=REQUEST_HEAD_BYTES,
        answer_s=max(bounds.answer_s, ANSWER_S),
        discarded_bytes=settings.warehouse_max_body_bytes,
    )
