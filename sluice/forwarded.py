"""What a proxy says of a request: who asks, and under which address people know this server.

Who asks (`X-Forwarded-For`) decides on limits, so only proxies that the operator named are
believed; so it is with `X-Forwarded-Host` and `-Port`, which decide whose pages are ours. The
scheme and the prefix of the public address shape nothing but the answer: there, whatever runs on
this machine is believed too.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from schemas.connections import PUBLIC_PREFIX
from sluice.connections import is_among, parse_address

PREFIX = re.compile(r"(?=.{1,200}\Z)((?:/(?!\.+(?:/|\Z))[A-Za-z0-9._~-]+)+)/?", re.ASCII)
HOST = re.compile(rb"(?:[A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
HAS_PORT = re.compile(rb":[0-9]+\Z")
PORT = re.compile(rb"[1-9][0-9]{0,4}")
USUAL_PORTS = (b"80", b"443")
SCHEMES = (b"http", b"https")
SORTS = (ScopeType.HTTP, ScopeType.WEBSOCKET)
MOST_PEERS = 4096


def with_forwarded(application: ASGIApp, proxies: Sequence[str]) -> ASGIApp:
    """Gives each request the address that its proxy tells; an IPv4 peer is one on `::` too."""
    is_named = is_among(proxies)
    believed: Any = ProxyHeadersMiddleware(cast("Any", application), list(proxies))
    inner = believed if proxies else application

    @lru_cache(MOST_PEERS)
    def peer_of(text: str) -> tuple[str, bool, bool]:
        """Returns its plain form, whether it is of this machine or named, and whether named."""
        address = parse_address(text)
        if address is None:
            return text, False, False
        named = is_named(address)
        return str(address), named or address.is_loopback, named

    async def take(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in SORTS and scope["client"] is not None:
            plain, shapes, named = peer_of(scope["client"][0])
            scope["client"] = plain, scope["client"][1]
            if shapes:
                _take_address(scope, named=named)
        await inner(scope, receive, send)

    return take


def _take_address(scope: Any, *, named: bool) -> None:
    port = b""
    for name, value in scope["headers"]:
        if not name.startswith(b"x-forwarded-"):
            continue
        if name == b"x-forwarded-proto" and value in SCHEMES:
            is_socket = scope["type"] == ScopeType.WEBSOCKET
            scope["scheme"] = value.decode().replace("http", "ws" if is_socket else "http")
        elif name == b"x-forwarded-prefix" and (match := PREFIX.fullmatch(value.decode("latin-1"))):
            scope.setdefault("state", {})[PUBLIC_PREFIX] = match[1]
        elif name == b"x-forwarded-port" and PORT.fullmatch(value):
            port = value
    if named:
        _take_host(scope, port)


def _take_host(scope: Any, port: bytes) -> None:
    """Puts the host of the public address in, with its port where the proxy tells it by itself."""
    fields = [(name, value) for name, value in scope["headers"] if HOST.fullmatch(value)]
    told = [value for name, value in fields if name == b"x-forwarded-host"]
    host = next(iter(told[-1:] or [value for name, value in fields if name == b"host"]), b"")
    # A usual port is that of a proxy behind another, which may end the encryption: `https` and 80.
    if host and port and port not in USUAL_PORTS and not HAS_PORT.search(host):
        told = [host + b":" + port]
    if told:
        others = [field for field in scope["headers"] if field[0] != b"host"]
        scope["headers"] = [*others, (b"host", told[-1])]
