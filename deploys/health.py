"""Waits until an app answers, or until it is clear that it will not."""

import asyncio
from collections.abc import Callable

import aiohttp
from msgspec import Struct

from deploys.drivers.driver import Running, State
from deploys.failures import Cancelled, Unhealthy
from deploys.listeners import Listeners
from schemas.deploys.routing import Owner

PAUSE_S = 0.25
ANSWER_TIMEOUT_S = 5.0
SUCCESSES = 2
"""In a row: a server that has just begun may answer once and end."""
LAST_LINES = 50
USER_AGENT = "Sluice-Deployer/1 (health)"


class HealthCheck(Struct, frozen=True, kw_only=True):
    """What an app has to answer."""

    path: str = "/"
    """Asked by GET; 2xx and 3xx are well. Empty: it is enough that it takes a connection."""
    host_name: str = "localhost"
    """Sent as `Host`: some frameworks answer for the names alone that they know."""
    seconds: float


async def wait_until_healthy(
    check: HealthCheck,
    running: Running,
    *,
    last_lines: Callable[[int], list[str]],
    cancel: asyncio.Event,
) -> None:
    """Returns when the app has answered twice. Raises `Unhealthy` and `Cancelled`.

    The text of `Unhealthy` ends with what the app printed last, as it was printed: secrets are not
    masked in it yet.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + check.seconds
    well, found = 0, "it was not asked"
    timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S)
    listeners = Listeners()
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
        while well < SUCCESSES:
            if cancel.is_set():
                raise Cancelled
            # Before it is asked: an app that ended is not confused with one that has its port now.
            _check_alive(running.state(), last_lines)
            found = await _ask(check, running, session) or await _stranger(running, listeners)
            well = 0 if found else well + 1
            if loop.time() >= deadline and well < SUCCESSES:
                said = found or "it answered once"
                reason = f"The app was not healthy within {check.seconds:g} s: {said}"
                raise Unhealthy(_with_lines(reason, last_lines))
            await _pause(cancel)
    _check_alive(running.state(), last_lines)


async def _pause(cancel: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(PAUSE_S):
            await cancel.wait()
    except TimeoutError:
        return


def _check_alive(state: State, last_lines: Callable[[int], list[str]]) -> None:
    if not state.has_ended and state.restarts == 0:
        return
    how = f"with exit code {state.code}" if state.code >= 0 else "at once"
    why = f" ({state.reason})" if state.reason else ""
    raise Unhealthy(_with_lines(f"The app ended {how}{why} before it was healthy", last_lines))


async def _ask(check: HealthCheck, running: Running, session: aiohttp.ClientSession) -> str:
    """Returns what is wrong; empty text when the app answers well."""
    instance = running.instance
    try:
        if not check.path:
            return await _connect(instance.host, instance.port)
        url = f"http://{instance.host}:{instance.port}/{check.path.lstrip('/')}"
        headers = {"Host": check.host_name, "User-Agent": USER_AGENT}
        async with session.get(url, headers=headers, allow_redirects=False) as answer:
            if 200 <= answer.status < 400:
                return ""
            return f"GET {check.path} answered {answer.status}"
    except TimeoutError:
        return f"it did not answer within {ANSWER_TIMEOUT_S:g} s"
    except (aiohttp.ClientError, OSError, ValueError):
        return f"nothing answers on port {instance.port} (is it the one of $PORT?)"


async def _stranger(running: Running, listeners: Listeners) -> str:
    """Returns that another program answers in place of the app; empty text where none does."""
    of = running.instance
    if not of.namespace or await listeners.of(Owner(of.pid, of.started, of.namespace), of.port):
        return ""
    return f"another program answers on port {of.port}"


async def _connect(host: str, port: int) -> str:
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        _, writer = await asyncio.open_connection(host, port)
    writer.close()
    return ""


def _with_lines(reason: str, last_lines: Callable[[int], list[str]]) -> str:
    lines = last_lines(LAST_LINES)
    return "\n".join([f"{reason}. What it printed last:", *lines]) if lines else reason
