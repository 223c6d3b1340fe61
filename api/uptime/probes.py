"""`POST /v1/probes/targets`: what a prober that is elsewhere is to look at."""

from litestar import post
from litestar.status_codes import HTTP_200_OK

from api.auth import AnyRequest, services
from api.uptime.bodies import body_of
from api.uptime.holders import probed_project
from controlplane.uptime.probed import targets_of_project
from schemas.described import describes
from schemas.uptime.examples import TARGETS_ASK
from schemas.uptime.probing import TargetsAnswer, TargetsAsk


@post(
    "/probes/targets",
    status_code=HTTP_200_OK,
    summary="Take a share of a region's monitors",
    opt=describes(body=TargetsAsk, example=TARGETS_ASK, asks="prober", errors=(409, 422, 429)),
)
async def post_targets(request: AnyRequest) -> TargetsAnswer:
    """Lease a share of a region, and return its monitors with all secrets in them."""
    project = await probed_project(request)
    ask = await body_of(request, TargetsAsk)
    known = services(request)
    return await targets_of_project(known.database, known.vault, project.project_id, ask)


HANDLERS = (post_targets,)
