"""What every answer tells browsers: nothing here is to be framed, guessed at, or kept."""

from collections.abc import Iterable
from typing import TypeAlias

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

Field: TypeAlias = tuple[bytes, bytes]

ALWAYS: tuple[Field, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
NOTHING = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
NOT_KEPT = (b"cache-control", b"no-store")
ONLY_TLS = (b"strict-transport-security", b"max-age=31536000")
"""Of this host alone: what else its domain serves is not ours to say."""
REVALIDATED = frozenset({b"etag", b"cache-control"})


def with_headers(application: ASGIApp) -> ASGIApp:
    """Adds to each answer what it does not say itself."""

    async def add(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await application(scope, receive, send)
            return

        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message["headers"])
                message["headers"] = [*given, *_missing(given, scope["scheme"])]
            await send(message)

        await application(scope, receive, send_more)

    return add


def _missing(given: Iterable[Field], scheme: str) -> Iterable[Field]:
    names = {name.lower() for name, _ in given}
    wanted = [*ALWAYS, NOTHING]
    if scheme == "https":
        wanted.append(ONLY_TLS)
    if not names & REVALIDATED:
        wanted.append(NOT_KEPT)
    return [field for field in wanted if field[0] not in names]
