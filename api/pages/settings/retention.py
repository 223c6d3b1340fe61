"""What is kept by kind and by rule: what is stored, what goes next, and the form to change it."""

from typing import Any

from litestar import Response, get, post
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.pages.forms import Problem, fields_of, problem_of
from api.pages.render import page
from api.pages.settings.admins import PATH, admins_only, page_of
from api.pages.settings.retention_forms import (
    FIELDS,
    MOST_FIELDS,
    WHENS,
    change_in,
    rule_places,
    texts_of,
)
from api.pages.viewer import Viewed, Viewer
from api.reads import reader_of
from api.retention import change_retention, done_of, preview_in, retention_in, within_of
from clickhouse.failures import QueryTooExpensive
from controlplane.failures import BadRequest
from controlplane.retention_policies import find_policy
from schemas.retained import RetentionAnswer, RetentionPreview
from schemas.retention import KINDS, TABLES_OF

RETENTION = f"{PATH}/retention"


@get(RETENTION, include_in_schema=False)
async def retention_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show what is kept, what goes next, and what went."""
    return await _shown(request, viewer)


@post(RETENTION, include_in_schema=False, status_code=200)
async def set_retention(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Change what is kept, or show what that would delete."""
    admins_only(viewer)
    fields = await fields_of(request, at_most=MOST_FIELDS)
    try:
        change = change_in(fields)
        if fields.get("act") == "preview":
            within = await within_of(request, viewer.project)
            async with reader_of(request, viewer.project).turn() as warehouse:
                preview = await preview_in(warehouse, viewer.project, change, within)
            return await _shown(request, viewer, fields=fields, preview=preview)
        by = viewer.session.account.email
        await change_retention(request, viewer.project, change, by)
    except BadRequest as error:
        problem = problem_of(error, FIELDS, {name: [text] for name, text in fields.items()})
        return await _shown(request, viewer, fields=fields, problem=problem)
    return Redirect(page_of(request, "/retention", saved=1), status_code=303)


HANDLERS = (retention_page, set_retention)


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    fields: dict[str, str] | None = None,
    preview: RetentionPreview | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    database, project = services(request).database, viewer.project
    held = await find_policy(database, project.project_id)
    texts = texts_of(held.policy) if fields is None else fields
    return await page(
        request,
        "settings/retention.html",
        status_code=400 if problem else 200,
        kept=await _kept(request, viewer),
        held=held,
        texts=texts,
        kinds=[(kind, TABLES_OF[kind].title) for kind in KINDS],
        places=rule_places(texts),
        whens=WHENS,
        usual_sums_days=services(request).retention_sums_days,
        window_days=services(request).retention_window_days,
        preview=preview,
        problem=problem,
    )


async def _kept(request: AnyRequest, viewer: Viewer) -> RetentionAnswer | None:
    """Returns what is stored; `None` where it is too much to count."""
    database, project = services(request).database, viewer.project
    held = await find_policy(database, project.project_id)
    done = await done_of(request, project)
    within = await within_of(request, project)
    try:
        async with reader_of(request, project).turn() as warehouse:
            return await retention_in(warehouse, project, held, done, within)
    except QueryTooExpensive:
        return None
