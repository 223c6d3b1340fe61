"""`/dashboard/api/api-keys`: a project's keys, for its admins."""

from litestar import delete, get, patch, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from api.account_forms import iso_ms, read_form, trimmed
from api.auth import AnyRequest, admin_project_from_session, services
from api.sessions import Done
from controlplane.failures import BadRequest
from controlplane.keys import KeyDraft, create_key, list_keys, rename_key, revoke_key
from schemas.described import describes

_DEFAULT_NAME = "API Key"


class KeyForm(Struct, frozen=True):
    """The name of a key."""

    name: str | None = None


class KeyRow(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A key with its plaintext: clients take the first one for a working key."""

    id: str
    project_id: str
    project_name: str
    key: str
    name: str
    created_at: str
    last_used_at: str | None = None


class KeyList(Struct, frozen=True):
    """The keys of a project, the oldest first."""

    keys: list[KeyRow]


class NewKey(Struct, frozen=True, rename="camel"):
    """The plaintext of a new key."""

    api_key: str


@get("/api-keys", summary="List API keys with their plaintext", opt=describes(asks="project"))
async def list_api_keys(request: AnyRequest) -> KeyList:
    """Return the keys of the project in `X-Project-Id`."""
    project = await admin_project_from_session(request)
    state = services(request)
    rows = [
        KeyRow(
            id=key.key_id,
            project_id=key.project_id,
            project_name=key.project_name,
            key=key.plain,
            name=key.name,
            created_at=iso_ms(key.created_at),
            last_used_at=iso_ms(key.last_used_at) if key.last_used_at else None,
        )
        for key in await list_keys(state.database, state.vault, project.project_id)
    ]
    return KeyList(rows)


@post(
    "/api-keys",
    status_code=HTTP_201_CREATED,
    summary="Create an API key",
    opt=describes(body=KeyForm, example={"name": "CI"}, asks="project", errors=(409,)),
)
async def create_api_key(request: AnyRequest) -> NewKey:
    """Create a key; the body is mandatory, its name is not."""
    project = await admin_project_from_session(request)
    bad = "Invalid request body"
    form = await read_form(request, KeyForm, otherwise=bad, bad_json=bad)
    state = services(request)
    created = await create_key(
        state.database,
        state.vault,
        project.project_id,
        KeyDraft(trimmed(form.name) or _DEFAULT_NAME),
        at_most=state.quotas.max_keys_per_project,
    )
    return NewKey(created.plain)


@patch(
    "/api-keys/{key_id:str}",
    summary="Rename an API key",
    opt=describes(body=KeyForm, example={"name": "Production"}, asks="project"),
)
async def rename_api_key(request: AnyRequest, key_id: FromPath[str]) -> Done:
    """Give a key another name."""
    project = await admin_project_from_session(request)
    bad = "Missing or invalid 'name' field"
    form = await read_form(request, KeyForm, otherwise=bad)
    if not trimmed(form.name):
        raise BadRequest(bad)
    await rename_key(services(request).database, project.project_id, key_id, trimmed(form.name))
    return Done()


@delete(
    "/api-keys/{key_id:str}",
    status_code=HTTP_200_OK,
    summary="Revoke an API key",
    opt=describes(asks="project"),
)
async def revoke_api_key(request: AnyRequest, key_id: FromPath[str]) -> Done:
    """Revoke a key: it stops working at once here, within seconds in other processes."""
    project = await admin_project_from_session(request)
    key_hash = await revoke_key(services(request).database, project.project_id, key_id)
    services(request).keyring.forget(key_hash)
    return Done()


KEY_HANDLERS: list[ControllerRouterHandler] = [
    list_api_keys,
    create_api_key,
    rename_api_key,
    revoke_api_key,
]
