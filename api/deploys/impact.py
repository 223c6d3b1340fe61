"""`GET /api/v1/deployments/{id}/impact`: what a deployment changed."""

from collections.abc import Awaitable, Callable
from typing import Annotated, cast

from litestar import get
from litestar.params import FromPath
from msgspec import Meta, Struct

from api.auth import AnyRequest
from api.declared import reject_unknown
from api.deploys.described import by_login
from api.parameters import invalid, read, values_of
from clickhouse.client import Warehouse
from controlplane.deploys.rows import Reach
from schemas.deploys.impact import Impact
from schemas.deploys.windows import DEFAULT_MINUTES, LEAST_MINUTES, MOST_MINUTES

ReachOf = Callable[[AnyRequest], Awaitable[Reach]]
"""Says whose deployments a request may see; raises `Unauthorized`. In the state: `reach_of`."""
ReadImpact = Callable[[Warehouse, Reach, str, int], Awaitable[Impact]]
"""Works an impact out; raises `NotFound`. In the state: `read_impact`."""


class ImpactQuery(Struct, frozen=True, kw_only=True):
    """What is compared."""

    window: Annotated[
        str,
        Meta(
            pattern="^[0-9]{1,4}$",
            description="How many minutes before and after it took over are compared:"
            f" {LEAST_MINUTES} to {MOST_MINUTES}.",
            examples=[str(DEFAULT_MINUTES)],
        ),
    ] = str(DEFAULT_MINUTES)


@get(
    "/deployments/{deployment_id:str}/impact",
    summary="Compare before and after a deployment",
    opt=by_login(ImpactQuery, errors=(404,)),
)
async def get_impact(request: AnyRequest, deployment_id: FromPath[str]) -> Impact:
    """Compare errors, latency, costs and uptime before and after it took over, with a verdict."""
    reach = await cast("ReachOf", request.app.state.reach_of)(request)
    reject_unknown(request)
    minutes = int(read(values_of(request), ImpactQuery).window)
    if not LEAST_MINUTES <= minutes <= MOST_MINUTES:
        raise invalid("window", f"Expected {LEAST_MINUTES} to {MOST_MINUTES} minutes")
    work_out = cast("ReadImpact", request.app.state.read_impact)
    return await work_out(request.app.state.warehouse, reach, deployment_id, minutes)


HANDLERS = (get_impact,)
