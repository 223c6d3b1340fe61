"""What strangers and operators hear of a part that does not work."""

from collections.abc import Awaitable, Mapping

import httpx
import pytest
from prometheus_client import CollectorRegistry

from schemas.metrics import REGISTRY
from schemas.settings import Settings
from sluice.web import OPERATIONS, application


class Failing:
    """A store that does not work, for a reason that is nobody's business."""

    def checks(self) -> Mapping[str, Awaitable[None]]:
        return {"store": self._fail(), "log": self._work()}

    async def metrics(self) -> CollectorRegistry:
        return REGISTRY

    def refresh_gauges(self) -> None:
        """Has none."""

    async def _fail(self) -> None:
        raise RuntimeError("db.internal refuses sluice:secret")

    async def _work(self) -> None:
        return


@pytest.mark.parametrize(
    ("address", "store"),
    [
        ("192.0.2.1", "failing"),
        ("127.0.0.1", "RuntimeError: db.internal refuses sluice:secret"),
        ("::1", "RuntimeError: db.internal refuses sluice:secret"),
    ],
)
async def test_the_reason_is_told_to_operators_alone(address: str, store: str) -> None:
    app = application(OPERATIONS, {"probes": Failing()}, Settings())
    transport = httpx.ASGITransport(app=app, client=(address, 1234))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        answer = await client.get("/ready")

    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "checks": {"store": store, "log": "ok"}}
