"""The headers of answers that no running server can be made to give."""

from collections.abc import Awaitable, Mapping

import httpx
from litestar import get
from prometheus_client import CollectorRegistry

from schemas.metrics import REGISTRY
from schemas.settings import Settings
from sluice.web import application


class NoProbes:
    """Nothing to ask."""

    def checks(self) -> Mapping[str, Awaitable[None]]:
        return {}

    async def metrics(self) -> CollectorRegistry:
        return REGISTRY

    def refresh_gauges(self) -> None:
        """Has none."""


@get("/bug")
async def fail() -> None:
    """Fail with a text that is nobody's business."""
    raise RuntimeError("secret-in-an-error")


async def test_a_bug_is_answered_with_the_same_headers_and_without_its_text() -> None:
    app = application([fail], {"probes": NoProbes()}, Settings())
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="https://x") as client:
        answer = await client.get("/bug")

    assert (answer.status_code, answer.json()) == (500, {"error": "Internal server error"})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["strict-transport-security"].startswith("max-age=")
