"""Releases below `/api/v1/projects/{project_id}`, for holders of tokens: read, set, deployed."""

from litestar import post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from api.auth import AnyRequest
from api.errors import releases
from api.errors.release_forms import (
    MAX_BODY_BYTES,
    DeploymentForm,
    ReleaseForm,
    read_deployment,
    read_release,
)
from api.holders import by_token, project_in
from schemas.described import describes
from schemas.errors.release_answers import DeploymentAnswer, SavedRelease

PATH = "/projects/{project_id:str}/releases"


@post(
    PATH,
    status_code=HTTP_200_OK,
    summary="Make a release known, or change it",
    request_max_body_size=MAX_BODY_BYTES,
    opt=describes(body=ReleaseForm, example=releases.RELEASE, asks="token"),
)
async def set_release(request: AnyRequest, project_id: FromPath[str]) -> SavedRelease:
    """Make a release known or change it; its commits take the place of those before."""
    holder, reached = await project_in(request, project_id, needs="write")
    form = await read_release(request)
    return await releases.saved(request, reached.access.project, form, by=holder.user_id)


@post(
    f"{PATH}/{{version:str}}/deployments",
    status_code=HTTP_201_CREATED,
    summary="Note a deployment",
    opt=describes(
        body=DeploymentForm, example=releases.DEPLOYMENT, asks="token", errors=(404, 409)
    ),
)
async def set_deployment(
    request: AnyRequest, project_id: FromPath[str], version: FromPath[str]
) -> DeploymentAnswer:
    """Note that a release was brought somewhere."""
    _, reached = await project_in(request, project_id, needs="write")
    form = await read_deployment(request)
    return await releases.deployed(request, reached.access.project, version, form)


HANDLERS = (
    set_release,
    set_deployment,
    by_token(f"{PATH}/health", releases.get_health_of_releases),
    by_token(f"{PATH}/{{version:str}}", releases.get_one_release),
)
