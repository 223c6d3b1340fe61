"""Routes in the form of Caddy's JSON configuration, for its admin API.

https://caddyserver.com/docs/json/apps/http/ and https://caddyserver.com/docs/api.
"""

from collections.abc import Sequence
from typing import Any

from api.deploys.proxy.isolation import SANDBOX
from api.deploys.routing.traefik import DROPPED, NAME
from schemas.deploys.routing import Route, label_of, plain_host, segment_of


def caddy_routes(routes: Sequence[Route], *, apps_host: str = "") -> list[dict[str, Any]]:
    """Returns routes of a server, to stand before its others.

    Each app's way to its instance has an id of its own, so that `caddy_switch` reaches it alone.
    """
    found = []
    for route in routes:
        if not route.port:
            continue
        if hosts := _hosts(route, apps_host):
            found.append(
                {
                    "match": [{"host": hosts}],
                    "handle": [_proxy(route, "host")],
                    "terminal": True,
                }
            )
        path = f"/app/{segment_of(route.project_id, route.environment)}"
        handlers = [
            {"handler": "rewrite", "strip_path_prefix": path},
            _sandbox(path),
            _proxy(route, "path"),
        ]
        found.append(
            {"match": [{"path": [path, f"{path}/*"]}], "handle": handlers, "terminal": True}
        )
    return found


def caddy_switch(route: Route, *, apps_host: str = "") -> list[tuple[str, list[dict[str, str]]]]:
    """Returns what leads an app to another instance: for each path of the admin API what to PATCH.

    Caddy applies each change as a whole, and closes connections of clients that are idle then.
    """
    forms = ["host", "path"] if _hosts(route, apps_host) else ["path"]
    return [(f"/id/{_id(route, form)}/upstreams", [_dial(route)]) for form in forms]


def caddy_tls(ask_url: str) -> dict[str, Any]:
    """Returns the app `tls`, which gets the certificate of a domain when it is first asked for.

    `ask_url` is that of `/api/v1/routing/caddy/ask`.
    """
    return {"automation": {"policies": [{"on_demand": True}], "on_demand": {"ask": ask_url}}}


def _hosts(route: Route, apps_host: str) -> list[str]:
    hosts = [plain_host(host) for host in route.hosts]
    if apps_host:
        hosts.append(f"{label_of(route.project_id, route.environment)}.{apps_host}")
    return [host for host in hosts if host and NAME.fullmatch(host)]


def _id(route: Route, form: str) -> str:
    return f"sluice-{label_of(route.project_id, route.environment)}-{form}"


def _dial(route: Route) -> dict[str, str]:
    host = f"[{route.address}]" if ":" in route.address else route.address
    return {"dial": f"{host}:{route.port}"}


def _proxy(route: Route, form: str) -> dict[str, Any]:
    # Answers pass as they come, events too.
    return {
        "@id": _id(route, form),
        "handler": "reverse_proxy",
        "upstreams": [_dial(route)],
        "flush_interval": -1,
    }


def _sandbox(path: str) -> dict[str, Any]:
    """Returns what keeps an app from the cookies of the host that it shares, in both directions."""
    return {
        "handler": "headers",
        "request": {"delete": ["Cookie"], "set": {"X-Forwarded-Prefix": [path]}},
        "response": {
            "deferred": True,
            "delete": list(DROPPED),
            "set": {"Content-Security-Policy": [SANDBOX.decode()]},
        },
    }
