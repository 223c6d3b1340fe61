"""What every answer tells browsers: nothing here is to be framed, guessed at, or kept."""

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
)
USUAL: tuple[Field, ...] = (
    *ALWAYS,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
OVER_TLS: tuple[Field, ...] = (
    *USUAL,
    # Of this host alone: what else its domain serves is not ours to say.
    (b"strict-transport-security", b"max-age=31536000"),
)
OURS = frozenset(name for name, _ in OVER_TLS)


def with_headers(application: ASGIApp) -> ASGIApp:
    """Adds to each answer what it does not say itself."""

    async def add(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await application(scope, receive, send)
            return
        wanted = OVER_TLS if scope["scheme"] == "https" else USUAL

        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _with(list(message["headers"]), wanted)
            await send(message)

        await application(scope, receive, send_more)

    return add


def _with(given: list[Field], wanted: tuple[Field, ...]) -> list[Field]:
    names = {name.lower() for name, _ in given}
    if names.isdisjoint(OURS):
        return [*given, *wanted]
    return [*given, *(field for field in wanted if field[0] not in names)]
