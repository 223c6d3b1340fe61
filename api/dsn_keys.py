"""`/dashboard/api/dsn-keys`: a project's DSNs, for its members; made and revoked by its admins."""

from litestar import delete, get, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from api.account_forms import iso_ms, read_form, trimmed
from api.auth import (
    AnyRequest,
    admin_project_from_session,
    prefix_of,
    project_from_session,
    services,
)
from api.sessions import Done
from controlplane.dsn import (
    DsnDraft,
    ShownDsnKey,
    create_dsn_key,
    dsn_of,
    list_dsn_keys,
    revoke_dsn_key,
)
from schemas.described import describes


class DsnForm(Struct, frozen=True):
    """What to call a DSN key, and the environment of what is sent with it and names none."""

    label: str | None = None
    environment: str | None = None


class DsnRow(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A DSN key, and the DSN that holds it."""

    id: str
    project_id: str
    project_number: int
    public_key: str
    dsn: str
    label: str
    environment: str
    """Empty for none."""
    created_at: str
    last_used_at: str | None = None


class DsnList(Struct, frozen=True, rename="camel"):
    """The DSN keys of a project, the oldest first."""

    dsn_keys: list[DsnRow]


@get("/dsn-keys", summary="List DSNs", opt=describes(asks="project"))
async def list_keys_of_dsns(request: AnyRequest) -> DsnList:
    """Return the DSNs of the project in `X-Project-Id`: what Sentry's SDKs are given."""
    project = await project_from_session(request)
    keys = await list_dsn_keys(services(request).database, project.project_id)
    return DsnList([_row(request, key) for key in keys])


@post(
    "/dsn-keys",
    status_code=HTTP_201_CREATED,
    summary="Create a DSN",
    opt=describes(
        body=DsnForm,
        example={"label": "Browser", "environment": "production"},
        asks="project",
        errors=(409,),
    ),
)
async def create_key_of_dsn(request: AnyRequest) -> DsnRow:
    """Create a DSN key; the body is mandatory, its fields are not."""
    project = await admin_project_from_session(request)
    bad = "Invalid request body"
    form = await read_form(request, DsnForm, otherwise=bad, bad_json=bad)
    state = services(request)
    created = await create_dsn_key(
        state.database,
        project.project_id,
        DsnDraft(trimmed(form.label), trimmed(form.environment)),
        at_most=state.quotas.max_keys_per_project,
    )
    return _row(request, created)


@delete(
    "/dsn-keys/{dsn_key_id:str}",
    status_code=HTTP_200_OK,
    summary="Revoke a DSN",
    opt=describes(asks="project"),
)
async def revoke_key_of_dsn(request: AnyRequest, dsn_key_id: FromPath[str]) -> Done:
    """Revoke a DSN key: it stops working at once here, within seconds in other processes."""
    project = await admin_project_from_session(request)
    state = services(request)
    state.dsn_keys.forget(await revoke_dsn_key(state.database, project.project_id, dsn_key_id))
    return Done()


DSN_HANDLERS: list[ControllerRouterHandler] = [
    list_keys_of_dsns,
    create_key_of_dsn,
    revoke_key_of_dsn,
]


def _row(request: AnyRequest, key: ShownDsnKey) -> DsnRow:
    base = str(request.base_url).rstrip("/") + prefix_of(request)
    return DsnRow(
        id=key.key_id,
        project_id=key.project_id,
        project_number=key.number,
        public_key=key.public_key,
        dsn=dsn_of(base, key.public_key, key.number),
        label=key.label,
        environment=key.environment,
        created_at=iso_ms(key.created_at),
        last_used_at=iso_ms(key.last_used_at) if key.last_used_at else None,
    )
