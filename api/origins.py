"""Pages of other origins that the operator allows: what browsers ask first, and want to be told.

Every answer says so, errors too: a page cannot read a 401 or a 429 that does not.
"""

from collections.abc import Collection
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Send

METHODS = b"GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS"
USUAL_FIELDS = b"authorization, content-encoding, content-type, x-project-id"
"""What a page may send where it does not say what it is going to."""
VARIES = (b"vary", b"Origin")
"""On every answer: a cache must not give that of one origin, or of none, to a page of another."""
KEPT_S = b"600"
"""Chrome keeps the answer of a preflight for two hours at most, which is long for a revoked one."""


def with_origins(application: ASGIApp, allowed: Collection[str]) -> ASGIApp:
    """Answers preflights of these origins, and tells their browsers that pages may read on."""
    origins = {origin.encode() for origin in allowed}

    async def tell(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await application(scope, receive, send)
            return
        origin = _field(scope, b"origin")
        if origin is None or origin.lower() not in origins:
            await application(scope, receive, _with_fields(send, [VARIES]))
            return
        told = [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            VARIES,
        ]
        if scope["method"] == "OPTIONS" and _field(scope, b"access-control-request-method"):
            fields = _field(scope, b"access-control-request-headers") or USUAL_FIELDS
            await _allow(send, [*told, (b"access-control-allow-headers", fields)])
            return
        told.append((b"access-control-expose-headers", b"Retry-After"))
        await application(scope, receive, _with_fields(send, told))

    return tell if origins else application


def _with_fields(send: Send, told: list[tuple[bytes, bytes]]) -> Send:
    async def send_more(message: Any) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *told]
        await send(message)

    return send_more


async def _allow(send: Send, told: list[tuple[bytes, bytes]]) -> None:
    headers = [
        *told,
        (b"access-control-allow-methods", METHODS),
        (b"access-control-max-age", KEPT_S),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _field(scope: Any, wanted: bytes) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == wanted), None)
