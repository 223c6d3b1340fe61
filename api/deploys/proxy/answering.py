"""The headers of an app's answer as people get them.

Under `/app/` an app answers on Sluice's own host. There its paths get their prefix, its cookies
stay under it, and nothing of what an answer may decide for a whole host is passed on.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from api.deploys.proxy.asking import HOP_BY_HOP, named_by_connection
from api.deploys.proxy.isolation import SANDBOX
from api.deploys.proxy.places import Place
from api.deploys.proxy.withheld import OWN_COOKIE

Field = tuple[bytes, bytes]

_BY_OUR_SERVER = frozenset({"date", "alt-svc"})
"""Another server's offer of another protocol would lead past us."""
_OF_WHOLE_HOST = re.compile(
    r"clear-site-data|strict-transport-security|public-key-pins(?:-report-only)?|expect-ct"
    r"|service-worker-allowed|report-to|nel|accept-ch|critical-ch|set-login|use-as-dictionary"
    r"|origin-agent-cluster|(?:secure|sec)-session-.*"
)
_FOR_PROXIES = re.compile(r"x-accel-redirect|x-sendfile|x-lighttpd-send-file|x-reproxy-url")
"""Have a proxy before us answer with a file or a page that is not for an app to choose."""
_LOCATIONS = frozenset({"location", "content-location"})
_DOMAIN = re.compile(r"\s*domain\s*=(.*)", re.IGNORECASE | re.DOTALL)
_PATH = re.compile(r"\s*path\s*=(.*)", re.IGNORECASE | re.DOTALL)


def fields_for_client(raw: Sequence[Field], place: Place, host: str) -> list[Field]:
    """Returns the headers of an answer; `host` is the one that was asked, as it came."""
    found = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw]
    dropped = HOP_BY_HOP | _BY_OUR_SERVER | named_by_connection(found)
    fields = []
    for name, value in found:
        if name in dropped or _FOR_PROXIES.fullmatch(name):
            continue
        if place.form == "path" and _OF_WHOLE_HOST.fullmatch(name):
            continue
        passed = _passed(name, value, place, host)
        if passed is not None:
            fields.append((name.encode("latin-1"), passed.encode("latin-1")))
    if place.form == "path":
        fields.append((b"content-security-policy", SANDBOX))
    return fields


def _passed(name: str, value: str, place: Place, host: str) -> str | None:
    if name == "set-cookie":
        return cookie_for_client(value, place, host)
    if name in _LOCATIONS and place.form == "path":
        return location_for_client(value, place, host)
    return value


def cookie_for_client(field: str, place: Place, host: str) -> str | None:
    """Returns a `Set-Cookie`; `None` for one that could be taken for Sluice's, or another app's."""
    pair, *attributes = field.split(";")
    name, equals, _ = pair.partition("=")
    is_ours = OWN_COOKIE.match(name.strip()) is not None
    if place.form != "path":
        own = host.partition(":")[0].lower()
        domains = [found[1].strip() for one in attributes if (found := _DOMAIN.fullmatch(one))]
        wider = any(one and one.lower().lstrip(".") != own for one in domains)
        # What is above a name that Sluice gave is above those of all other apps too.
        return None if wider and (is_ours or place.form == "name") else field
    # Browsers send a cookie without a name as its value alone, which may look like any other.
    if is_ours or not equals or not name.strip():
        return None
    paths = [found[1].strip() for one in attributes if (found := _PATH.fullmatch(one))]
    path = paths[-1] if paths and paths[-1].startswith("/") else "/"
    kept = [one for one in attributes if not _DOMAIN.fullmatch(one) and not _PATH.fullmatch(one)]
    return ";".join([pair, *kept, f" Path={_prefixed(path, place.prefix)}"])


def location_for_client(location: str, place: Place, host: str) -> str:
    """Returns where an answer leads, if that is the app itself: with its prefix."""
    try:
        parts = urlsplit(location)
        named, port = parts.hostname, parts.port
    except ValueError:
        return location
    route = place.route
    is_absolute = location.startswith("/") and not parts.netloc
    of_public_host = parts.netloc.lower() == host.lower()
    of_instance = route is not None and (named, port) == (route.address, route.port)
    if not is_absolute and not of_public_host and not of_instance:
        return location
    path = _prefixed(parts.path or "/", place.prefix)
    rest = (f"?{parts.query}" if parts.query else "") + (
        f"#{parts.fragment}" if parts.fragment else ""
    )
    if is_absolute or of_instance:
        return path + rest
    return f"{parts.scheme}:" * bool(parts.scheme) + f"//{parts.netloc}{path}{rest}"


def _prefixed(path: str, prefix: str) -> str:
    is_there = path == prefix or path.startswith(f"{prefix}/")
    return path if is_there else prefix + path
