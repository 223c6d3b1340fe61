"""What operators ask: is it alive, is it ready, how is it doing; and the page at the root."""

import asyncio
import json
from collections.abc import Awaitable, Mapping
from typing import Protocol, cast

from litestar import MediaType, Response, get
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.auth import AnyRequest
from schemas.metrics import REGISTRY

CHECK_TIMEOUT_S = 2.0


class Health(Struct):
    """The process answers."""

    status: str
    service: str


class Readiness(Struct):
    """Which parts work; a part that does not says why."""

    status: str
    checks: dict[str, str]


class Probes(Protocol):
    """What the host puts on `app.state.probes`."""

    def checks(self) -> Mapping[str, Awaitable[None]]:
        """Returns one check for each part; a check raises when its part does not work."""
        ...

    def refresh_gauges(self) -> None:
        """Brings the gauges of the metrics up to date."""
        ...


@get("/health", tags=["operations"])
async def get_health() -> Health:
    """Tell that the process is alive. Public."""
    return Health("ok", "pulse")


@get("/ready", tags=["operations"])
async def get_ready(request: AnyRequest) -> Response[Readiness]:
    """Check log, stream, store and control plane; 503 when one of them does not work. Public."""
    checks = _probes(request).checks()
    verdicts = await asyncio.gather(*(_verdict(check) for check in checks.values()))
    found = dict(zip(checks, verdicts, strict=True))
    ready = all(verdict == "ok" for verdict in verdicts)
    return Response(
        Readiness("ready" if ready else "not ready", found), status_code=200 if ready else 503
    )


@get("/metrics", tags=["operations"], media_type=MediaType.TEXT)
async def get_metrics(request: AnyRequest) -> Response[bytes]:
    """Give Prometheus its metrics. Public: they hold no project's data."""
    await asyncio.to_thread(_probes(request).refresh_gauges)
    text = await asyncio.to_thread(generate_latest, REGISTRY)
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})


@get("/runtime-config.js", include_in_schema=False)
async def get_runtime_config(request: AnyRequest) -> Response[str]:
    """Tell a dashboard's page where its API is."""
    origin = json.dumps({"apiBaseUrl": str(request.base_url).rstrip("/")})
    return Response(
        f"window.__PULSE_CONFIG = {origin};\n", media_type="application/javascript; charset=utf-8"
    )


@get("/", include_in_schema=False)
async def get_landing() -> Response[str]:
    """Point a person who opens the address to what there is."""
    return Response(LANDING, media_type=MediaType.HTML)


async def _verdict(check: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT_S:g} s"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    return "ok"


def _probes(request: AnyRequest) -> Probes:
    return cast("Probes", request.app.state.probes)


LANDING = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice</title>
<style>
  body { font: 16px/1.6 system-ui, sans-serif; max-width: 42rem; margin: 4rem auto }
  h1 { font-size: 1.5rem } code { background: #8882; padding: .1em .3em; border-radius: .2em }
</style>
<h1>Sluice is running</h1>
<p>One pipeline for LLM traces, agent spans and their cost. The terminal of
<code>sluice up</code> shows an API key and a <code>curl</code> that sends a first trace; elsewhere
<code>sluice key list</code> and <code>sluice key reveal</code> show keys.</p>
<ul>
  <li><a href="/docs">API reference</a></li>
  <li><a href="/ready">Readiness</a> of log, stream, store and control plane</li>
  <li><a href="/metrics">Metrics</a> for Prometheus</li>
</ul>
</html>
"""
