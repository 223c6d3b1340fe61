"""`/api/v1/projects`: the projects that a token reaches, one with its overview, a new one.

The path is also that of what deploys projects; its credentials are others (contract 0.2).
"""

import asyncio
import time

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_201_CREATED
from msgspec import Struct

from api.account_forms import iso_ms, read_form
from api.auth import AnyRequest, prefix_of, services
from api.errors.agents.account import today_us
from api.holders import group_of, holder_in, project_in, projects_in
from api.reads import reader_of
from api.rows import one
from clickhouse.client import Warehouse
from clickhouse.errors import transactions
from clickhouse.errors.overview import add_up_projects
from clickhouse.errors.transaction_filters import TransactionFilter
from controlplane.api_tokens import ReachedProject, TokenHolder, project_for
from controlplane.dsn import dsn_of, list_dsn_keys
from controlplane.errors.listing import count_statuses
from controlplane.failures import BadRequest, Forbidden
from controlplane.projects import create_project
from schemas.described import describes
from schemas.errors.agent_answers import (
    AgentProject,
    NewProjectAnswer,
    ProjectAnswer,
    ProjectLine,
    ProjectLines,
    ProjectOverview,
    TransactionStats,
)
from schemas.projects import ProjectContext
from schemas.zones import DAY_US

MAX_NAME_CHARS = 120
BAD_NAME = f"name: expected a text of 1 to {MAX_NAME_CHARS} characters"


class NameForm(Struct, frozen=True):
    """The name of a new project."""

    name: str | None = None


@get("/projects", opt=describes(answer=ProjectLines, asks="token"))
async def list_reached_projects(request: AnyRequest) -> Response[bytes]:
    """Answer the projects that the token reaches, the oldest first."""
    holder = await holder_in(request)
    reached = await projects_in(request, holder)
    ids = [each.access.project.project_id for each in reached]
    statuses = await count_statuses(services(request).database, ids)
    shown = [await _shown(request, holder, each) for each in reached]

    async def ask(warehouse: Warehouse) -> ProjectLines:
        totals = await add_up_projects(warehouse, ids, today_us())
        lines = [
            ProjectLine(
                project.id,
                project.name,
                project.organization_id,
                project.public_key,
                project.dsn,
                project.created_at,
                statuses[project_id]["open"],
                totals[project_id].events,
                totals[project_id].transactions,
            )
            for project_id, project in zip(ids, shown, strict=True)
        ]
        return ProjectLines(lines)

    return await one(reader_of(request, group_of(holder)), ask)


@post(
    "/projects",
    status_code=HTTP_201_CREATED,
    opt=describes(body=NameForm, example={"name": "Kiosk"}, asks="token", errors=(409,)),
)
async def make_project(request: AnyRequest) -> NewProjectAnswer:
    """Create a project whose admin is the token's person."""
    holder = await holder_in(request, needs="write")
    if holder.user_id is None:
        raise Forbidden("Only a person's token can create projects")
    name = (await read_form(request, NameForm, otherwise=BAD_NAME)).name
    if name is None or not 1 <= len(name.strip()) <= MAX_NAME_CHARS:
        raise BadRequest(BAD_NAME)
    state = services(request)
    most = state.quotas.max_projects_per_user
    made = await create_project(state.database, state.vault, holder.user_id, name, at_most=most)
    reached = await project_for(state.database, holder, made.project_id, needs="write")
    return NewProjectAnswer(await _shown(request, holder, reached))


@get("/projects/{project_id:str}", opt=describes(answer=ProjectAnswer, asks="token"))
async def show_reached_project(request: AnyRequest, project_id: FromPath[str]) -> Response[bytes]:
    """Answer one project, and how it fares."""
    holder, reached = await project_in(request, project_id)
    project = reached.access.project
    shown = await _shown(request, holder, reached)
    statuses = await count_statuses(services(request).database, [project.project_id])
    counts = statuses[project.project_id]

    async def ask(warehouse: Warehouse) -> ProjectAnswer:
        totals, stats = await asyncio.gather(
            add_up_projects(warehouse, [project.project_id], today_us()),
            _stats(warehouse, project),
        )
        own = totals[project.project_id]
        return ProjectAnswer(
            shown,
            ProjectOverview(
                counts["open"],
                counts["resolved"],
                counts["ignored"],
                own.events,
                own.events_since,
                stats,
            ),
        )

    return await one(reader_of(request, project), ask)


async def _stats(warehouse: Warehouse, project: ProjectContext) -> TransactionStats:
    now_us = time.time_ns() // 1000
    day = TransactionFilter(from_us=now_us - DAY_US, to_us=now_us)
    figures = (await transactions.total(warehouse, project, day)).figures
    p50, _, p95, _ = figures.spread
    return TransactionStats(figures.count, p50, p95, figures.avg_ms or 0)


async def _shown(request: AnyRequest, holder: TokenHolder, reached: ReachedProject) -> AgentProject:
    project_id = reached.access.project.project_id
    keys = await list_dsn_keys(services(request).database, project_id)
    base = str(request.base_url).rstrip("/") + prefix_of(request)
    key = keys[0].public_key if keys else None
    return AgentProject(
        project_id,
        reached.name,
        holder.user_id,
        key,
        None if key is None else dsn_of(base, key, reached.number),
        iso_ms(reached.created_at),
    )


HANDLERS = (list_reached_projects, make_project, show_reached_project)
