"""`retention`: what a project keeps, what of it is stored, what goes next; set by admins."""

import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import msgspec
import structlog
from litestar import Response, get, post, put
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK

from api.auth import AnyRequest, admin_project_from_session, services
from api.bodies import body_of
from api.holders import by_token, project_in
from api.parameters import Project
from api.reads import reader_of
from api.rows import one
from clickhouse.client import Warehouse
from clickhouse.retention_sizes import Within, going_of, stored_of
from controlplane.projects import project_settings
from controlplane.retention_policies import Held, checked, find_policy, set_policy
from controlplane.thinning import Removed, list_removed, list_thinned
from schemas.described import describes
from schemas.projects import ProjectContext
from schemas.retained import (
    FOREVER_DAYS,
    KindGone,
    KindKept,
    Outlook,
    RemovedLine,
    RetentionAnswer,
    RetentionPreview,
    next_gone,
)
from schemas.retention import KINDS, TABLES_OF, InForce, RetentionChange
from schemas.times import from_us, iso_ms

PATH = "/retention"
OF_PROJECT = "/projects/{project_id:str}/retention"
LINES = 100
"""Of what went."""
EXAMPLE = {
    "kinds": {"logs": 14, "calls": 90},
    "rules": [{"when": "error", "days": 400}, {"when": "cost", "value": "0.50", "days": 400}],
    "sample_from_days": 30,
    "sample_percent": 10,
}

log = structlog.get_logger(__name__)


@get(PATH, opt=describes(answer=RetentionAnswer))
async def get_retention(request: AnyRequest, project: Project) -> Response[bytes]:
    """Answer what is kept and for how long, what is stored, what goes next, what went."""
    held = await find_policy(services(request).database, project.project_id)
    within = await within_of(request, project)
    done = await done_of(request, project)

    async def ask(warehouse: Warehouse) -> RetentionAnswer:
        return await retention_in(warehouse, project, held, done, within)

    return await one(reader_of(request, project), ask)


@post(
    f"{PATH}/preview",
    status_code=HTTP_200_OK,
    summary="Preview a change of retention",
    opt=describes(body=RetentionChange, example=EXAMPLE, answer=RetentionPreview, asks="project"),
)
async def preview_retention(request: AnyRequest) -> Response[bytes]:
    """Answer what a change would delete if it counted now, for admins. Nothing is changed."""
    return await _preview(request, await admin_project_from_session(request))


@put(
    PATH,
    summary="Set retention",
    opt=describes(body=RetentionChange, example=EXAMPLE, answer=RetentionAnswer, asks="project"),
)
async def put_retention(request: AnyRequest) -> Response[bytes]:
    """Set what is kept, for admins. What is left out follows the days of the project."""
    return await _set(request, await admin_project_from_session(request), by="api")


@post(
    f"{OF_PROJECT}/preview",
    status_code=HTTP_200_OK,
    opt=describes(body=RetentionChange, example=EXAMPLE, answer=RetentionPreview, asks="token"),
)
async def preview_by_token(request: AnyRequest, project_id: FromPath[str]) -> Response[bytes]:
    """Answer what a change would delete if it counted now, with a token of scope `admin`."""
    return await _preview(request, await _by_token(request, project_id))


@put(
    OF_PROJECT,
    opt=describes(body=RetentionChange, example=EXAMPLE, answer=RetentionAnswer, asks="token"),
)
async def put_by_token(request: AnyRequest, project_id: FromPath[str]) -> Response[bytes]:
    """Set what is kept, with a token of scope `admin`."""
    return await _set(request, await _by_token(request, project_id), by="token")


HANDLERS = (get_retention,)
CONTROLS = (preview_retention, put_retention)
AGENTS = (by_token(OF_PROJECT, get_retention), preview_by_token, put_by_token)


class Done(NamedTuple):
    """What retention has done in a project."""

    removed: list[Removed]
    stages: Mapping[date, str]
    """Of days that were thinned."""


async def done_of(request: AnyRequest, project: ProjectContext) -> Done:
    """Return what went, the last first, and the days that are thinned as rules say."""
    database = services(request).database
    thinned = await list_thinned(database, project.project_id)
    return Done(
        await list_removed(database, project.project_id, LINES),
        {day: one.stage for day, one in thinned.items() if one.is_done},
    )


async def within_of(request: AnyRequest, project: ProjectContext) -> Within:
    """Return the date, and the days of the project and of the server."""
    state = services(request)
    settings = await project_settings(state.database, project.project_id)
    usual = settings.retention_days or state.retention_days or FOREVER_DAYS
    return Within(datetime.now(UTC).date(), usual, state.retention_window_days)


async def retention_in(
    warehouse: Warehouse,
    project: ProjectContext,
    held: Held,
    done: Done,
    within: Within,
) -> RetentionAnswer:
    """Return the answer, with what is in the store now."""
    stored = await stored_of(warehouse, project)
    now_us = time.time_ns() // 1000
    waits = now_us < held.acts_us and held.before != held.policy
    first = max(within.today, from_us(held.acts_us).date()) if waits else within.today
    outlook = Outlook(held.policy, within.usual_days, first, done.stages, within.window_days)
    kinds = [
        KindKept(
            kind=kind,
            title=TABLES_OF[kind].title,
            days=_days(held.policy.days_of(kind, within.usual_days)),
            own_days=held.policy.kinds.get(kind),
            rows=stored[kind].rows,
            bytes=stored[kind].bytes_of(stored[kind].rows),
            oldest=str(min(stored[kind].days)) if stored[kind].days else None,
            next=next_gone(stored[kind], kind, outlook),
        )
        for kind in KINDS
    ]
    return RetentionAnswer(
        days=_days(within.usual_days),
        sums_days=held.policy.sums_days,
        policy=held.policy,
        kinds=kinds,
        removed=[
            RemovedLine(str(line.removed_on), line.kind, line.rule, line.rows)
            for line in done.removed
        ],
        rows_from=None if project.rows_from_us is None else iso_ms(project.rows_from_us),
        acts_at=iso_ms(held.acts_us) if waits else msgspec.UNSET,
        before=held.before if waits else msgspec.UNSET,
    )


async def preview_in(
    warehouse: Warehouse, project: ProjectContext, change: RetentionChange, within: Within
) -> RetentionPreview:
    """Return what a change would delete; raises `BadRequest`."""
    policy = InForce((checked(change),))
    stored = await stored_of(warehouse, project)
    gone = await going_of(warehouse, project, stored, policy, within)
    kinds = [
        KindGone(kind, TABLES_OF[kind].title, found.rows, found.bytes)
        for kind, found in gone.items()
        if found.rows != 0
    ]
    rows, size = sum(each.rows or 0 for each in kinds), sum(each.bytes or 0 for each in kinds)
    return RetentionPreview(kinds, rows, size)


async def change_retention(
    request: AnyRequest, project: ProjectContext, change: RetentionChange, by: str
) -> Held:
    """Set what a project keeps, and say so in the log; raises `BadRequest`."""
    held = await set_policy(services(request).database, project.project_id, change, by=by)
    log.info(
        "retention changed",
        project_id=project.project_id,
        by=by,
        at_once=change.at_once,
        policy=msgspec.to_builtins(held.policy),
    )
    return held


async def _by_token(request: AnyRequest, project_id: str) -> ProjectContext:
    _, reached = await project_in(request, project_id, needs="admin")
    return reached.access.project


async def _preview(request: AnyRequest, project: ProjectContext) -> Response[bytes]:
    change = await body_of(request, RetentionChange)
    checked(change)
    within = await within_of(request, project)

    async def ask(warehouse: Warehouse) -> RetentionPreview:
        return await preview_in(warehouse, project, change, within)

    return await one(reader_of(request, project), ask)


async def _set(request: AnyRequest, project: ProjectContext, *, by: str) -> Response[bytes]:
    await change_retention(request, project, await body_of(request, RetentionChange), by)
    answer: Any = get_retention.fn
    found: Response[bytes] = await answer(request, project)
    return found


def _days(days: int) -> int | None:
    return None if days >= FOREVER_DAYS else days
