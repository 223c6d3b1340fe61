"""What operators ask: is it alive, is it ready, how is it doing."""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar, cast

from litestar import MediaType, Response, get
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, Metric, generate_latest

from api.auth import AnyRequest
from api.local_peers import is_forwarded, is_loopback
from controlplane.failures import Forbidden, Unauthorized
from schemas.described import describes

CHECK_TIMEOUT_S = 2.0
READINESS_S = 1.0
METRICS_S = 0.2
"""For how long an answer serves all who ask: checks are queries, metrics some milliseconds."""
T = TypeVar("T")


class Health(Struct):
    """The process answers."""

    status: str
    service: str


class Readiness(Struct):
    """Which parts work; a part that does not says why."""

    status: str
    checks: dict[str, str]


class Collected(Protocol):
    """What `generate_latest` asks for."""

    def collect(self) -> Iterable[Metric]:
        """Returns all metrics."""
        ...


class Probes(Protocol):
    """What the host puts on `app.state.probes`."""

    def checks(self) -> Mapping[str, Awaitable[None]]:
        """Returns one check for each part; a check raises when its part does not work."""
        ...

    def refresh_gauges(self) -> None:
        """Brings the gauges of the metrics up to date."""
        ...

    async def metrics(self) -> Collected:
        """Returns the metrics of all processes that share the port."""
        ...


class Shared(Generic[T]):
    """One costly answer at a time, for all who ask within some time from its beginning."""

    def __init__(self, work: Callable[[], Awaitable[T]], shared_s: float) -> None:
        self._work = work
        self._shared_s = shared_s
        self._task: asyncio.Future[T] | None = None
        self._began_at = 0.0

    async def get(self) -> T:
        """Returns the answer that is there or under way, or works out a new one."""
        now = time.monotonic()
        if self._task is None or (self._task.done() and now - self._began_at >= self._shared_s):
            self._began_at = now
            self._task = asyncio.ensure_future(self._work())
        # Whoever gives up takes nothing from the others.
        return await asyncio.shield(self._task)


class Operations:
    """What the routes of this file find on `app.state.operations`."""

    def __init__(self, probes: Probes, metrics_token: str) -> None:
        self._probes = probes
        self._token = metrics_token
        self.readiness = Shared(self._check, READINESS_S)
        self.metrics = Shared(self._render, METRICS_S)

    def reject_strangers(self, request: AnyRequest) -> None:
        """Raises `Unauthorized` or `Forbidden` for whoever is no operator."""
        if not self._token:
            if not _is_of_this_machine(request):
                raise Forbidden("Forbidden: set SLUICE_METRICS_TOKEN to ask from elsewhere")
            return
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not hmac.compare_digest(
            given.strip().encode(), self._token.encode()
        ):
            raise Unauthorized("Unauthorized: the token of SLUICE_METRICS_TOKEN is asked for")

    async def _check(self) -> dict[str, str]:
        checks = self._probes.checks()
        verdicts = await asyncio.gather(*(_verdict(check) for check in checks.values()))
        return dict(zip(checks, verdicts, strict=True))

    async def _render(self) -> bytes:
        await asyncio.to_thread(self._probes.refresh_gauges)
        collected: Any = await self._probes.metrics()
        return await asyncio.to_thread(generate_latest, collected)


@get("/health", tags=["operations"])
async def get_health() -> Health:
    """Tell that the process is alive. Public."""
    return Health("ok", "pulse")


@get(
    "/ready",
    summary="Tell whether every part works",
    tags=["operations"],
    opt=describes(errors=(503,)),
)
async def get_ready(request: AnyRequest) -> Response[Readiness]:
    """Check log, stream, store and control plane; 503 when one of them does not work.

    Public; why a part does not work is told to those who may read the metrics.
    """
    operations = _operations(request)
    found = await operations.readiness.get()
    ready = all(verdict == "ok" for verdict in found.values())
    try:
        operations.reject_strangers(request)
    except (Forbidden, Unauthorized):
        found = {part: "ok" if verdict == "ok" else "failing" for part, verdict in found.items()}
    return Response(
        Readiness("ready" if ready else "not ready", found), status_code=200 if ready else 503
    )


@get("/metrics", tags=["operations"], media_type=MediaType.TEXT, opt=describes(asks="operator"))
async def get_metrics(request: AnyRequest) -> Response[bytes]:
    """Give Prometheus its metrics: with the token, or without one on this machine."""
    operations = _operations(request)
    operations.reject_strangers(request)
    text = await operations.metrics.get()
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _verdict(check: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT_S:g} s"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    return "ok"


def _is_of_this_machine(request: AnyRequest) -> bool:
    address = request.client.host if request.client else ""
    return is_loopback(address) and not is_forwarded(request.headers)


def _operations(request: AnyRequest) -> Operations:
    return cast("Operations", request.app.state.operations)
