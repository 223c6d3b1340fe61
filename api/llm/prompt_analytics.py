"""Prompts in numbers, and versions of one beside each other: `GET analytics/prompts`."""

from typing import Annotated, Literal

from litestar import get
from litestar.response import Response
from msgspec import Meta
from msgspec.structs import replace

from api.auth import AnyRequest
from api.declared import takes
from api.holders import by_token
from api.llm.analytics import range_of_analytics
from api.llm.filters import TraceNames, trace_filter
from api.parameters import Project, invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from clickhouse.client import Warehouse
from clickhouse.llm.prompt_sums import PromptQuery, sum_prompts
from clickhouse.llm.rollups import METADATA
from clickhouse.queries.outlived import rows_from_of
from clickhouse.queries.periods import WIDTHS_US
from schemas.described import describes
from schemas.llm.prompt_answers import PromptAnalytics

MOST_PERIODS = 2_000
Interval = Literal["hour", "day", "week", "month"]
PROJECT = "/projects/{project_id:str}"


class PromptAnalyticsQuery(TraceNames, frozen=True, kw_only=True):
    """Which calls; with `prompt`, the versions of that one."""

    date_from: str
    date_to: str
    prompt: Annotated[str, Meta(min_length=1)] | None = None
    interval: Interval | None = None


@get(
    "/analytics/prompts",
    opt={**takes(PromptAnalyticsQuery, prefix=METADATA), **describes(answer=PromptAnalytics)},
)
async def get_prompt_analytics(request: AnyRequest, project: Project) -> Response[bytes]:
    """Answers prompts with their calls, costs, latencies and scores; of one, its versions."""
    values = values_of(request)
    query = read(values, PromptAnalyticsQuery)
    project, first, last = range_of_analytics(
        project, query, date_from=query.date_from, date_to=query.date_to
    )
    if query.interval and (last - first) // WIDTHS_US[query.interval] > MOST_PERIODS:
        raise invalid("interval", f"Expected a range of at most {MOST_PERIODS} {query.interval}s")
    wanted = replace(trace_filter(values, query), from_us=first, to_us=last)

    async def ask(store: Warehouse) -> PromptAnalytics:
        found = await sum_prompts(store, project, PromptQuery(wanted, query.interval))
        return PromptAnalytics(found, project.time_zone, rows_from_of(project, first))

    return await one(reader_of(request, project), ask)


HANDLERS = (get_prompt_analytics,)
BY_TOKEN = (by_token(f"{PROJECT}/analytics/prompts", get_prompt_analytics),)
