"""`/api/v1/me`, `/api/v1/org/stats`, `/api/v1/org/activity`: the token, and all that it reaches."""

import time
from typing import Annotated

from litestar import Response, get
from msgspec import Meta, Struct

from api.auth import AnyRequest, services
from api.declared import takes
from api.errors.issue_answers import moment
from api.holders import group_of, holder_in, projects_in
from api.parameters import read, values_of
from api.reads import reader_of
from api.rows import one
from clickhouse.client import Warehouse
from clickhouse.errors.overview import add_up_projects
from controlplane.errors.activity import list_recent
from controlplane.errors.listing import count_statuses
from schemas.described import describes
from schemas.errors.agent_answers import (
    AgentActivity,
    AgentActivityList,
    MeAnswer,
    StatsAnswer,
)
from schemas.errors.issues import ActivityRow
from schemas.times import EPOCH, MICROSECOND, iso_ms
from schemas.zones import DAY_US


class RecentQuery(Struct, frozen=True, kw_only=True):
    """How much of what happened."""

    limit: Annotated[int, Meta(ge=1, le=50)] = 8


@get("/me", opt=describes(asks="token"))
async def get_me(request: AnyRequest) -> MeAnswer:
    """Answer what the token of the request is."""
    holder = await holder_in(request)
    ends = holder.expires_at
    return MeAnswer(
        organization_id=holder.user_id,
        project_id=holder.project_id,
        scope=holder.scope,
        name=holder.name,
        last_four=holder.last_four,
        expires_at=moment(None if ends is None else (ends - EPOCH) // MICROSECOND),
    )


@get("/org/stats", opt=describes(answer=StatsAnswer, asks="token"))
async def get_stats(request: AnyRequest) -> Response[bytes]:
    """Add up the projects that the token reaches."""
    holder = await holder_in(request)
    ids = [reached.access.project.project_id for reached in await projects_in(request, holder)]
    statuses = await count_statuses(services(request).database, ids)

    async def ask(warehouse: Warehouse) -> StatsAnswer:
        totals = (await add_up_projects(warehouse, ids, today_us())).values()
        transactions = sum(each.transactions_since for each in totals)
        failed = sum(each.failed_since for each in totals)
        return StatsAnswer(
            project_count=len(ids),
            open_issues=sum(counts["open"] for counts in statuses.values()),
            total_issues=sum(sum(counts.values()) for counts in statuses.values()),
            events_today=sum(each.events_since for each in totals),
            transactions_today=transactions,
            error_rate=round(100 * failed / transactions, 2) if transactions else 0,
        )

    return await one(reader_of(request, group_of(holder)), ask)


@get("/org/activity", opt={**takes(RecentQuery), **describes(asks="token")})
async def get_recent_activity(request: AnyRequest) -> AgentActivityList:
    """Answer what happened last to issues that the token reaches."""
    holder = await holder_in(request)
    query = read(values_of(request), RecentQuery)
    ids = [reached.access.project.project_id for reached in await projects_in(request, holder)]
    rows = await list_recent(services(request).database, ids, query.limit)
    return AgentActivityList([_activity(row) for row in rows])


def today_us() -> int:
    """Return when this day began in UTC, in microseconds since 1970."""
    now_us = time.time_ns() // 1000
    return now_us - now_us % DAY_US


def _activity(row: ActivityRow) -> AgentActivity:
    return AgentActivity(
        id=row.id,
        type=row.kind,
        project_id=row.project_id,
        issue_id=row.issue_id,
        issue_number=row.number,
        title=row.title,
        user=row.user_name,
        created_at=iso_ms(row.at_us),
    )


HANDLERS = (get_me, get_stats, get_recent_activity)
