"""Checks of the server from outside: over HTTP while it runs, its port while it does not."""

import errno

import httpx

from schemas.settings import Settings
from sluice.checks import Finding, error, ok
from sluice.listening import bind

TIMEOUT_S = 5


def check_running(address: str, pid: str) -> list[Finding]:
    """Asks the server that holds the data directory how its parts are."""
    held = ok("server", f"process {pid} holds the data directory")
    fix = f"look at the server's log lines, and restart it: kill {pid}"
    return [held, *_check_ready(address, fix, fix)]


def check_listening(address: str, settings: Settings) -> list[Finding]:
    """Asks whichever process of ours listens: workers and apis hold no data directory."""
    free = check_port(settings)
    if free.level == "ok":
        return [free]
    fix = "look at the log lines of the process that listens there, and restart it"
    return _check_ready(address, fix, f"{fix}; if it is none of ours: {free.fix}")


def check_port(settings: Settings) -> Finding:
    """Tells whether a server could listen."""
    try:
        bind(settings.host, settings.port).close()
    except OSError as failure:
        fix = "set SLUICE_HOST to an address of this machine"
        if failure.errno == errno.EADDRINUSE:
            fix = "stop the other program, or set SLUICE_PORT to a free port"
        elif failure.errno == errno.EACCES:
            fix = "set SLUICE_PORT to 1024 or above"
        return error("port", str(failure.strerror).partition(";")[0], fix)
    where = f"{settings.host}, port {settings.port}"
    return ok("port", f"{where} is free; no server is running")


def _check_ready(address: str, fix: str, silent_fix: str) -> list[Finding]:
    try:
        answer = httpx.get(f"{address}/ready", timeout=TIMEOUT_S, trust_env=False)
        parts = dict(answer.json()["checks"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as failure:
        reason = str(failure) or type(failure).__name__
        return [error("server", f"no answer from {address}/ready ({reason})", silent_fix)]
    return [
        ok(f"server's {name}", "works")
        if verdict == "ok"
        else error(f"server's {name}", str(verdict), f"if it does not recover: {fix}")
        for name, verdict in parts.items()
    ]
