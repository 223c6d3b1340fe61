"""Keeps apps and the dashboard from being one site to browsers.

What shares an origin may read and do everything there with the cookies of who looks at it. So a
browser that opens `/app/…` is sent on to a name that the app has for itself. Where there is no such
name, and for whoever does not follow, the answer carries a sandbox: a page in it has an origin that
nothing else has.
"""

import ipaddress
from typing import Any

from api.deploys.proxy.places import Place, host_of
from schemas.deploys.routing import LOOPBACK_APPS, NO_APPS_HOST, is_label, plain_host, port_of
from schemas.scopes import field_of

SANDBOX = (
    b"sandbox allow-downloads allow-forms allow-modals allow-orientation-lock allow-pointer-lock"
    b" allow-popups allow-popups-to-escape-sandbox allow-presentation allow-scripts"
    b" allow-top-navigation-by-user-activation"
)
"""Without `allow-same-origin`: the page has no cookies and no storage, of Sluice or of its own."""


def apps_host_for(host: str, configured: str) -> str | None:
    """Returns under which name apps have theirs, for who asked for this `host` of Sluice.

    That is the one that the operator configured, else `localhost` at this machine. `None` where
    there is none.
    """
    if configured:
        return None if configured == NO_APPS_HOST else configured
    plain = plain_host(host)
    return LOOPBACK_APPS if plain and is_of_this_machine(plain) else None


def is_of_this_machine(plain: str) -> bool:
    """Tells of a host, in its plain form, whether only this machine means itself by it."""
    if plain == LOOPBACK_APPS or plain.endswith(f".{LOOPBACK_APPS}"):
        return True
    try:
        return ipaddress.ip_address(plain.strip("[]")).is_loopback
    except ValueError:
        return False


def way_on(scope: Any, place: Place, configured: str) -> str | None:
    """Returns where a browser goes that opens a page under `/app/`; `None` for who stays."""
    if place.form != "path" or not _opens_a_page(scope):
        return None
    host = host_of(scope)
    query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
    parent = apps_host_for(host, configured)
    if parent is not None and is_label(place.label):
        path = (place.target or b"/").decode("latin-1")
        return f"{scope['scheme']}://{place.label}.{parent}{port_of(host)}{path}{query}"
    # Without the slash, a page's own relative links would lead out of the app.
    return None if place.target else f"{place.prefix}/{query}"


def is_part_of_our_page(scope: Any, place: Place) -> bool:
    """Tells whether a page of Sluice's own fetches a part of an app, which none does.

    It would be a script, style or worker of an app where only ours may be.
    """
    if place.form != "path" or field_of(scope, b"sec-fetch-site") != b"same-origin":
        return False
    return field_of(scope, b"sec-fetch-mode") != b"navigate"


def _opens_a_page(scope: Any) -> bool:
    """Tells whether a browser asks for what it is going to show, and not as a part of a page."""
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return False
    mode = field_of(scope, b"sec-fetch-mode")
    if mode is not None:
        return mode == b"navigate"
    # Not told over plain HTTP to another machine; this one is (Upgrade Insecure Requests, 3.2.1).
    return field_of(scope, b"upgrade-insecure-requests") == b"1"
