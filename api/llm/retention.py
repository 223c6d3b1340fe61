"""Which users came back: `GET analytics/retention`."""

import time
from typing import Annotated, Any

from litestar import Request, get
from litestar.response import Response
from msgspec import Meta
from msgspec.structs import replace

from api.dates import date_range
from api.declared import takes
from api.llm.filters import TraceNames, trace_filter
from api.parameters import Project, read, values_of
from api.reads import reader_of
from api.rows import one
from api.time_zones import on_clock_of
from clickhouse.client import Warehouse
from clickhouse.llm.retention import MOST_PERIODS, RetentionPeriod, read_retention
from clickhouse.llm.rollups import METADATA
from schemas.described import describes
from schemas.llm.subject_answers import RetainedCohort, RetentionAnswer
from schemas.times import iso_ms


class RetentionQuery(TraceNames, frozen=True, kw_only=True):
    """Whose calls count, and into which periods they are put; `date_to` is now where none is."""

    period: RetentionPeriod = "week"
    periods: Annotated[int, Meta(ge=1, le=MOST_PERIODS)] = 12
    date_to: str | None = None


@get(
    "/analytics/retention",
    opt={**takes(RetentionQuery, prefix=METADATA), **describes(answer=RetentionAnswer)},
)
async def get_retention(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers how many users of each period came back."""
    values = values_of(request)
    query = read(values, RetentionQuery)
    project = on_clock_of(project, query)
    _, last = date_range(None, query.date_to, project.time_zone)
    wanted = replace(
        trace_filter(values, query), to_us=time.time_ns() // 1000 if last is None else last
    )

    async def ask(store: Warehouse) -> RetentionAnswer:
        found = await read_retention(store, project, wanted, query.period, count=query.periods)
        kept_from = found.kept_from_us
        return RetentionAnswer(
            period=query.period,
            time_zone=project.time_zone,
            kept_from=None if kept_from is None else iso_ms(kept_from),
            cohorts=[
                RetainedCohort(cohort.period, iso_ms(cohort.begin_us), cohort.seen[0], cohort.seen)
                for cohort in found.cohorts
            ],
        )

    return await one(reader_of(request, project), ask)


HANDLERS = (get_retention,)
