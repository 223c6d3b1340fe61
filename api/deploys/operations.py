"""`/api/v1/health`, `/ready` and `/metrics`: what Pushpaka's monitors ask, answered from ours."""

from importlib.metadata import version
from typing import cast

from litestar import MediaType, Response, get

from api.auth import AnyRequest
from api.operations import Operations, get_metrics
from schemas.deploys.answers import HealthAnswer, HealthChecks, ReadyAnswer
from schemas.described import describes


@get("/health", summary="Tell whether deployments work", opt=describes(errors=(503,)))
async def get_deploy_health(request: AnyRequest) -> Response[HealthAnswer]:
    """Check the control plane, and under the name `redis` the event log. Public."""
    found = await _checks(request)
    # Processes that write no log of their own have no check of it.
    checks = HealthChecks(found.get("control_plane") == "ok", found.get("log", "ok") == "ok")
    is_fine = checks.database and checks.redis
    answer = HealthAnswer("ok" if is_fine else "degraded", f"v{version('sluice')}", checks)
    return Response(answer, status_code=200 if is_fine else 503)


@get("/ready", summary="Tell whether deployments can be taken", opt=describes(errors=(503,)))
async def get_deploy_ready(request: AnyRequest) -> Response[ReadyAnswer]:
    """Check every part, as `/ready` does; why one does not work is told there. Public."""
    is_ready = all(verdict == "ok" for verdict in (await _checks(request)).values())
    answer = ReadyAnswer("ready" if is_ready else "not ready")
    return Response(answer, status_code=200 if is_ready else 503)


@get(
    "/metrics",
    summary="Give Prometheus its metrics here too",
    media_type=MediaType.TEXT,
    opt=describes(asks="operator"),
)
async def get_deploy_metrics(request: AnyRequest) -> Response[bytes]:
    """Answer as `/metrics` does: with the token, or without one on this machine."""
    answered: Response[bytes] = await get_metrics.fn(request)
    return answered


HANDLERS = (get_deploy_health, get_deploy_ready, get_deploy_metrics)


async def _checks(request: AnyRequest) -> dict[str, str]:
    operations = cast("Operations", request.app.state.operations)
    return await operations.readiness.get()
