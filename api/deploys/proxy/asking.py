"""The headers with which an app is asked."""

import re
from collections.abc import Iterable
from typing import Any

from multidict import CIMultiDict

from api.deploys.proxy.places import Place, host_of
from api.deploys.proxy.withheld import Withheld
from schemas.deploys.routing import port_of

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""RFC 9110 section 7.6.1, and what was used before it."""
_TOLD_BY_US = re.compile(
    r"x-forwarded-.*|forwarded|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip"
    r"|cf-connecting-ip|fastly-client-ip"
)
"""Who asks, from where: a client can write these too, so none of them passes."""
_NOT_PASSED = frozenset({"host", "content-length", "expect", "proxy", "cookie", "authorization"})
"""Handled by themselves. `Proxy` would become a setting of programs of CGI (CVE-2016-5385)."""
_OF_HANDSHAKE = re.compile(r"sec-websocket-(?:key|version|extensions|protocol|accept)")
"""Of one connection each: there are two."""
USUAL_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443"}


def fields_for_app(scope: Any, place: Place, withheld: Withheld) -> CIMultiDict[str]:
    """Returns the headers of a request for an app, but for those of its body.

    What is Sluice's own is left out, and so is all that a client says of where it comes from.
    """
    found = [(name.decode("latin-1"), _text(value)) for name, value in scope["headers"]]
    dropped = HOP_BY_HOP | _NOT_PASSED | named_by_connection(found)
    fields: CIMultiDict[str] = CIMultiDict()
    fields.add("Host", host_of(scope))
    for name, value in found:
        if name not in dropped and not _is_told_by_us(name) and not _OF_HANDSHAKE.fullmatch(name):
            fields.add(name, value)
    _add_own(fields, found, place, withheld)
    _add_forwarded(fields, scope, place)
    return fields


def named_by_connection(fields: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Returns the headers that `Connection` says are for the next hop alone."""
    named = [value for name, value in fields if name == "connection"]
    return frozenset(one.strip().lower() for value in named for one in value.split(","))


def _is_told_by_us(name: str) -> bool:
    # Programs of WSGI and CGI take an underscore for a hyphen.
    return _TOLD_BY_US.fullmatch(name.replace("_", "-")) is not None


def _add_own(
    fields: CIMultiDict[str], found: list[tuple[str, str]], place: Place, withheld: Withheld
) -> None:
    pairs = "; ".join(value for name, value in found if name == "cookie")
    if kept := withheld.without_ours(pairs, is_shared_host=place.form == "path"):
        fields.add("Cookie", kept)
    for name, value in found:
        if name == "authorization" and not withheld.is_own_credential(value):
            fields.add("Authorization", value)


def _add_forwarded(fields: CIMultiDict[str], scope: Any, place: Place) -> None:
    host, scheme = host_of(scope), scope["scheme"]
    client = scope["client"][0] if scope["client"] else "unknown"
    fields.add("X-Forwarded-For", client)
    fields.add("X-Real-IP", client)
    fields.add("X-Forwarded-Proto", "https" if scheme in ("https", "wss") else "http")
    fields.add("X-Forwarded-Host", host)
    fields.add("X-Forwarded-Port", port_of(host)[1:] or USUAL_PORTS[scheme])
    if place.prefix:
        fields.add("X-Forwarded-Prefix", place.prefix)


def _text(value: bytes) -> str:
    """Returns a value so that the client, which writes UTF-8, sends the same bytes where it can."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
