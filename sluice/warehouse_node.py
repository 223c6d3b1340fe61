"""`sluice warehouse`: serves an open store until a signal."""

import socket
from collections.abc import Callable

from msgspec.structs import replace

from api.headers import with_headers
from clickhouse.served.app import Service, create_app
from schemas.settings import Settings
from sluice.connections import Bounds, bounds_of, raise_open_files
from sluice.listening import Server, config_of

REQUEST_HEAD_BYTES = 1 << 20
"""Of URL and headers, as at ClickHouse (`http_max_uri_size`): clients put parameters there."""
ANSWER_S = 300.0
"""As at ClickHouse (`send_timeout`): clients work on some rows before they read on."""


async def serve(
    listener: socket.socket, service: Service, settings: Settings, on_ready: Callable[[], None]
) -> None:
    """Answers requests until SIGINT or SIGTERM; calls that run by then have time to end."""
    app = with_headers(create_app(service))
    config = config_of(app, proxies=(), graceful_s=settings.stop_timeout_s)
    serving = await Server(config, _bounds(settings)).begin(listener)
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
