"""Checks of the server from outside: over HTTP while it runs, its port while it does not."""

import errno
import socket

import httpx

from schemas.settings import Settings
from sluice.checks import Finding, error, ok

TIMEOUT_S = 5


def check_running(address: str, pid: str) -> list[Finding]:
    """Asks a running server how its parts are."""
    held = ok("server", f"process {pid} holds the data directory")
    try:
        answer = httpx.get(f"{address}/ready", timeout=TIMEOUT_S, trust_env=False)
        parts = dict(answer.json()["checks"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as failure:
        return [
            held,
            error(
                "server",
                f"no answer from {address}/ready ({failure or type(failure).__name__})",
                "is SLUICE_HOST or SLUICE_PORT another here than there? Else look at the server's"
                f" log lines, and restart it: kill {pid}",
            ),
        ]
    return [held, *(_part(name, verdict, pid) for name, verdict in parts.items())]


def check_port(settings: Settings) -> Finding:
    """Tells whether a server could listen."""
    where = f"{settings.host}, port {settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as failure:
            mend = "set SLUICE_HOST to an address of this machine"
            if failure.errno == errno.EADDRINUSE:
                mend = "stop the other program, or set SLUICE_PORT to a free port"
            elif failure.errno == errno.EACCES:
                mend = "set SLUICE_PORT to 1024 or above"
            return error("port", f"cannot listen on {where}: {failure.strerror}", mend)
    return ok("port", f"{where} is free; no server is running")


def _part(name: str, verdict: str, pid: str) -> Finding:
    if verdict == "ok":
        return ok(f"server's {name}", "works")
    return error(
        f"server's {name}",
        verdict,
        f"look at the server's log lines; if it does not recover, restart it: kill {pid}",
    )
