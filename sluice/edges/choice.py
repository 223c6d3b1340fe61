"""Which requests an edge process answers by itself: those of ingest that need no store.

All others are the owner's, which answers every request. So where a request can be read in two ways,
it is the owner's.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from enum import Enum
from itertools import zip_longest

from litestar.routes import BaseRoute, HTTPRoute

from schemas.deploys.routing import label_under, plain_host

_PARAMETER = re.compile(r"\{[a-z_]+(?::[a-z]+)?\}")
_NUMBER = r"[0-9]{1,18}"
_TEXT = r"[A-Za-z0-9._~-]+"
_HOSTS = re.compile(rb"\r\n(?:x-forwarded-)?host:[ \t]*([^\r\n]*)", re.IGNORECASE)
HOST_NAMES = (b"host", b"x-forwarded-host")
MOST_HOSTS, MOST_HOST_BYTES = 4096, 300


class Whose(Enum):
    """Whose a request is."""

    EDGE = "edge"
    OWNER = "owner"
    UNKNOWN = "unknown"
    """Too little has come of its head."""


class Choice:
    """Tells by method, path and host."""

    def __init__(self, routes: Iterable[BaseRoute], apps_hosts: frozenset[str]) -> None:
        """`apps_hosts` are those under which apps have names."""
        patterns = [
            f"{method} {_pattern(route.path)}"
            for route in routes
            if isinstance(route, HTTPRoute)
            for method in sorted(route.methods - {"OPTIONS", "HEAD"})
        ]
        one = f"(?:{'|'.join(patterns)})/?".encode()
        self._target = re.compile(one)
        self._line = re.compile(one + rb"(?:\?[!-~]*)? HTTP/1\.[01]\r\n")
        self._apps_hosts = apps_hosts
        self._app_hosts: frozenset[str] = frozenset()
        self._known: dict[bytes, bool] = {}

    def learn(self, app_hosts: Collection[str]) -> None:
        """Learns which hosts belong to deployed apps."""
        self._app_hosts = frozenset(app_hosts)
        self._known.clear()

    def whose(self, data: bytes) -> Whose:
        """Tells whose the request is that begins so."""
        if b"\n" not in data:
            return Whose.UNKNOWN
        if self._line.match(data) is None:
            return Whose.OWNER
        end = data.find(b"\r\n\r\n")
        if end < 0:
            # Whole lines only: counting takes microseconds, and is done for each piece anew.
            is_odd = data.count(b"\n") != data.count(b"\r\n")
            return Whose.OWNER if is_odd else Whose.UNKNOWN
        return Whose.OWNER if self._may_be_apps(_HOSTS.findall(data, 0, end)) else Whose.EDGE

    def is_edges(self, method: bytes, url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Tells the same of a request that was parsed."""
        if self._target.fullmatch(method + b" " + url.partition(b"?")[0]) is None:
            return False
        return not self._may_be_apps([value for name, value in headers if name in HOST_NAMES])

    def _may_be_apps(self, hosts: Sequence[bytes]) -> bool:
        # More hosts and longer ones than a usual request has are the owner's to look at.
        is_odd = len(hosts) > len(HOST_NAMES) or any(len(one) > MOST_HOST_BYTES for one in hosts)
        return is_odd or any(map(self._is_of_app, hosts))

    def _is_of_app(self, sent: bytes) -> bool:
        known = self._known.get(sent)
        if known is None:
            host = plain_host(sent.decode("latin-1").strip()) or ""
            known = host in self._app_hosts or label_under(host, self._apps_hosts) is not None
            if len(self._known) >= MOST_HOSTS:
                self._known.clear()
            self._known[sent] = known
        return known


def _pattern(path: str) -> str:
    """Returns what matches a path of a route, whose parameters are one segment each."""
    parts = _PARAMETER.split(path.rstrip("/"))
    kinds = [_NUMBER if ":int" in one else _TEXT for one in _PARAMETER.findall(path)]
    return "".join(re.escape(part) + kind for part, kind in zip_longest(parts, kinds, fillvalue=""))
