"""Routes in the form of Traefik's dynamic configuration, which its HTTP provider asks for.

https://doc.traefik.io/traefik/providers/http/, and the reference of the file provider: versions 2
and 3.
"""

import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from api.deploys.proxy.isolation import SANDBOX
from schemas.deploys.routing import Route, label_of, plain_host, segment_of

NAME = re.compile(r"[a-z0-9._-]{1,253}")
"""What may stand between the backquotes of a rule."""
DROPPED = dict.fromkeys(
    (
        "Set-Cookie",
        "Clear-Site-Data",
        "Strict-Transport-Security",
        "Service-Worker-Allowed",
        "Report-To",
        "NEL",
    ),
    "",
)
"""By path an app answers on Sluice's own host: in Traefik, an empty value takes a header away."""


class Entrance(Struct, frozen=True, kw_only=True):
    """How routers are reached in an installation."""

    entry_points: tuple[str, ...] = ()
    """Empty: all of Traefik's."""
    cert_resolver: str = ""
    """Gets certificates for domains. Empty: routers are without TLS."""
    path_host: str = ""
    """Sluice's own host: on it alone an app has its path. Empty: on each that leads here."""
    apps_host: str = ""
    """Under which each app has a name. Empty: none."""


def traefik_configuration(routes: Sequence[Route], entrance: Entrance) -> dict[str, Any]:
    """Returns all of the configuration: an object without keys where nothing runs.

    Traefik refuses an empty object within it, so there is none.
    """
    routers: dict[str, Any] = {}
    services: dict[str, Any] = {}
    middlewares: dict[str, Any] = {}
    for route in routes:
        if not route.port:
            continue
        name = f"sluice-{label_of(route.project_id, route.environment)}"
        services[name] = _service(route)
        if rule := _rule_of_hosts(route, entrance):
            routers[f"{name}-host"] = _router(name, rule, entrance)
        path = f"/app/{segment_of(route.project_id, route.environment)}"
        middlewares[f"{name}-path"] = {"stripPrefix": {"prefixes": [path]}}
        middlewares[f"{name}-sandbox"] = _sandbox()
        by_path = _router(name, _rule_of_path(path, entrance), entrance)
        # Before what catches the rest of Sluice's host, whatever its length.
        by_path["priority"] = 10_000
        by_path["middlewares"] = [f"{name}-path", f"{name}-sandbox"]
        routers[f"{name}-path"] = by_path
    if not services:
        return {}
    return {"http": {"routers": routers, "services": services, "middlewares": middlewares}}


def _service(route: Route) -> dict[str, Any]:
    host = f"[{route.address}]" if ":" in route.address else route.address
    servers = [{"url": f"http://{host}:{route.port}"}]
    return {"loadBalancer": {"servers": servers, "passHostHeader": True}}


def _router(service: str, rule: str, entrance: Entrance) -> dict[str, Any]:
    router: dict[str, Any] = {"rule": rule, "service": service}
    if entrance.entry_points:
        router["entryPoints"] = list(entrance.entry_points)
    if entrance.cert_resolver:
        router["tls"] = {"certResolver": entrance.cert_resolver}
    return router


def _rule_of_hosts(route: Route, entrance: Entrance) -> str:
    hosts = [plain_host(host) for host in route.hosts]
    if entrance.apps_host:
        hosts.append(f"{label_of(route.project_id, route.environment)}.{entrance.apps_host}")
    named = [f"Host(`{host}`)" for host in hosts if host and NAME.fullmatch(host)]
    return " || ".join(named)


def _rule_of_path(path: str, entrance: Entrance) -> str:
    # A prefix alone would also match the paths of another app whose name is longer.
    rule = f"Path(`{path}`) || PathPrefix(`{path}/`)"
    return f"Host(`{entrance.path_host}`) && ({rule})" if entrance.path_host else rule


def _sandbox() -> dict[str, Any]:
    """Returns what keeps an app from the cookies of the host that it shares, in both directions."""
    answered = {"Content-Security-Policy": SANDBOX.decode(), **DROPPED}
    return {
        "headers": {
            "customRequestHeaders": {"Cookie": ""},
            "customResponseHeaders": answered,
        }
    }
