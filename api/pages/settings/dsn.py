"""The DSNs of a project: what Sentry's SDKs are given. Everybody of the project sees them."""

from typing import Any

import structlog
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.pages.forms import Problem, fields_of, problem_of, typed_word
from api.pages.parts.dsn_snippets import dsn_snippets
from api.pages.parts.snippets import url_of
from api.pages.render import page
from api.pages.settings.admins import PATH, admins_only, page_of
from api.pages.viewer import Viewed, Viewer
from controlplane.dsn import DsnDraft, create_dsn_key, dsn_of, list_dsn_keys, revoke_dsn_key
from controlplane.failures import BadRequest, Conflict, NotFound

DSN = f"{PATH}/dsn"
FIELDS = {"DSN label": "label", "Environment": "environment"}
PLACE_OF_DSN = "YOUR_DSN"

log = structlog.get_logger(__name__)


@get(DSN, include_in_schema=False)
async def dsn_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the DSNs, and what to copy."""
    return await _shown(request, viewer)


@post(DSN, include_in_schema=False, status_code=200)
async def add_dsn(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Make a DSN."""
    admins_only(viewer)
    state, fields = services(request), await fields_of(request)
    project_id, by = viewer.project.project_id, viewer.session.account.user_id
    try:
        key = await create_dsn_key(
            state.database,
            project_id,
            DsnDraft(fields.get("label", ""), fields.get("environment", "")),
            at_most=state.quotas.max_keys_per_project,
        )
    except (BadRequest, Conflict) as error:
        return await _shown(request, viewer, fields=fields, problem=problem_of(error, FIELDS))
    log.info("dsn key made", project_id=project_id, key_id=key.key_id, by=by)
    return Redirect(page_of(request, "/dsn"), status_code=303)


@post(f"{DSN}/{{dsn_key_id:str}}/revoke", include_in_schema=False, status_code=200)
async def remove_dsn(
    request: AnyRequest, viewer: Viewed, dsn_key_id: FromPath[str]
) -> Response[Any]:
    """Revoke a DSN, whose label the form repeats: nobody does so by a slip."""
    admins_only(viewer)
    state, typed = services(request), await typed_word(request)
    project_id, by = viewer.project.project_id, viewer.session.account.user_id
    keys = await list_dsn_keys(state.database, project_id)
    named = next((key.label for key in keys if key.key_id == dsn_key_id.lower()), None)
    if named is None:
        raise NotFound("There is no such DSN: it may be revoked already")
    if typed != named:
        problem = Problem(f"Nothing was revoked: type the DSN's label, {named}, to revoke it.")
        return await _shown(request, viewer, list_problem=problem)
    state.dsn_keys.forget(await revoke_dsn_key(state.database, project_id, dsn_key_id))
    log.info("dsn key revoked", project_id=project_id, key_id=dsn_key_id, by=by)
    return Redirect(page_of(request, "/dsn"), status_code=303)


HANDLERS = (dsn_page, add_dsn, remove_dsn)


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    fields: dict[str, str] | None = None,
    problem: Problem | None = None,
    list_problem: Problem | None = None,
) -> Response[str]:
    keys = await list_dsn_keys(services(request).database, viewer.project.project_id)
    base = url_of(request)
    dsns = [dsn_of(base, key.public_key, key.number) for key in keys]
    return await page(
        request,
        "settings/dsn.html",
        status_code=400 if problem or list_problem else 200,
        keys=list(zip(keys, dsns, strict=True)),
        fields=fields or {},
        problem=problem,
        list_problem=list_problem,
        snippets=dsn_snippets(dsns[0] if dsns else PLACE_OF_DSN),
    )
