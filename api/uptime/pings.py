"""The ping URLs of heartbeats, for those who may write: who has one may speak for the job."""

from collections.abc import Sequence

from api.auth import AnyRequest, prefix_of, services
from api.uptime.holders import may_write
from controlplane.uptime.heartbeats import ping_secrets
from schemas.uptime.monitors import Monitor


async def ping_urls(request: AnyRequest, monitors: Sequence[Monitor]) -> dict[str, str]:
    """Return the URLs of those that are heartbeats, by their ids; none to who may only read."""
    wanted = [one for one in monitors if one.config.type == "heartbeat"]
    if not wanted or not may_write(request):
        return {}
    known, base = services(request), str(request.base_url).rstrip("/") + prefix_of(request)
    found = await ping_secrets(
        known.database, known.vault, wanted[0].project_id, {one.monitor_id for one in wanted}
    )
    return {one: f"{base}/v1/heartbeats/{secret}" for one, secret in found.items()}
