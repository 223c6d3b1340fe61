"""`/api/v1/env`: variables of the environment of apps. A value is written and never told."""

from typing import Annotated

from litestar import delete, get, post
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct

from api.auth import AnyRequest, services
from api.deploys.bodies import body_of
from api.deploys.callers import actor_of, caller_in, deploying, reached
from api.deploys.described import by_login
from api.parameters import read, values_of
from controlplane.deploys.env import Variable, list_variables, remove_variable, set_variable
from controlplane.failures import BadRequest
from schemas.deploys.answers import EnvRow, EnvRows, Said
from schemas.deploys.examples import ENV, ENV_NAME, PROJECT_ID
from schemas.deploys.forms import EnvForm, EnvName
from schemas.times import iso_ms


class EnvQuery(Struct, frozen=True, kw_only=True):
    """Of which project."""

    project_id: Annotated[
        str, Meta(max_length=64, description="Id of the project.", examples=[PROJECT_ID])
    ] = ""


@post(
    "/env",
    status_code=HTTP_200_OK,
    summary="Set an environment variable",
    opt=by_login(body=EnvForm, example=ENV, errors=(404, 409)),
)
async def set_env(request: AnyRequest) -> EnvRow:
    """Set a variable, or change it, for admins. The app has it from its next deployment on."""
    caller = await caller_in(request, needs="admin")
    form, state = await body_of(request, EnvForm), services(request)
    owner = await deploying(request, caller, form.project_id, needs="admin")
    actor = actor_of(request, caller)
    row = await set_variable(state.database, state.vault, actor, (owner, form.key), form.value)
    return _row(row)


@get("/env", summary="List environment variables", opt=by_login(EnvQuery, errors=(404,)))
async def list_env(request: AnyRequest) -> EnvRows:
    """Return the variables of a project by name, without their values."""
    caller = await caller_in(request)
    project_id = read(values_of(request), EnvQuery).project_id
    if not project_id:
        raise BadRequest("project_id query param required")
    owner = await reached(request, caller, project_id)
    return EnvRows([_row(one) for one in await list_variables(services(request).database, owner)])


@delete(
    "/env",
    status_code=HTTP_200_OK,
    summary="Delete an environment variable",
    opt=by_login(body=EnvName, example=ENV_NAME, errors=(404,)),
)
async def delete_env(request: AnyRequest) -> Said:
    """Delete the variable that the body names, for admins; one that is not there is no error."""
    caller = await caller_in(request, needs="admin")
    form = await body_of(request, EnvName)
    owner = await deploying(request, caller, form.project_id, needs="admin")
    await remove_variable(services(request).database, actor_of(request, caller), owner, form.key)
    return Said("env var deleted")


HANDLERS = (set_env, list_env, delete_env)


def _row(one: Variable) -> EnvRow:
    return EnvRow(
        id=one.id,
        project_id=one.project_id,
        key=one.key,
        created_at=iso_ms(one.created_us),
        updated_at=iso_ms(one.updated_us),
    )
