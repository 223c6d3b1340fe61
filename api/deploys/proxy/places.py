"""Whose a request is: an app's, by the name of its host or by its path, or Sluice's own."""

import re
from typing import Any, Literal
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from api.deploys.proxy.routes import Routes
from schemas.connections import PUBLIC_PREFIX
from schemas.deploys.routing import (
    Route,
    label_of_segment,
    label_under,
    plain_host,
)
from schemas.scopes import text_field_of

_PATH = re.compile(rb"/app/([^/]{1,200})(/.*)?", re.DOTALL)


class Place(Struct, frozen=True):
    """What a request asks an app for."""

    form: Literal["path", "name", "domain"]
    """How it names the app: under `/app/` of Sluice's own host, by a host that Sluice gives, or by
    one that a person proved to own."""
    host: str
    """The domain, in its plain form; empty for the other forms."""
    label: str
    """Of the app's environment; empty for a domain."""
    route: Route | None
    prefix: str
    """What stands before the app's own paths in those that people see; empty but for `path`."""
    target: bytes
    """The path that the app is asked for, escaped as it came; empty where not even a slash came."""


def host_of(scope: Any) -> str:
    """Returns the `Host` of a request as it came; empty where there is none."""
    return text_field_of(scope, b"host") or ""


def place_of(scope: Any, routes: Routes, apps_hosts: frozenset[str]) -> Place | None:
    """Returns what is asked of which app; `None` for what is Sluice's own to answer.

    A name under one of `apps_hosts` is never Sluice's own, if it is one that apps have.
    """
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    host = plain_host(host_of(scope)) or ""
    if route := routes.of_host(host):
        return Place("domain", host, "", route, "", raw)
    if (label := label_under(host, apps_hosts)) is not None:
        return Place("name", "", label, routes.of_label(label), "", raw)
    found = _PATH.fullmatch(raw)
    if found is None:
        return None
    segment = unquote_to_bytes(found[1]).decode("utf-8", "replace")
    label = label_of_segment(segment)
    before = str((scope.get("state") or {}).get(PUBLIC_PREFIX, ""))
    prefix = f"{before}/app/{found[1].decode('latin-1')}"
    return Place("path", "", label, routes.of_label(label), prefix, found[2] or b"")
