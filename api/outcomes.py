"""What became of everything received: `GET outcomes`."""

import time
from functools import partial
from typing import Any

from litestar import Request, get
from litestar.response import Response

from api.dates import date_range
from api.declared import takes
from api.outgoing import answer
from api.parameters import Project, read, values_of
from api.reads import reader_of
from api.rows import Begun, begin
from api.time_zones import TimeZone, on_clock_of
from clickhouse.client import Warehouse
from clickhouse.queries.outcomes import (
    AT_ONCE,
    After,
    Wanted,
    add_up_outcomes,
    count_pages,
    read_outcomes,
)
from clickhouse.queries.periods import Period
from schemas.answers import OutcomeCount, OutcomesAnswer
from schemas.described import describes
from schemas.outcomes import Word
from schemas.projects import ProjectContext

DAY_S = 86_400
# What a DateTime holds.
LATEST_S = (1 << 32) - 1


class OutcomesQuery(TimeZone, frozen=True, kw_only=True):
    """Which outcomes, and what they are added up over."""

    date_from: str | None = None
    date_to: str | None = None
    kind: str | None = None
    outcome: Word | None = None
    interval: Period = "minute"


@get("/outcomes", opt={**takes(OutcomesQuery), **describes(answer=OutcomesAnswer)})
async def get_outcomes(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers the outcomes of a range, by default of the last 24 hours."""
    query = read(values_of(request), OutcomesQuery)
    project = on_clock_of(project, query)
    first, last = date_range(query.date_from, query.date_to, project.time_zone)
    to_s = int(time.time()) if last is None else _seconds(last)
    from_s = max(to_s - DAY_S, 0) if first is None else _seconds(first)
    # A minute counts where the range touches it.
    between_s = (from_s - from_s % 60, to_s)
    wanted = Wanted(between_s, query.kind or None, query.outcome, query.interval)
    counts, shell = await begin(reader_of(request, project), partial(_begin, project, wanted))
    return await answer(shell, counts)


async def _begin(
    project: ProjectContext, wanted: Wanted, warehouse: Warehouse
) -> tuple[Begun, OutcomesAnswer]:
    first, after = await read_outcomes(warehouse, project, wanted, After())
    shell = await add_up_outcomes(warehouse, project, wanted)
    if len(first) < AT_ONCE:
        return Begun(first), shell
    pages = await count_pages(warehouse, project, wanted)

    async def ask(store: Warehouse) -> list[OutcomeCount]:
        nonlocal after
        counts, after = await read_outcomes(store, project, wanted, after)
        return counts

    return Begun(first, [ask] * (pages - 1)), shell


def _seconds(moment_us: int) -> int:
    return min(max(moment_us // 1_000_000, 0), LATEST_S)


HANDLERS = (get_outcomes,)
